"""Terminals that a test types into: sessions of a tmux server of its own."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

WIDTH, HEIGHT = 160, 50
_HELD = """trap : INT
exited=$1; shift
"$@"
echo $? >"$exited.part"
mv "$exited.part" "$exited"
exec sleep 3600
"""
"""Runs a command and keeps its exit code, and the terminal as it left it. tmux 3.3's own `remain-on-exit` now and
then never learns that a command has ended (one of some fifty that end at once)."""
_SIGNALLED = range(129, 129 + 64)
"""What a shell says of a command that a signal ended: 128 and its number."""


class Terminals:
    """One tmux server; `close` ends it and everything that still runs in it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._socket = folder, folder / "tmux"

    def open(self, name: str, command: Sequence[str], *, env: dict[str, str]) -> Terminal:
        """Begin a command in a terminal of its own; it stays readable when the command has ended."""
        exited = self._folder / f"{name}.exited"
        # Its size is its own: Readline leaves the one it knows in the environment, and screens believe that.
        setting = ["env", "-u", "COLUMNS", "-u", "LINES", *(f"{k}={v}" for k, v in env.items())]
        words = shlex.join(["sh", "-c", _HELD, "held", str(exited), *setting, *command])
        self.run("-f", os.devnull, "new-session", "-d", "-s", name, "-x", str(WIDTH), "-y", str(HEIGHT),
                 f"exec {words}")
        return Terminal(self, name, exited)

    def run(self, *arguments: str) -> str:
        """One tmux command; what it printed."""
        command = ["tmux", "-S", str(self._socket), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"tmux {' '.join(arguments[:2])}: {done.stderr.strip()}")
        return done.stdout

    def close(self) -> None:
        """End the server."""
        subprocess.run(["tmux", "-S", str(self._socket), "kill-server"], capture_output=True, check=False)


class Terminal:
    """One session."""

    def __init__(self, server: Terminals, name: str, exited: Path) -> None:
        self._server, self.name, self._exited = server, name, exited

    def press(self, *keys: str) -> None:
        """Keys by tmux' names, such as `Enter`, `Escape`, `Down`, `w`."""
        self._server.run("send-keys", "-t", self.name, *keys)

    def type(self, text: str) -> None:
        """Text as it stands."""
        self._server.run("send-keys", "-t", self.name, "-l", text)

    def shows(self) -> str:
        """What is on it now."""
        return self._server.run("capture-pane", "-p", "-t", self.name)

    def wait(self, *words: str, within_s: float) -> str:
        """Wait until it shows all these words; returns what it shows. Raises AssertionError with what it did show."""
        until = time.monotonic() + within_s
        while True:
            shown = self.shows()
            if all(word in shown for word in words):
                return shown
            if time.monotonic() > until:
                raise AssertionError(f"{self.name} never showed {words} in {within_s:g} s; it shows:\n{shown}")
            time.sleep(0.2)

    def exit_code(self, *, within_s: float) -> int:
        """Wait until its command has ended; a signal's number comes back negative, as from `subprocess`."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            if self._exited.exists():
                code = int(self._exited.read_text())
                return 128 - code if code in _SIGNALLED else code
            time.sleep(0.2)
        raise AssertionError(f"{self.name} did not end in {within_s:g} s; it shows:\n{self.shows()}")
