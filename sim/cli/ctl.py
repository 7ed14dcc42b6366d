"""`rehearse ctl RUN VERB …`: command a running rehearsal from another terminal."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import Annotated, Any

import typer

from sim.errors import BadInput

USAGE = {
    "pause": "pause                       after the step under way; traffic goes on",
    "resume": "resume                      go on",
    "step": "step                        run one step, then pause again",
    "approve": "approve [REASON]            GO at a gate",
    "postpone": "postpone [REASON] --for 60s later: the gate, or the cutover",
    "nogo": "nogo [REASON]               NO-GO at a gate: roll back",
    "abort": "abort [REASON]              stop and roll back to blue",
    "panic": "panic                       heal every fault, release the buffer, roll back, now",
    "stop": "stop                        stop and clean up, without rolling back",
    "inject": "inject FAULT WHERE [KEY=…]  a fault now: inject latency edge/queue latency=250ms for=10s",
    "heal": "heal [NAME]                 take one fault off, or all",
    "faults": "faults                      those that are on, with proof and countdown, and the planned ones",
    "buffer": "buffer on|off               requests wait at the edge",
    "note": "note TEXT                   write into the history; --tag now: about what is wrong now",
    "tag": "tag [#ACT SURPRISE]         facilitator: what an act was about; alone, the list of acts",
    "status": "status                      where it stands: state, step, gate, faults, prices",
}
"""Verb → its line of the help."""

HELP = "Command a running rehearsal:\n\n\b\n" + "\n".join(USAGE.values()) + """

A link is written edge/queue, because a shell takes > for itself ('edge->queue' in quotes is
the same). Each command is written into the run's history with who gave it; a refusal says
why. rehearse explain FAULT tells what a fault does and which keys it takes."""


def _for(raw: str) -> float:
    """Seconds of `--for 60s`; a bare number is seconds too."""
    from sim.scenario.quantities import duration

    try:
        return float(raw)
    except ValueError:
        pass
    try:
        return duration(raw)
    except ValueError as error:
        raise BadInput(str(error), where="--for") from None


def ctl(
    run: Annotated[str, typer.Argument(help="latest, a run's id, a prefix or a path")],
    verb: Annotated[str, typer.Argument(help=" ".join(USAGE))],
    words: Annotated[list[str] | None, typer.Argument(help="what the verb takes", metavar="[WORDS]...")] = None,
    for_: Annotated[str | None, typer.Option("--for", help="how long: 60s; to postpone by, or of a fault")] = None,
    who: Annotated[str | None, typer.Option("--who", help="your name in the history")] = None,
    role: Annotated[str | None, typer.Option("--role", help="yours on a game day, such as operator")] = None,
    tag: Annotated[str | None, typer.Option("--tag", help="what a note or command is about: now, or a name")] = None,
    json: Annotated[bool, typer.Option("--json", help="the answer as JSON; of status in all its parts")] = False,
) -> None:
    """Command a running rehearsal (see HELP)."""
    import json as json_

    from sim.cli.runs import find_run
    from sim.control import send
    from sim.scenario.messages import suggest

    if verb not in USAGE:
        raise BadInput(f"there is no command `{verb}`", where="ctl", todo=suggest(verb, USAGE, what="commands"))
    arguments = _READ.get(verb, _reason)(words or [])
    if for_ is not None:
        arguments["for_s"] = _for(for_)
    arguments |= {key: value for key, value in (("role", role), ("tag", tag)) if value}
    answer = send(find_run(run), verb, who=who or getpass.getuser(), **arguments)
    if verb == "status":
        from sim.runbook.status import said

        typer.echo(answer if json else said(json_.loads(answer)))
        return
    typer.echo(json_.dumps({"verb": verb, "told": answer}) if json else answer)


ctl.__doc__ = HELP


def _reason(words: list[str]) -> dict[str, Any]:
    return {"reason": " ".join(words)} if words else {}


def _note(words: list[str]) -> dict[str, Any]:
    return {"text": " ".join(words)}


def _inject(words: list[str]) -> dict[str, Any]:
    """FAULT [LINK|PART] [key=value]…; a bare name is a fault that the scenario keeps by hand."""
    from sim.faults.orders import usage

    if not words:
        raise BadInput("inject needs a fault", where="ctl inject", todo=usage())
    arguments: dict[str, Any] = {"fault": words[0]}
    parameters: dict[str, str] = {}
    for word in words[1:]:
        key, equals, value = word.partition("=")
        if equals and "->" not in key:
            parameters[key] = value
        elif "link" in arguments or "part" in arguments:
            raise BadInput(f"`{word}` is one word too many", where="ctl inject", todo=usage(words[0]))
        elif "/" in word or "->" in word:
            arguments["link"] = word.replace("/", "->", 1)
        else:
            arguments["part"] = word
    return {**arguments, "parameters": parameters} if parameters else arguments


def _heal(words: list[str]) -> dict[str, Any]:
    if len(words) > 1:
        raise BadInput("heal takes one name, or none for all", where="ctl heal")
    return {"name": words[0]} if words and words[0] != "all" else {}


def _tag(words: list[str]) -> dict[str, Any]:
    if not words:
        return {}
    if len(words) != 2 or not words[0].lstrip("#").isdigit():
        raise BadInput("tag takes the number of an act and a surprise, or nothing", where="ctl tag",
                       todo="ctl RUN tag lists the acts; ctl RUN tag '#1234' queue-gone")
    return {"of": int(words[0].lstrip("#")), "injection": words[1]}


def _buffer(words: list[str]) -> dict[str, Any]:
    if words not in (["on"], ["off"]):
        raise BadInput("buffer takes on or off", where="ctl buffer")
    return {"on": words == ["on"]}


_READ: dict[str, Callable[[list[str]], dict[str, Any]]] = {
    "note": _note, "inject": _inject, "heal": _heal, "buffer": _buffer, "tag": _tag}
