"""The terminals that tests type into say truly how a command ended."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tmux import Terminals

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
