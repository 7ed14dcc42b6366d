"""`rehearse runs`, and how a RUN is found: latest, an id, a unique prefix or a path."""

from __future__ import annotations

import json as json_
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from sim.cli.output import next_step, result, result_json, screen_width, table
from sim.errors import BadInput
from sim.paths import data
from sim.paths import runs as runs_folder

DEMO = "demo"
"""The recording that ships."""


class RunLine(NamedTuple):
    """One run, as its folder tells it."""

    id: str
    scenario: str
    seed: int | None
    engine: str
    verdict: str
    """held, broken, unknown; `rolled back` stands beside it; `unfinished` without a verdict."""
    path: str


def run_folders() -> list[Path]:
    """All run folders, newest first (their names begin with the time)."""
    found = (p for p in runs_folder().iterdir() if p.is_dir() and not p.is_symlink() and not p.name.startswith("."))
    return sorted(found, key=lambda p: p.name, reverse=True)


def find_run(run: str) -> Path:
    """The run folder that `run` means: latest, an id, a unique prefix or a path.

    Raises BadInput if there is none, or more than one.
    """
    given = Path(run).expanduser()
    if ("/" in run or run.startswith(".")) and not (given / "history.jsonl").exists():
        raise BadInput("there is no run in this folder", where=str(given), todo="rehearse runs lists the runs")
    if "/" in run or run.startswith("."):
        return given.resolve()
    if run == "latest":
        link = runs_folder() / "latest"
        if (link / "history.jsonl").exists():
            return link.resolve()
    folders = run_folders()
    if not folders:
        raise BadInput("there is no run yet", where=str(runs_folder()), todo="rehearse run 10")
    if run == "latest":
        return folders[0]
    exact = [f for f in folders if f.name == run]
    found = exact or [f for f in folders if f.name.startswith(run)]
    if not found and (given / "history.jsonl").exists():
        return given.resolve()
    if not found:
        from sim.scenario.messages import suggest

        raise BadInput(
            f"there is no run `{run}`",
            where=str(runs_folder()),
            todo=suggest(run, [f.name for f in folders[:10]], what="runs"),
        )
    if len(found) > 1:
        raise BadInput(
            f"`{run}` fits {len(found)} runs: {', '.join(f.name for f in found[:5])}", todo="write more of it"
        )
    return found[0]


def recording(run: str) -> Path:
    """The folder whose history is to be read and not changed: a run's, or for demo the shipped one.

    Raises BadInput if there is none, or (for demo) if none was shipped.
    """
    from sim.history.history import history_file

    if run != DEMO:
        return find_run(run)
    folder = data("scenarios", DEMO)
    if not history_file(folder).exists():
        raise BadInput("no recording was shipped with this copy", where=str(folder),
                       todo="rehearse run 10, then watch latest")
    return folder


def list_runs() -> list[RunLine]:
    """All runs, newest first."""
    return [_line(folder) for folder in run_folders() if (folder / "history.jsonl").exists()]


def complete_run(incomplete: str) -> list[str]:
    """Completion of a RUN."""
    names = ["latest", *(f.name for f in run_folders())]
    return [name for name in names if name.startswith(incomplete)]


def _line(folder: Path) -> RunLine:
    header = _first_line(folder / "history.jsonl")
    try:
        verdict = json_.loads((folder / "verdict.json").read_bytes())
    except (OSError, ValueError):
        verdict = {}
    said = str(verdict.get("verdict", "unfinished"))
    if verdict.get("ended") == "rolled_back":
        said += ", rolled back"
    seed = header.get("seed")
    return RunLine(
        folder.name,
        str(header.get("scenario", "?")),
        seed if isinstance(seed, int) else None,
        str(header.get("engine", "?")),
        said,
        str(folder),
    )


def _first_line(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            header = json_.loads(file.readline(1 << 16))
    except (OSError, ValueError):
        return {}
    return header if isinstance(header, dict) else {}


def runs(
    json: Annotated[bool, typer.Option("--json", help="the list as JSON")] = False,
) -> None:
    """List the runs of this folder, newest first."""
    lines = list_runs()
    if json:
        result_json([line._asdict() for line in lines])
        return
    if not lines:
        result("no runs here yet")
        next_step("rehearse run 10")
        return
    rows = [(line.id, line.verdict, line.engine, line.scenario) for line in lines]
    result(table(("run", "verdict", "engine", "scenario"), rows, width=screen_width()))
    next_step("rehearse report latest")
