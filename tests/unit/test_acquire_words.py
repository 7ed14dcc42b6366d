"""What programs say, what registries said, and what a program's end looks like."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import psutil
import pytest

from sim.errors import PartMissing
from sim.rigs.real.acquire import commands, pins, postgres, registry, words


@pytest.mark.parametrize("word", ["Version: v1.11.10", "v1.11.10", "hydra 1.11.10 (abc)"])
def test_the_version_asked_for_is_taken(word: str) -> None:
    words.expect_version(word, pins.hydra("1.11.10"), where="here")


@pytest.mark.parametrize("word", ["v1.11.1", "v1.11.100", "v11.11.10", "21.11.10", "master", "v2.3.0"])
def test_any_other_version_is_refused(word: str) -> None:
    with pytest.raises(PartMissing, match="another version") as refused:
        words.expect_version(word, pins.hydra("1.11.10"), where="here")
    assert refused.value.seen == word


def test_a_program_that_fails_has_said_nothing() -> None:
    with pytest.raises(PartMissing, match="did not tell its version"):
        words.first_line("v1.11.10\n", 1, part="hydra", where="here")
    with pytest.raises(PartMissing):
        words.first_line("\n \n", 0, part="hydra", where="here")


def hydra_with(tmp_path: Path, versions: list[str]) -> Path:
    program = tmp_path / f"hydra-{len(versions)}"
    names = "".join(f"migrations/{v}_a_name.postgres.up.sqlmigrations/{v}_a_name.down.sql" for v in versions)
    program.write_bytes(b"\x7fELF\x00" + names.encode() + b"\x00")
    return program


def test_migrations_are_counted_by_version(tmp_path: Path) -> None:
    program = hydra_with(tmp_path, ["20150101000001000000", "20150101000001000000", "20241129111700000000"])
    assert words.migrations_in(program) == (2, "20241129111700000000")


def test_a_hydra_with_other_migrations_is_refused(tmp_path: Path) -> None:
    program = hydra_with(tmp_path, ["20220328111500000000"])
    with pytest.raises(PartMissing, match="other migrations"):
        words.expect_migrations(program, pins.hydra("1.11.10"))
    with pytest.raises(PartMissing, match="other migrations"):
        words.expect_migrations(hydra_with(tmp_path, []), pins.hydra("2.2.0"))
    assert words.expect_migrations(program, pins.hydra("1.11.9")) == "1 migrations, newest 20220328111500000000"
    assert words.expect_migrations(program, pins.NATS) == ""


def test_packed_migrations_stand_without_their_folder(tmp_path: Path) -> None:
    program = tmp_path / "hydra-1.8.5"
    names = "".join(f"{20190100000001 + n}_client{kind}.up.sql{20190100000001 + n}_client.down.sql"
                    for n in range(46) for kind in ("", ".postgres"))
    program.write_bytes(b"\x7fELF\x00" + names.encode() + b"20200819163013_add_idx.postgres.up.sql\x00")
    assert words.expect_migrations(program, pins.hydra("1.8.5")) == "47 migrations, newest 20200819163013"
    program.write_bytes(b"\x7fELF\x00 no box was packed")
    with pytest.raises(PartMissing, match="other migrations") as refused:
        words.expect_migrations(program, pins.hydra("1.8.5"))
    assert "0, newest none" in refused.value.seen


@pytest.mark.parametrize(
    ("word", "major"),
    [("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", 15), ("postgres (PostgreSQL) 18.6", 18), ("?", 0)],
)
def test_postgres_major(word: str, major: int) -> None:
    assert postgres.major(word) == major


def test_a_registry_that_refused_is_not_asked_again_for_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REHEARSE_CACHE", str(tmp_path))
    monkeypatch.delenv("REHEARSE_PULL", raising=False)
    image = pins.TOXIPROXY.published
    assert registry.refused(image, "D1") == ""
    key = f"D1 {registry.registry_of(image)}"

    def said(seconds_ago: float) -> None:
        known = {key: registry.Refusal("no such host", time.time() - seconds_ago)}
        (tmp_path / "registries.json").write_bytes(msgspec.json.encode(known))

    said(3600)
    assert registry.refused(image, "D1") == "no such host"
    assert registry.pull(image, "D1") == "no such host"
    assert registry.refused(image, "another daemon") == ""
    assert registry.refused("postgres:15", "D1") == ""
    said(90_000)
    assert registry.refused(image, "D1") == ""
    monkeypatch.setenv("REHEARSE_PULL", "never")
    assert registry.refused("postgres:15", "D1") == "REHEARSE_PULL=never"
    said(3600)
    monkeypatch.setenv("REHEARSE_PULL", "always")
    assert registry.refused(image, "D1") == ""


@pytest.mark.parametrize(
    ("image", "name"),
    [("postgres:15", "the default registry"), ("a/b:1", "the default registry"), ("x.example/a/b:1", "x.example")],
)
def test_an_image_name_tells_its_registry(image: str, name: str) -> None:
    assert registry.registry_of(image) == name


async def test_a_command_gives_its_end_and_last_lines() -> None:
    heard: list[str] = []
    code = "import sys; print('out'); sys.stdout.flush(); print('err', file=sys.stderr); sys.exit(3)"
    ended = await commands.run([sys.executable, "-c", code], deadline_s=20, on_line=heard.append)
    assert ended == commands.Ended(3, "out\nerr")
    assert heard == ["out", "err"]


@pytest.mark.parametrize("how", ["deadline", "cancelled"])
async def test_nothing_of_a_command_is_left(tmp_path: Path, how: str) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 60 & echo $! > {pids}; echo $$ >> {pids}; wait"
    started = time.monotonic()
    task = asyncio.create_task(commands.run(["sh", "-c", script], deadline_s=0.5 if how == "deadline" else 60))
    if how == "deadline":
        with pytest.raises(TimeoutError):
            await task
    else:
        await eventually(lambda: pids.exists() and len(pids.read_text().split()) == 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert time.monotonic() - started < 20
    for pid in map(int, pids.read_text().split()):
        assert await gone(pid), f"{pid} lives on"


async def test_cancelled_while_it_starts_nothing_of_it_is_left(tmp_path: Path) -> None:
    """It may have started others before asyncio has told us that it runs; so cancel at every instant."""
    for n in range(40):
        pids = tmp_path / str(n)
        script = f"sleep 60 & echo $! > {pids}; echo $$ >> {pids}; wait"
        task = asyncio.create_task(commands.run(["sh", "-c", script], deadline_s=60))
        await asyncio.sleep(n * 0.0003)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for pid in pids.read_text().split() if pids.exists() else ():
            assert await gone(int(pid)), f"cancelled after {n * 0.3:.1f} ms, {pid} lives on"


async def gone(pid: int) -> bool:
    """A killed orphan may stay a moment as a zombie until init takes it."""

    def is_gone() -> bool:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return await eventually(is_gone)


async def eventually(true: Callable[[], bool]) -> bool:
    for _ in range(500):
        if true():
            return True
        await asyncio.sleep(0.01)
    return False


def test_a_complaint_before_the_version_is_not_taken_for_it() -> None:
    said = 'Config file not found because "Config File ".hydra" Not Found in "[/]""\nVersion:    v1.8.5\nGit Hash: x\n'
    assert words.first_line(said, 0, part="hydra", where="here") == "v1.8.5"
