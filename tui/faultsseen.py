"""Every fault as the history tells it: ordered, made, proven, healed."""

from __future__ import annotations

from typing import Any

from sim.history.op import Op

POINTS = ("after", "message")
"""Keys of a fault that is made when its part comes to a point."""


class FaultSeen:
    """One fault as the history tells it."""

    def __init__(self, name: str, told: dict[str, Any], i: int, begun_s: float) -> None:
        self.name, self.told, self.i, self.begun_s = name, told, i, begun_s
        self.proven: bool | None = None
        """None while its proof is awaited."""
        self.seen = ""
        self.ended_s: float | None = None
        """When it was taken off (or could not be made); None while it acts."""
        self.made_s: float | None = None
        """When it came into effect."""

    @property
    def where(self) -> str:
        """The link or part it is made on."""
        return str(self.told.get("link") or self.told.get("part") or "")

    @property
    def waits(self) -> bool:
        """It was ordered, and its part has not come to the point at which it is made."""
        return self.made_s is None and self.ended_s is None and any(key in self.told for key in POINTS)

    @property
    def kind(self) -> str:
        """`latency`, `down`, `kill` …"""
        return str(self.told.get("fault", ""))

    @property
    def figures(self) -> str:
        """`latency 250 ms` and so on, as it was made; the point at which it waits for its part."""
        toxic = self.told.get("toxic") or {key: self.told[key] for key in POINTS if key in self.told}
        return ", ".join(f"{k} {v:g}" if isinstance(v, int | float) else f"{k} {v}" for k, v in toxic.items())


class FaultsSeen:
    """Fed with each op that tells of a fault, in order."""

    def __init__(self) -> None:
        self.active: dict[str, dict[str, Any]] = {}
        """By name: what the invocation said."""
        self.log: list[FaultSeen] = []
        """Every fault so far, healed ones too, in order."""
        self._names: dict[int, str] = {}
        """Invocation → the fault's name."""

    def feed(self, op: Op) -> None:
        """Take the next `fault`, `made` or `heal`."""
        value = op.value or {}
        name = str(value.get("name", ""))
        if op.f == "fault" and op.type == "invoke":
            self._names[op.i] = name
            self.active[name] = value
            self.log.append(FaultSeen(name, value, op.i, op.t_s))
            return
        name = self._names.get(-1 if op.of is None else op.of, name)
        last = next((f for f in reversed(self.log) if f.name == name), None)
        if op.f == "made":
            if last is not None:
                last.made_s = op.t_s
        elif op.f == "fault":
            if op.type == "fail":
                self.active.pop(name, None)
            if last is not None:
                last.proven = op.type == "ok" and bool(value.get("proven"))
                last.seen = str(value.get("seen") or op.error or "")
                last.ended_s = op.t_s if op.type == "fail" else None
        elif op.f == "heal" and op.type == "ok":
            self.active.pop(name, None)
            if last is not None:
                last.ended_s = op.t_s
