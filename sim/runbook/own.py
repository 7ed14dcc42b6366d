"""A user's own steps: a command, or a sentence for a person."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from sim.errors import StepFailed
from sim.runbook.context import Acting, Context
from sim.scenario import Exec, Manual
from sim.starting import end, start

_TAIL_LINES = 20


def execute(ctx: Context, step: Exec) -> Acting:
    """Run the command, then its verification; both must exit 0."""
    figures: dict[str, Any] = yield from ctx.do(_run(ctx, step.name, list(step.exec)))
    if step.verify:
        yield from ctx.do(_run(ctx, step.name, list(step.verify)))
    return figures


def execute_undo(ctx: Context, step: Exec) -> Acting:
    """Run the undo command."""
    if not step.undo:
        return {}
    figures: dict[str, Any] = yield from ctx.do(_run(ctx, step.name, list(step.undo)))
    return figures


def manual(ctx: Context, step: Manual) -> Acting:
    """Wait for somebody's approval; the person and the time are an op."""
    asked_s = ctx.env.now
    i = ctx.journal.invoke("runbook", "gate", value={"step": step.name, "ask": step.manual, "who": step.who})
    decided = ctx.desk.open_gate(step.name)
    try:
        answer = yield decided
    finally:
        ctx.desk.close_gate()
    ctx.journal.complete(i, "ok", value={"decision": answer.decision, "who": answer.who, "reason": answer.reason})
    if answer.decision == "rollback":
        raise StepFailed(f"{answer.who} said no: {answer.reason or 'no reason given'}", where=step.name)
    return {"by": answer.who, "took_s": round(ctx.env.now - asked_s, 3)}


async def _run(ctx: Context, step: str, command: list[str]) -> dict[str, Any]:
    ctx.journal.note("runbook", "cmd", {"kind": "exec", "command": " ".join(command), "step": step})
    addresses: dict[str, str] = ctx.facts.get("environment", {})
    try:
        process = await start(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
                              env={**os.environ, **addresses})
    except OSError as error:
        raise StepFailed(f"the command {command[0]!r} cannot be run", where=step, seen=str(error)) from error
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        await end(process)
        raise
    tail = output.decode(errors="replace").splitlines()[-_TAIL_LINES:]
    for line in tail:
        ctx.journal.note("runbook", "progress", {"step": step, "now": line[:200]})
    if process.returncode:
        raise StepFailed(f"{command[0]} ended with {process.returncode}", where=step, seen="\n".join(tail)[-600:])
    return {"exit": 0}
