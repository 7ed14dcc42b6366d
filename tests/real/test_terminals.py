"""The terminals that tests type into say truly how a command ended."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from tmux import HEIGHT, WIDTH, Terminals

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is missing: nothing to type into")


@pytest.mark.parametrize(("command", "code"), [
    ("trap '' HUP; exec <&- >&- 2>&-; sleep 1; exit 3", 3),
    ("trap '' HUP; exec <&- >&- 2>&-; sleep 1; exit 0", 0),
    ("kill -9 $$", -9),
])
def test_an_exit_is_known_when_the_process_is_gone_not_when_its_terminal_is(
        tmp_path: Path, command: str, code: int) -> None:
    terminals = Terminals(tmp_path)
    try:
        assert terminals.open("one", ["sh", "-c", command], env={}).exit_code(within_s=10) == code
    finally:
        terminals.close()


def test_a_terminal_has_its_own_size_whatever_the_tests_were_started_in(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readline puts the size it knows into the environment of whoever imports it, and the screens believe that."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    terminals = Terminals(tmp_path)
    try:
        asks = "import shutil; print(*shutil.get_terminal_size())"
        terminals.open("one", [sys.executable, "-c", asks], env={}).wait(f"{WIDTH} {HEIGHT}", within_s=10)
    finally:
        terminals.close()
