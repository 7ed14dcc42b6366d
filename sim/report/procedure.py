"""runbook.md: what was done, exactly, with times, undo and abort criteria.

The page that goes into the change ticket: written from the history, so it says what ran and
not what was meant to run.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sim.history.history import Call, History
from sim.report.calls import acts
from sim.report.earlier import Earlier
from sim.scenario import Scenario


def procedure(history: History, scenario: Scenario, earlier: Earlier | None = None) -> str:
    """Markdown text of the runbook as it was walked; `earlier` are the same scenario's other runs."""
    plan = next(history.notes("plan"), None)
    described = {s["name"]: s for s in ((plan.value or {}).get("steps", []) if plan else [])}
    walked = {(call.begun.f, str((call.begun.value or {}).get("step"))): call for call in _walks(history)}
    ran = commands(history)
    lines = [f"# {scenario.title}", "", f"{scenario.asks}", "",
             f"Scenario `{scenario.slug}`, seed {history.header.seed}, engine {history.header.engine}, "
             f"{history.header.grants:,} grants, rehearsed at {history.header.origin_utc}.", "",
             "Secrets are masked as `***`. Times are of this rehearsal on this machine.", ""]
    for n, step in enumerate(scenario.runbook, start=1):
        words: dict[str, Any] = described.get(step.name, {})
        lines += [f"## {n}. {step.name}", "", f"{str(words.get('does', '')).capitalize()}.", "",
                  f"- needs: {words.get('needs', '')}", f"- undo: {words.get('undo', '')}",
                  f"- an abort here costs: {words.get('abort_costs', '')}", f"- deadline: {step.deadline:g} s",
                  f"- took: {_took(walked.get(('step', step.name)))}", *_before(step.name, earlier), ""]
        lines += _fenced(ran["step", step.name])
        undone = walked.get(("undo", step.name))
        if undone is not None:
            lines += [f"- undone: {_undone(undone)}", "", *_fenced(ran["undo", step.name])]
    lines += ["## Abort criteria", "", "Any failing step or passed deadline rolls back to blue and proves it well."]
    lines += [f"- guard: `{g.when}` for {g.for_:g} s, then {g.then}" for g in scenario.guards]
    lines += [f"- tolerated: `{name}` up to {t.written()} because {t.because}"
              for name, t in scenario.tolerate.items()]
    return "\n".join(lines) + "\n"


def _before(step: str, earlier: Earlier | None) -> list[str]:
    """How long it took before: what a deadline is set by."""
    if earlier is None or step not in earlier.took_s:
        return []
    of = "the earlier run" if earlier.runs == 1 else f"{earlier.runs} earlier runs"
    return [f"- took before: {earlier.took_s[step]:.1f} s, the median of {of} of this scenario beside this one"]


def _walks(history: History) -> list[Call]:
    return [call for call in acts(history) if call.begun.process == "runbook" and call.begun.f in ("step", "undo")]


def _fenced(ran: list[str]) -> list[str]:
    return ["```", *ran, "```", ""] if ran else []


def _took(call: Call | None) -> str:
    if call is None:
        return "not reached"
    if call.done is None or call.done.type == "info":
        return f"cut off: {call.done.error if call.done else 'the history ends here'}"
    seconds = (call.done.value or {}).get("took_s", 0.0)
    return f"{seconds:.1f} s" if call.done.type == "ok" else f"failed after {seconds:.1f} s: {call.done.error}"


def _undone(call: Call) -> str:
    if call.done is None or call.done.type == "info":
        return _took(call)
    words = "ok in" if call.done.type == "ok" else "failed after"
    why = f": {call.done.error}" if call.done.error else ""
    return f"{words} {call.done.t_s - call.begun.t_s:.1f} s{why}"


def commands(history: History) -> dict[tuple[str, str], list[str]]:
    """("step" or "undo", name) → the commands that ran in it, which their place in the history tells."""
    calls = _walks(history)
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    spans = [(call.begun.i, call.done.i if call.done else float("inf"),
              (call.begun.f, str((call.begun.value or {}).get("step")))) for call in calls]
    for op in history.notes("cmd"):
        for first, last, key in spans:
            if first < op.i < last:
                value = op.value or {}
                line = f"{value.get('kind', '')}: {value.get('command', '')}"
                if line not in found[key]:
                    found[key].append(line)
    return found
