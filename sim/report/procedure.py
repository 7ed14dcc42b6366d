"""runbook.md: what was done, exactly, with times, undo and abort criteria.

The page that goes into the change ticket: written from the history, so it says what ran and
not what was meant to run.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sim.history.history import History
from sim.history.op import Op
from sim.scenario import Scenario


def procedure(history: History, scenario: Scenario) -> str:
    """Markdown text of the runbook as it was walked."""
    plan = next(history.notes("plan"), None)
    described = {s["name"]: s for s in ((plan.value or {}).get("steps", []) if plan else [])}
    ended = {str((op.value or {}).get("step")): op for op in history.ops
             if op.f == "step" and op.type in ("ok", "fail")}
    begun = {str((op.value or {}).get("step")): op for op in history.ops if op.f == "step" and op.type == "invoke"}
    commands = _commands(history, begun, ended)
    lines = [f"# {scenario.title}", "", f"{scenario.asks}", "",
             f"Scenario `{scenario.slug}`, seed {history.header.seed}, engine {history.header.engine}, "
             f"{history.header.grants:,} grants, rehearsed at {history.header.origin_utc}.", "",
             "Secrets are masked as `***`. Times are of this rehearsal on this machine.", ""]
    for n, step in enumerate(scenario.runbook, start=1):
        words: dict[str, Any] = described.get(step.name, {})
        lines += [f"## {n}. {step.name}", "", f"{str(words.get('does', '')).capitalize()}.", "",
                  f"- needs: {words.get('needs', '')}", f"- undo: {words.get('undo', '')}",
                  f"- an abort here costs: {words.get('abort_costs', '')}", f"- deadline: {step.deadline:g} s",
                  f"- took: {_took(ended.get(step.name))}", ""]
        if commands[step.name]:
            lines += ["```", *commands[step.name], "```", ""]
    lines += ["## Abort criteria", "", "Any failing step or passed deadline rolls back to blue and proves it well."]
    lines += [f"- guard: `{g.when}` for {g.for_:g} s, then {g.then}" for g in scenario.guards]
    lines += [f"- tolerated: `{name}` up to {t.written()} because {t.because}"
              for name, t in scenario.tolerate.items()]
    return "\n".join(lines) + "\n"


def _took(op: Op | None) -> str:
    if op is None:
        return "not reached"
    seconds = (op.value or {}).get("took_s", 0.0)
    return f"{seconds:.1f} s" if op.type == "ok" else f"failed after {seconds:.1f} s: {op.error}"


def _commands(history: History, begun: dict[str, Op], ended: dict[str, Op]) -> dict[str, list[str]]:
    """Commands by the step in whose time they ran."""
    found: dict[str, list[str]] = defaultdict(list)
    spans = [(op.t_s, ended[name].t_s if name in ended else float("inf"), name) for name, op in begun.items()]
    for op in history.notes("cmd"):
        for first_s, last_s, name in spans:
            if first_s <= op.t_s <= last_s:
                value = op.value or {}
                line = f"{value.get('kind', '')}: {value.get('command', '')}"
                if line not in found[name]:
                    found[name].append(line)
    return found
