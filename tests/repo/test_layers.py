"""Imports go one way; the contracts stand in pyproject.toml."""

import os
import subprocess
import sys

from sim.paths import PROJECT


def test_imports_go_one_way():
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()",
         "--no-cache"],
        cwd=PROJECT, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout
