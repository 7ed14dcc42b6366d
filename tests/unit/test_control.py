"""The control socket: for its owner alone, every refusal with its reason, gone with the run."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sim import control
from sim.clock import run as in_uvloop
from sim.control import VERBS, ControlServer, send
from sim.errors import Refused
from sim.paths import PROJECT


class Handler:
    """Notes what it is asked; refuses what it is told to refuse."""

    def __init__(self, refusing: str = "") -> None:
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.refusing = refusing

    async def __call__(self, verb: str, who: str, arguments: dict[str, Any]) -> str:
        self.asked.append((verb, who, arguments))
        if self.refusing:
            raise Refused(self.refusing, todo="wait")
        return f"{verb} done"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder everybody may enter, so that it is the socket that keeps them out."""
    with tempfile.TemporaryDirectory(prefix="rehearse-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def left(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def where(run_dir: Path) -> Path:
    return Path(json.loads((run_dir / "control.json").read_text())["socket"])


async def raw(run_dir: Path, line: bytes) -> dict[str, Any]:
    reader, writer = await asyncio.open_unix_connection(str(where(run_dir)))
    writer.write(line)
    await writer.drain()
    answer = json.loads(await reader.readline())
    writer.close()
    return dict(answer)


def test_socket_and_note_are_for_their_owner_alone(tmp_path: Path) -> None:
    """With the loop that the rehearsal really runs in, and a umask that would let everybody in."""
    async def look() -> tuple[int, int]:
        before = os.umask(0)
        server = ControlServer(tmp_path, Handler())
        try:
            await server.start()
            assert os.umask(0) == 0, "the process' own umask is put back"
        finally:
            os.umask(before)
        try:
            assert stat.S_ISSOCK(where(tmp_path).stat().st_mode)
            return mode(where(tmp_path)), mode(tmp_path / "control.json")
        finally:
            await server.close()

    assert in_uvloop(look()) == (0o600, 0o600)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can try it as somebody else")
async def test_somebody_else_cannot_connect(open_folder: Path) -> None:
    server = ControlServer(open_folder, handler := Handler())
    await server.start()
    try:
        code = ("import os, socket, sys; os.setgid(65534); os.setuid(65534); s = socket.socket(socket.AF_UNIX);\n"
                "os.stat(sys.argv[1])\n"
                "try: s.connect(sys.argv[1])\nexcept PermissionError: sys.exit(7)")
        other = await asyncio.create_subprocess_exec(sys.executable, "-c", code, str(where(open_folder)))
        assert await other.wait() == 7
        assert handler.asked == []
        assert await asyncio.to_thread(send, open_folder, "pause", who="kim") == "pause done"
    finally:
        await server.close()


async def test_a_command_reaches_the_handler_with_who_and_arguments(tmp_path: Path) -> None:
    server = ControlServer(tmp_path, handler := Handler())
    await server.start()
    try:
        told = await asyncio.to_thread(send, tmp_path, "postpone", who="kim", for_s=90.0, reason="not yet")
        assert told == "postpone done"
        assert handler.asked == [("postpone", "kim", {"for_s": 90.0, "reason": "not yet"})]
    finally:
        await server.close()


async def test_a_refused_command_carries_its_reason_and_what_to_do(tmp_path: Path) -> None:
    server = ControlServer(tmp_path, Handler("there is no way back any more"))
    await server.start()
    try:
        with pytest.raises(Refused) as refused:
            await asyncio.to_thread(send, tmp_path, "abort", who="kim")
        assert "there is no way back any more" in str(refused.value) and "wait" in str(refused.value)
        assert refused.value.where == "ctl abort" and refused.value.exit_code == 254
    finally:
        await server.close()


@pytest.mark.parametrize("line", [b"\n", b"[]\n", b'"abort"\n', b"{\n", b"{}\n", b'{"who": "kim"}\n', b"\xff\xfe\n",
                                  b'{"verb": "handle"}\n', b'{"verb": "_decide"}\n', b'{"verb": null}\n',
                                  b'{"verb": ["abort"]}\n'])
async def test_nonsense_is_answered_and_never_carried_out(tmp_path: Path, line: bytes) -> None:
    server = ControlServer(tmp_path, handler := Handler())
    await server.start()
    try:
        answer = await raw(tmp_path, line)
        assert answer["ok"] is False and answer["text"]
        assert handler.asked == []
        assert (await raw(tmp_path, b'{"verb": "status"}\n'))["ok"] is True, "the next command is heard"
    finally:
        await server.close()


async def test_an_unknown_command_is_told_which_there_are(tmp_path: Path) -> None:
    server = ControlServer(tmp_path, Handler())
    await server.start()
    try:
        with pytest.raises(Refused, match="there is no command 'abrot'") as refused:
            await asyncio.to_thread(send, tmp_path, "abrot", who="kim")
        assert all(verb in str(refused.value) for verb in VERBS)
    finally:
        await server.close()


async def test_a_line_without_end_takes_the_server_nowhere(tmp_path: Path) -> None:
    server = ControlServer(tmp_path, handler := Handler())
    await server.start()
    try:
        reader, writer = await asyncio.open_unix_connection(str(where(tmp_path)))
        writer.write(b"x" * 200_000)
        await writer.drain()
        assert await asyncio.wait_for(reader.read(), 5) == b"", "it is hung up on"
        writer.close()
        assert await asyncio.to_thread(send, tmp_path, "pause", who="kim") == "pause done"
        assert len(handler.asked) == 1
    finally:
        await server.close()


async def test_several_commands_on_one_connection(tmp_path: Path) -> None:
    server = ControlServer(tmp_path, handler := Handler())
    await server.start()
    try:
        reader, writer = await asyncio.open_unix_connection(str(where(tmp_path)))
        writer.write(b'{"verb": "pause", "who": "a"}\n{"verb": "resume", "who": "b"}\n')
        told = [json.loads(await reader.readline())["text"] for _ in range(2)]
        writer.close()
        assert told == ["pause done", "resume done"]
        assert [(verb, who) for verb, who, _ in handler.asked] == [("pause", "a"), ("resume", "b")]
    finally:
        await server.close()


async def test_a_name_as_long_as_a_book_is_cut(tmp_path: Path) -> None:
    server = ControlServer(tmp_path, handler := Handler())
    await server.start()
    try:
        await raw(tmp_path, json.dumps({"verb": "pause", "who": "x" * 1000}).encode() + b"\n")
        assert handler.asked[0][1] == "x" * 40
    finally:
        await server.close()


async def test_a_run_that_has_ended_takes_no_commands_and_leaves_nothing(tmp_path: Path) -> None:
    server = ControlServer(tmp_path, Handler())
    await server.start()
    await server.close()
    assert left(tmp_path) == []
    with pytest.raises(Refused, match="it has ended"):
        send(tmp_path, "abort", who="kim")


async def test_a_path_too_long_for_a_socket_is_moved_to_a_private_folder(tmp_path: Path) -> None:
    run_dir = tmp_path / ("d" * 60) / ("e" * 60)
    run_dir.mkdir(parents=True)
    server = ControlServer(run_dir, Handler())
    await server.start()
    path = where(run_dir)
    assert run_dir not in path.parents and len(str(path)) < 104
    assert mode(path.parent) == 0o700 and mode(path) == 0o600
    assert await asyncio.to_thread(send, run_dir, "status", who="kim") == "status done"
    await server.close()
    assert not path.parent.exists() and left(run_dir) == []


def test_a_killed_run_is_told_from_a_living_one(tmp_path: Path) -> None:
    code = ("import asyncio, pathlib, sys; from sim.control import ControlServer\n"
            "async def main():\n await ControlServer(pathlib.Path(sys.argv[1]), None).start(); print('up', flush=True);"
            " await asyncio.sleep(60)\nasyncio.run(main())")
    killed = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "PYTHONPATH": str(PROJECT)})
    assert killed.stdout is not None and killed.stdout.readline() == "up\n"
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    with pytest.raises(Refused, match="does not answer") as refused:
        send(tmp_path, "abort", who="kim")
    assert "rehearse clean" in str(refused.value)


def test_a_run_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "ANSWER_S", 0.1)
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(tmp_path / "s"))
        deaf.listen()
        (tmp_path / "control.json").write_text(json.dumps({"socket": str(tmp_path / "s")}))
        with pytest.raises(Refused, match="does not answer"):
            send(tmp_path, "abort", who="kim")


async def test_a_killed_run_s_socket_does_not_stop_the_next(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "control.sock"))
    server = ControlServer(tmp_path, Handler())
    await server.start()
    try:
        assert await asyncio.to_thread(send, tmp_path, "pause", who="kim") == "pause done"
    finally:
        await server.close()
