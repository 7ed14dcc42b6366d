"""The cache of parts: only what is whole counts, and one builds at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sim.rigs.real.acquire import store


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REHEARSE_CACHE", str(tmp_path / "cache"))


def manifest(program: Path) -> store.Manifest:
    return store.Manifest(
        part="toxiproxy",
        source="built",
        word="version 2.12.0",
        why="",
        main=program.name,
        size_bytes=program.stat().st_size,
        sha256=store.sha256_file(program),
        took_s=1.0,
    )


async def make(where: Path, content: bytes) -> None:
    async with store.workplace(where) as work:
        program = work / "program"
        program.write_bytes(content)
        store.finish(work, where, manifest(program))


async def test_a_part_counts_only_when_it_is_finished() -> None:
    where = store.folder("toxiproxy", "recipe 1")
    with pytest.raises(RuntimeError, match="killed"):
        async with store.workplace(where) as work:
            (work / "program").write_bytes(b"half")
            raise RuntimeError("killed")
    assert store.read(where) is None
    assert list(where.parent.iterdir()) == []

    await make(where, b"whole")
    found = store.read(where)
    assert found is not None
    assert (found.word, found.size_bytes) == ("version 2.12.0", 5)


async def test_a_truncated_program_is_no_part() -> None:
    where = store.folder("toxiproxy", "recipe 1")
    await make(where, b"whole")
    (where / "program").write_bytes(b"who")
    assert store.read(where) is None


async def test_a_folder_without_its_manifest_is_no_part_and_is_replaced() -> None:
    where = store.folder("toxiproxy", "recipe 1")
    where.mkdir(parents=True)
    (where / "program").write_bytes(b"left over")
    assert store.read(where) is None
    await make(where, b"whole")
    assert (where / "program").read_bytes() == b"whole"


async def test_what_a_killed_build_left_is_swept_by_the_next_one() -> None:
    where = store.folder("toxiproxy", "recipe 1")
    left = where.parent / f".{where.name}.abc"
    (left / "source").mkdir(parents=True)
    (left / "source").chmod(0o500)
    await make(where, b"whole")
    assert [p.name for p in where.parent.iterdir()] == [where.name]


def test_another_recipe_is_another_part() -> None:
    assert store.folder("hydra-2.3.0", "sum 1") != store.folder("hydra-2.3.0", "sum 2")


async def test_two_at_once_build_once() -> None:
    where = store.folder("nats", "recipe")
    built: list[int] = []
    waited: list[int] = []

    async def one(number: int) -> None:
        async with store.locked(where.name, waiting=lambda: waited.append(number)):
            if store.read(where) is None:
                built.append(number)
                await asyncio.sleep(0.05)
                await make(where, b"whole")

    await asyncio.gather(one(1), one(2), one(3))
    assert len(built) == 1
    assert sorted(built + waited) == [1, 2, 3]


async def test_a_lock_is_free_again_after_a_failure() -> None:
    with pytest.raises(RuntimeError):
        async with store.locked("x", waiting=lambda: None):
            raise RuntimeError
    async with asyncio.timeout(1), store.locked("x", waiting=lambda: pytest.fail("the lock was kept")):
        pass
