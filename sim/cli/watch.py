"""`rehearse watch RUN`: the screen, live if the run lives, else its recording played again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from sim.errors import BadInput


def watch(
    run: Annotated[
        str, typer.Argument(help="latest, a run's id, a prefix or a path; demo plays the shipped one")
    ] = "latest",
    speed: Annotated[float, typer.Option(envvar="REHEARSE_SPEED", help="of a replay; 1 is as it went")] = 1.0,
    replay: Annotated[bool, typer.Option("--replay", help="from the beginning, even if the run lives")] = False,
    read_only: Annotated[bool, typer.Option("--read-only", help="send no command to the run")] = False,
    role: Annotated[str | None, typer.Option("--role", help="yours on a game day; only the facilitator is shown "
                                             "surprises before the end")] = None,
    serve: Annotated[bool, typer.Option("--serve", help="in a browser on this machine; read-only")] = False,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="for --serve; 0 takes a free one")] = 0,
    commands: Annotated[bool, typer.Option("--commands", help="let the browser of --serve command the run")] = False,
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="write a picture of one screen instead; "
                                             "needs no terminal")] = None,
    screen: Annotated[str, typer.Option("--screen", help="for --svg: 1 to 8, or a name such as traffic")] = "1",
    size: Annotated[str, typer.Option("--size", help="for --svg: columns x rows")] = "80x24",
    theme: Annotated[str, typer.Option("--theme", help="for --svg: dark, light or contrast")] = "dark",
    at: Annotated[str, typer.Option("--at", help="for --svg: migrate, switch, migrate + 5s, or 57s; "
                                    "else as it stands now")] = "",
) -> None:
    """Watch a run: live while it lives, else replayed; q leaves it alone.

    With --svg a picture of a screen: rehearse watch latest --svg ledger.svg --screen 5 --size 160x50 --theme light.
    """
    if not 0 < speed <= 1000:
        raise BadInput(
            "a speed is a number above 0, at most 1000",
            where="--speed",
            seen=f"{speed:g}",
            todo="--speed 4 plays four times as fast",
        )
    from sim.cli.runs import recording

    folder = recording(run)
    if role is not None:
        _check_role(folder, role)
    as_role = ["--role", role] if role is not None else []
    if svg is not None:
        _picture(folder, svg, ["--screen", screen, "--size", size, "--theme", theme, "--at", at, *as_role])
        return
    if not serve and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise BadInput("the screen needs a terminal", where="watch", todo=f"rehearse report {run} prints the result")
    command = [sys.executable, "-m", "tui", str(folder)]
    if replay or not lives(folder):
        command += ["--replay", "--speed", f"{speed:g}"]
    command += as_role
    if read_only or (serve and not commands):
        command.append("--read-only")
    if serve:
        from sim.cli.in_browser import in_browser

        in_browser(command, port)
        return
    raise typer.Exit(subprocess.run(command, check=False).returncode)


def _picture(folder: Path, to: Path, options: list[str]) -> None:
    """The screen's own process draws it, and says what is wrong."""
    from sim.cli.output import progress

    drawn = subprocess.run([sys.executable, "-m", "tui", str(folder), "--svg", str(to), *options], check=False)
    if drawn.returncode:
        raise typer.Exit(drawn.returncode if drawn.returncode == 254 else 255)
    progress(f"written: {to}")


def _check_role(folder: Path, role: str) -> None:
    """Raises BadInput if the run has no such role, or is no game day."""
    from sim.cli.gameday import known_role
    from sim.scenario import load_scenario

    game = load_scenario(str(folder / "scenario.yaml")).gameday
    if game is None:
        raise BadInput("this run is no game day: there are no roles", where="--role", todo="leave it out")
    known_role(role, list(game.roles))


def lives(folder: Path) -> bool:
    """Does the run's process still live? Told by its control.json, and by whether that process is there."""
    import psutil

    try:
        return bool(psutil.pid_exists(int(json.loads((folder / "control.json").read_bytes())["pid"])))
    except (OSError, ValueError, KeyError, TypeError):
        return False
