"""A rehearsal played from the command line: in this process, or in one of its own under the screen."""

from __future__ import annotations

import os
import secrets as randomness
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sim.cli.options import Engine
from sim.errors import BadInput

if TYPE_CHECKING:  # the command line's help waits for no rehearsal
    from sim.rehearsal import Options
    from sim.scenario import Scenario

ATTENDED = "REHEARSE_ATTENDED"
"""Set for a run whose person sits at a screen of its own."""


def chosen_scenario(name: str, *, engine: Engine, sets: list[str], card: Path | None = None) -> Scenario:
    """The scenario that is to be played. Raises BadInput for what nothing can play."""
    from sim.scenario import load_scenario

    if engine is Engine.model:
        raise BadInput("there is no model rig yet", where="--engine", todo="--engine process or docker")
    return load_scenario(name, sets=sets, card=card)


def look_over(chosen: Scenario, pause_before: str | None) -> None:
    """Say what is to be noted of it. Raises BadInput if it has no such step to pause before."""
    from sim.cli.sized import notes

    if pause_before is not None and chosen.step(pause_before) is None:
        raise BadInput(f"there is no step {pause_before!r} in {chosen.slug}", where="--pause-before",
                       todo="one of " + ", ".join(s.name for s in chosen.runbook))
    for note in notes(chosen):
        typer.echo(f"note: {note}", err=True)


def attended() -> bool:
    """Does somebody sit at this run: at its terminal, or at a screen of their own?"""
    return _terminal() or bool(os.environ.get(ATTENDED))


def play(chosen: Scenario, options: Options, *, tui: bool | None, json: bool, command: list[str], sets: list[str],
         role: str = "") -> int:
    """Play it under the screen on a terminal, plainly elsewhere; `tui` decides it otherwise. Returns the exit code."""
    if tui or (tui is None and _terminal() and sys.stdout.isatty() and not json):
        return with_screen(chosen, options, command, sets, role)
    return plain(chosen, options, json)


def _terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def plain(chosen: Scenario, options: Options, json: bool) -> int:
    """Play it here; its report (or verdict.json) goes to stdout. Returns the exit code."""
    import uvloop

    from sim.rehearsal import rehearse

    result = uvloop.run(rehearse(chosen, options))
    if json and result.verdict is not None:
        typer.echo((result.folder / "verdict.json").read_text(), nl=False)
    else:
        typer.echo(result.text, nl=False)
    return result.code


def with_screen(chosen: Scenario, options: Options, command: list[str], sets: list[str], role: str = "") -> int:
    """The rehearsal in a process of its own, the screen in this terminal.

    Whoever leaves the screen leaves the run alone; `rehearse watch latest` comes back.

    Args:
        command: how the process is told what to play, such as `["run", "10"]`.
        role: on a game day, whose screen it is.
    """
    from sim.rehearsal import prepare

    seed = options.seed if options.seed is not None else chosen.seed
    options = replace(options, attended=True, seed=seed if seed is not None else randomness.randbelow(2**31))
    _, folder = prepare(chosen, options)
    command = [sys.executable, "-m", "sim.cli.app", *command, "--engine", options.engine, "--seed", str(options.seed),
               "--run-dir", str(folder), "--no-tui", "--keep", options.keep]
    for one in sets:
        command += ["--set", one]
    if options.pause_before:
        command += ["--pause-before", options.pause_before]
    if options.yes:
        command.append("--yes")
    if options.metrics is not None:
        command += ["--metrics", str(options.metrics)]
    log = folder / "logs" / "rehearsal.log"
    with open(log, "wb") as output:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                 start_new_session=True, env={**os.environ, ATTENDED: "1"})
    screen = subprocess.run([sys.executable, "-m", "tui", str(folder), "--child", str(child.pid),
                             *(["--role", role] if role else [])], check=False)
    code = child.poll()
    if code is None:
        mine = f" --role {role}" if role else ""
        typer.echo(f"the run goes on: rehearse watch {folder.name}{mine}   rehearse ctl {folder.name} abort", err=True)
        return 0 if screen.returncode == 0 else 255
    report = folder / "report.txt"
    if report.exists():
        typer.echo(report.read_text(), nl=False)
    else:
        typer.echo(log.read_text()[-4000:], err=True, nl=False)
    return code
