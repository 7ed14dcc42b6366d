"""`rehearse clean`: remove what belongs to no living run."""

from __future__ import annotations

from typing import Annotated

import typer


def clean(
    dry: Annotated[bool, typer.Option("--dry", help="say what would be removed, remove nothing")] = False,
    json: Annotated[bool, typer.Option("--json", help="the list on stdout as JSON")] = False,
) -> None:
    """Remove containers, processes, ports and files of runs that died; never a run folder or a living run."""
    import msgspec

    from sim.rigs.real import leftovers

    there = leftovers.find() if dry else leftovers.remove()
    if json:
        typer.echo(msgspec.json.encode(there).decode())
        return
    for one in there:
        typer.echo(f"{'would remove' if dry else 'removed'} {one.kind} {one.name}")
    if not there:
        typer.echo("nothing was left behind")
    elif not dry and (still := leftovers.find()):
        from sim.errors import RehearsalError

        raise RehearsalError("some things could not be removed", seen=", ".join(f"{s.kind} {s.name}" for s in still),
                             todo="run rehearse clean as their owner")
