"""Where a running rehearsal stands, for `rehearse ctl RUN status`: read from its ops as they are written.

What the facilitator of a game day keeps from the others is told to the facilitator alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.history.gameday import FACILITATOR, is_hidden
from sim.history.op import Op
from sim.runbook.price import Price


class Status:
    """Subscribes to a journal; `told` is the answer of this instant, `said` the same for people."""

    def __init__(self, *, scenario: str, run: str, price: Price, now_s: Callable[[], float]) -> None:
        """`price` subscribes to the same journal by itself."""
        self._scenario, self._run, self._price, self._now_s = scenario, run, price, now_s
        self._state, self._why = "STARTING", ""
        self._step: Op | None = None
        self._last: dict[str, Any] | None = None
        self._gate: Op | None = None
        self._faults: dict[str, tuple[Op, dict[str, Any]]] = {}
        """Name → its order, and what its proof said; those that are on."""

    def __call__(self, op: Op) -> None:
        value = op.value or {}
        if op.f == "state" and op.process == "runbook":
            self._state, self._why = str(value.get("state", "")), str(value.get("why", ""))
        elif op.f in ("step", "undo") and op.process == "runbook":
            self._stepped(op, value)
        elif op.f == "gate" and op.process == "runbook":
            self._gate = op if op.type == "invoke" else None
        elif op.process == "nemesis":
            self._faulted(op, value)

    def _stepped(self, op: Op, value: dict[str, Any]) -> None:
        if op.type == "invoke":
            self._step = op
            return
        begun = (self._step.value or {}) if self._step is not None else {}
        if op.f == "step":
            self._last = {"name": str(value.get("step")), "n": begun.get("n"), "of": begun.get("of"),
                          "how": op.type, "took_s": value.get("took_s")}
        self._step = None

    def _faulted(self, op: Op, value: dict[str, Any]) -> None:
        name = str(value.get("name"))
        if op.f == "fault" and op.type == "invoke":
            self._faults[name] = op, {"proven": None, "seen": ""}
        elif op.f == "fault" and op.type == "ok" and name in self._faults:
            self._faults[name][1].update(proven=bool(value.get("proven")), seen=str(value.get("seen", "")))
        elif (op.f == "fault" and op.type == "fail") or (op.f == "heal" and op.type == "ok"):
            self._faults.pop(name, None)

    def told(self, role: str = "") -> dict[str, Any]:
        """{run, scenario, t_s, state, why, step, last, gate, faults, cut, way_back}, durations in seconds.

        `step` is what is under way (None between two), `last` the step that ended last, `gate` the one that waits.
        """
        return {"run": self._run, "scenario": self._scenario, "t_s": round(self._now_s(), 1), "state": self._state,
                "why": self._why, "step": self._under_way(), "last": self._last, "gate": self._open_gate(),
                "faults": [self._fault(*one) for one in self._faults.values()
                           if role == FACILITATOR or not is_hidden(one[0])],
                "cut": self._price.cut(), "way_back": self._price.way_back()}

    def _since(self, op: Op) -> float:
        return round(max(0.0, self._now_s() - op.t_s), 1)

    def _under_way(self) -> dict[str, Any] | None:
        if self._step is None:
            return None
        value = self._step.value or {}
        return {"name": str(value.get("step")), "n": value.get("n"), "of": value.get("of"),
                "since_s": round(self._step.t_s, 1), "for_s": self._since(self._step),
                "deadline_s": value.get("deadline_s"), "undoing": self._step.f == "undo"}

    def _open_gate(self) -> dict[str, Any] | None:
        if self._gate is None:
            return None
        value, open_for_s = self._gate.value or {}, self._since(self._gate)
        timeout_s = value.get("timeout_s")
        return {"step": str(value.get("step")), "ask": str(value.get("ask", "")), "who": str(value.get("who", "")),
                "open_for_s": open_for_s, "on_timeout": value.get("on_timeout"),
                "left_s": None if timeout_s is None else round(max(0.0, timeout_s - open_for_s), 1)}

    def _fault(self, op: Op, proof: dict[str, Any]) -> dict[str, Any]:
        value = op.value or {}
        return {"name": str(value.get("name")), "fault": str(value.get("fault")),
                "where": str(value.get("link") or value.get("part")), "for_s": self._since(op),
                "lasts_s": value.get("for_s"), **proof}


def said(told: dict[str, Any]) -> str:
    """A status in lines for people."""
    lines = [("run", f"{told['run']}, T+{told['t_s']:.0f} s"), ("state", _state(told)), ("step", _step(told))]
    if gate := told["gate"]:
        left = "" if gate["left_s"] is None else f", {gate['left_s']:.0f} s left, then {gate['on_timeout']}"
        lines.append(("gate", f"{gate['step']}: {gate['ask']} asks {gate['who'] or 'anybody'}, "
                              f"open for {gate['open_for_s']:.0f} s{left}"))
    lines += [("fault", _fault(one)) for one in told["faults"]] or [("fault", "none is on")]
    cut, back = told["cut"], told["way_back"]
    lines.append(("cut", f"lost: {cut['grants']} grants, {cut['chains']} chains, {cut['logins']} logins in flight"))
    lines.append(("way back", f"{back['state']}: {back['why']}"))
    return "\n".join(f"{name:<9} {text}" for name, text in lines)


def _state(told: dict[str, Any]) -> str:
    return f"{told['state']}: {told['why']}" if told["why"] else str(told["state"])


def _step(told: dict[str, Any]) -> str:
    step, last = told["step"], told["last"]
    if step is None:
        if last is None:
            return "none has begun"
        return f"none is under way; {last['name']}, {last['n']} of {last['of']}, ended {last['how']}"
    if step["undoing"]:
        return f"undoes {step['name']}, for {step['for_s']:.1f} s"
    most = "" if step["deadline_s"] is None else f" of at most {step['deadline_s']:g} s"
    return f"{step['name']}, {step['n']} of {step['of']}, for {step['for_s']:.1f} s{most}"


def _fault(fault: dict[str, Any]) -> str:
    proof = {True: "proven", False: "NOT proven", None: "not proven yet"}[fault["proven"]]
    lasts = "" if fault["lasts_s"] is None else f" of {fault['lasts_s']:g} s"
    seen = f": {fault['seen']}" if fault["seen"] else ""
    what = f"{fault['name']}: {fault['fault']} on {fault['where']}"
    return f"{what}, for {fault['for_s']:.0f} s{lasts}, {proof}{seen}"[:110]
