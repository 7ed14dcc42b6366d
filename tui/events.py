"""The events' column: which ops are worth a line, and its words."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from sim.history.op import Op
from tui.ink import Role
from tui.words import one_line, took

Kind = Literal["step", "undo", "gate", "state", "fault", "heal", "note", "warn", "error", "cmd", "op", "link", "end"]
NEWS = ("PAUSED", "BUFFERING", "ABORTING", "ROLLED_BACK")
"""States that no other line tells of; the log has all."""


class Event(NamedTuple):
    """One line; `i` is the op it stands for."""

    i: int
    t_s: float
    kind: Kind
    text: str

    @property
    def role(self) -> Role:
        """What its colour means."""
        match self.kind:
            case "error":
                return "bad"
            case "warn" | "gate":
                return "ask"
            case "fault" | "heal":
                return "made"
            case "cmd" | "link":
                return "past"
        return ""


def event(op: Op, asked: Op | None = None) -> Event | None:
    """The line of an op of the harness, or None if it says nothing new.

    Args:
        asked: the invocation of a completion: who gave a command stands there.
    """
    told = _told(op, {**_who(asked), **(op.value or {})})
    return Event(op.i, op.t_s, told[0], one_line(told[1])) if told is not None else None


def _told(op: Op, value: dict[str, Any]) -> tuple[Kind, str] | None:
    begun, name = op.type == "invoke", value.get("step")
    match op.f:
        case "step":
            if begun:
                deadline = value.get("deadline_s")
                return "step", f"{name} begins" + (f", deadline {deadline:g} s" if deadline else "")
            if op.type == "ok":
                return "step", f"{name} done" + _in(value)
            return "error", f"{name} failed{_in(value)}: {op.error or ''}"
        case "undo":
            if begun:
                return "undo", f"undo {name}: {value.get('undo', '')}"
            return ("undo", f"undo {name} done") if op.type == "ok" else ("error", f"undo {name}: {op.error}")
        case "gate":
            if begun:
                return "gate", f"{name}: {value.get('ask')}"
            return "gate", f"{value.get('decision')} by {value.get('who')} {value.get('reason') or ''}"
        case "state":
            why = value.get("why")
            return "state", f"{value.get('state')}: {why}" if why else str(value.get("state"))
        case "snapshot":
            return "step", "snapshot: later writes are on blue only"
        case "switch":
            return "step", f"switch: {value.get('what')} to {value.get('to')}"
        case "fence":
            return "step", f"fence of {value.get('side')} {'closed: nothing can write' if value.get('on') else 'open'}"
        case "guard":
            return "warn", f"guard {value.get('when')}: {value.get('value')}, {value.get('action')}"
        case "cmd":
            return "cmd", f"$ {value.get('command')}"
        case "note":
            level = value.get("level", "info")
            who = f"{value['who']}: " if value.get("who") else ""
            return ("error" if level == "error" else "warn" if level == "warn" else "note"), f"{who}{value.get('text')}"
        case "end":
            return "end", f"{value.get('ended')} {value.get('why') or ''}"
        case "fault":
            if begun:
                return "fault", f"{value.get('name')}: {value.get('fault')} on {value.get('link') or value.get('part')}"
            return (
                "fault",
                f"{value.get('name')} {'seen' if value.get('proven') else 'NOT SEEN'}: {value.get('seen') or op.error}",
            )
        case "heal" if not begun:
            return "heal", f"{value.get('name')} taken off" + (f": {op.error}" if op.error else "")
        case "link" if op.type == "fail" or (op.type == "ok" and not value.get("proven")):
            return "warn", f"link {value.get('link')} not proven: {op.error or 'its probe saw nothing'}"
        case "stack" if op.type == "ok":
            return "note", f"stack ready in {value.get('ready_s', 0):.1f} s"
        case "proof_well" if not begun:
            return ("note", "blue is proven well") if op.type == "ok" else ("error", f"blue is not well: {op.error}")
    if op.process == "operator" and not begun:
        answer = str(value.get("told") or "").partition("\n")[0]
        refused = "refused: " if op.type == "fail" else ""
        return "op", f"{by(value)}{op.f}: {refused}{answer}"
    return None


def _who(asked: Op | None) -> dict[str, Any]:
    """Who gave a command, in which role."""
    value = (asked.value or {}) if asked is not None and asked.process == "operator" else {}
    return {key: value[key] for key in ("who", "role") if value.get(key)}


def by(value: dict[str, Any]) -> str:
    """`ann, operator: `; "" if nobody is named."""
    return ", ".join(str(value[key]) for key in ("who", "role") if value.get(key)) + ": " if value.get("who") else ""


def _in(value: dict[str, Any]) -> str:
    return f" in {took(float(value['took_s']))}" if value.get("took_s") is not None else ""
