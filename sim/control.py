"""How other processes speak to a running rehearsal: one socket a run, JSON lines.

The run listens on a Unix socket that only its owner may open (0600); `control.json` in the
run folder says where it is and which process owns it, so that the screen and `rehearse ctl`
find it. A request is `{"verb", "who", …}`, on a game day with `role`, an answer `{"ok": true, "text"}` or
`{"ok": false, "text"}` with the reason of the refusal.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sim.errors import Refused

VERBS = ("pause", "resume", "step", "approve", "postpone", "nogo", "abort", "panic", "stop", "inject", "heal",
         "faults", "buffer", "note", "tag", "status")
ANSWER_S = 5.0
"""Assumption: an answer is a matter of milliseconds; five seconds means the run hangs."""
_PATH_LIMIT = 100  # sockaddr_un holds 108 bytes on Linux, 104 on macOS

Handler = Callable[[str, str, dict[str, Any]], Awaitable[str]]
"""(verb, who, arguments) -> what was done; raises Refused with the reason."""


class ControlServer:
    """Listens for commands from the run's start to its end."""

    def __init__(self, run_dir: Path, handler: Handler) -> None:
        self._run_dir, self._handler = run_dir, handler
        self._server: asyncio.Server | None = None
        self._folder: str | None = None
        self._path = run_dir / "control.sock"

    async def start(self) -> None:
        """Open the socket and write control.json."""
        if len(str(self._path)) > _PATH_LIMIT:
            self._folder = tempfile.mkdtemp(prefix="rehearse-")
            self._path = Path(self._folder) / "control.sock"
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, str(self._path))
        finally:
            os.umask(before)
        note = self._run_dir / "control.json"
        note.write_text(json.dumps({"pid": os.getpid(), "socket": str(self._path)}) + "\n")
        note.chmod(0o600)

    async def close(self) -> None:
        """Stop listening and remove the socket; run folders keep no trace of it."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for leftover in (self._path, self._run_dir / "control.json"):
            with contextlib.suppress(FileNotFoundError):
                leftover.unlink()
        if self._folder:
            with contextlib.suppress(OSError):
                os.rmdir(self._folder)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # the other side went away or sent a line beyond the reader's limit
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            verb = request.pop("verb")
            who = str(request.pop("who", "somebody"))[:40]
        except (ValueError, KeyError, AttributeError, TypeError):
            return {"ok": False, "text": "a command is a JSON object with a verb"}
        if verb not in VERBS:
            return {"ok": False, "text": f"there is no command {verb!r}; there are {', '.join(VERBS)}"}
        try:
            return {"ok": True, "text": await self._handler(verb, who, request)}
        except Refused as refused:
            return {"ok": False, "text": str(refused)}


def send(run_dir: Path, verb: str, *, who: str, **arguments: Any) -> str:
    """Send one command to the run of a folder and return its answer.

    Raises Refused if the run does not live, does not answer or refuses.
    """
    try:
        where = json.loads((run_dir / "control.json").read_text())["socket"]
    except (OSError, ValueError, KeyError) as error:
        raise Refused("this run takes no commands: it has ended", where=str(run_dir),
                      todo="rehearse runs shows which runs live") from error
    request = json.dumps({"verb": verb, "who": who, **arguments}).encode() + b"\n"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
            channel.settimeout(ANSWER_S)
            channel.connect(where)
            channel.sendall(request)
            with channel.makefile("rb") as stream:
                answer = json.loads(stream.readline())
    except (OSError, ValueError) as error:
        raise Refused("the run does not answer", where=str(run_dir), seen=str(error),
                      todo="if its process was killed: rehearse clean") from error
    if not answer["ok"]:
        raise Refused(answer["text"], where=f"ctl {verb}")
    return str(answer["text"])
