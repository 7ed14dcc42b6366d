"""The options that every command which plays a rehearsal takes, said once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

DEFAULT = "10"


class Engine(StrEnum):
    """Where the real programs run."""

    auto = "auto"
    docker = "docker"
    process = "process"
    model = "model"


class Keep(StrEnum):
    """Which run folders are kept."""

    never = "never"
    on_broken = "on-broken"
    always = "always"


ScenarioName = Annotated[str, typer.Argument(help="number, name, unique prefix or path")]
EngineChoice = Annotated[Engine, typer.Option(envvar="REHEARSE_ENGINE", help="where the real programs run")]
Seed = Annotated[int | None, typer.Option(envvar="REHEARSE_SEED", help="instead of the scenario's")]
Sets = Annotated[list[str] | None, typer.Option("--set", help="key=value, such as runbook.copy.jobs=4")]
RunDir = Annotated[Path | None, typer.Option(envvar="REHEARSE_RUN_DIR", help="folder of this run")]
Tui = Annotated[bool | None, typer.Option("--tui/--no-tui", envvar="REHEARSE_TUI",
                                          help="the screen; default: on a terminal")]
KeepChoice = Annotated[Keep, typer.Option(envvar="REHEARSE_KEEP", help="which runs keep their logs")]
PauseBefore = Annotated[str | None, typer.Option(envvar="REHEARSE_PAUSE_BEFORE", help="pause before this step")]
Yes = Annotated[bool, typer.Option("--yes", envvar="REHEARSE_YES", help="approve every gate")]
AsJson = Annotated[bool, typer.Option("--json", help="verdict.json on stdout")]
Metrics = Annotated[int | None, typer.Option("--metrics", envvar="REHEARSE_METRICS", min=0, max=65535,
                                             help="Prometheus' metrics on this loopback port; 0: any")]
