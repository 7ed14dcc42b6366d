"""`rehearse up`, `down`, `env`: the stack alone, without traffic or runbook.

`up` starts a small process of its own that holds the stack until `down` (or a signal) ends it.
"""

from __future__ import annotations

import json as jsons
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from sim.errors import BadInput, RehearsalError

WITHIN_S = 900.0
"""Assumption: a first `up` may have to build every program: ten minutes and a reserve."""

DOWN_S = 60.0
"""Assumption: removing everything takes seconds; a minute means a daemon that hangs."""


def up(
    scenario: Annotated[str, typer.Argument(help="whose stack, versions and population")] = "10",
    engine: Annotated[str, typer.Option(help="auto, docker or process")] = "auto",
    set_: Annotated[list[str] | None, typer.Option("--set", help="key=value of the scenario")] = None,
    hold: Annotated[bool, typer.Option("--hold", hidden=True)] = False,
    run_dir: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Start the blue side alone, seeded; its addresses: rehearse env."""
    from sim.scenario import load_scenario

    chosen = load_scenario(scenario, sets=set_ or [])
    if hold:
        assert run_dir is not None
        _hold(chosen, engine, run_dir)
        return
    from sim.runfolder import make_run_folder

    folder = make_run_folder(f"up-{chosen.slug}", chosen.seed or 0, None)
    log = folder / "logs" / "up.log"
    command = [sys.executable, "-m", "sim.cli.app", "up", scenario, "--engine", engine, "--hold",
               "--run-dir", str(folder)]
    for one in set_ or []:
        command += ["--set", one]
    with open(log, "wb") as output:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                 start_new_session=True)
    try:
        _wait_until_up(child, folder, log)
    except BaseException:
        child.terminate()  # it removes what it has started
        raise
    typer.echo(f"up: {folder.name}", err=True)
    typer.echo(f"next: eval \"$(rehearse env {folder.name})\"    rehearse down {folder.name}", err=True)


def _wait_until_up(child: subprocess.Popen[bytes], folder: Path, log: Path) -> None:
    """Pass on what the holder says until the stack stands.

    Raises typer.Exit with its exit code if it ends, RehearsalError if it takes too long.
    """
    from sim.rigs.real.reaching import ADDRESSES

    shown = 0
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        ended = child.poll()
        text = log.read_text(errors="replace")
        typer.echo(text[shown:], err=True, nl=False)
        shown = len(text)
        if (folder / ADDRESSES).exists():
            return
        if ended is not None:
            raise typer.Exit(ended if ended > 0 else 255)
        time.sleep(0.1)
    raise RehearsalError("the stack did not stand in time", where=str(log), seen=f"waited {WITHIN_S:.0f} s",
                         todo="rehearse doctor tells what has to be fetched or built")


def down(run: Annotated[str, typer.Argument(help="latest, a run's id, a prefix or a path")] = "latest") -> None:
    """Stop a stack that `up` started."""
    from sim.cli.runs import find_run
    from sim.rigs.real.living import alive
    from sim.rigs.real.reaching import told_by

    folder = find_run(run)
    owner = str(told_by(folder)["owner"])
    if (folder / "history.jsonl").exists():
        raise BadInput("this is a rehearsal, not a stack alone", where=folder.name,
                       todo=f"rehearse ctl {folder.name} abort rolls it back, stop ends it at once")
    os.kill(int(owner.split(":")[0]), signal.SIGTERM)
    until = time.monotonic() + DOWN_S
    while time.monotonic() < until:
        if not alive(owner):
            typer.echo("down")
            return
        time.sleep(0.1)
    raise RehearsalError("the stack did not end", seen=f"waited {DOWN_S:.0f} s", todo="rehearse clean")


def env(
    run: Annotated[str, typer.Argument(help="latest, a run's id, a prefix or a path")] = "latest",
    json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Addresses of a living stack, of a run or of `up`, to `eval`; what a copied curl or psql needs.

    PGPASSFILE is where psql finds the password; the file is gone when the stack is.
    """
    from sim.cli.runs import find_run
    from sim.rigs.real.reaching import told_by

    told: dict[str, Any] = told_by(find_run(run))["environment"]
    if json:
        typer.echo(jsons.dumps(told))
        return
    for name, value in told.items():
        typer.echo(f"export {name}={shlex.quote(str(value))}")


def _hold(chosen: Any, engine: str, folder: Path) -> None:
    import asyncio
    import contextlib

    import uvloop

    from sim.rigs.real.engines import choose
    from sim.rigs.real.rig import RealRig

    async def hold() -> None:
        kind, why = choose(engine)
        typer.echo(f"engine {kind}: {why}", err=True)
        task = asyncio.current_task()
        told_once = asyncio.Event()

        def end() -> None:
            if not told_once.is_set() and task is not None:  # a second signal must not interrupt the removal
                told_once.set()
                task.cancel()

        for one in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(one, end)
        rig = await RealRig.open(kind, scenario=chosen, seed=chosen.seed or 0, folder=folder,
                                 say=lambda line: typer.echo(line, err=True), command=lambda how, text: None)
        try:
            figures = await rig.start()
            typer.echo(f"stack ready in {figures['ready_s']:.1f} s", err=True)
            await rig.operations.make_way_for_green()  # no cutover of ours will
            rig.tell_addresses()
            await asyncio.Event().wait()
        finally:
            await asyncio.shield(rig.close())

    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        uvloop.run(hold())
