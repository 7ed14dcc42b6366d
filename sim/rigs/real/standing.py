"""What the runbook has set in our services, so that one that died comes back with it.

Edge, login-consent and authz keep their route, side and capture in memory alone. Whoever starts
them again must give these with the start, not afterwards: between the two a revocation would
pass without being captured, or a request go to the wrong side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sim.rigs.rig import Side
from sim.runbook.stood import Stood
from sim.scenario.replicas import EDGE, origin, replica_names

SIDE_VARIABLES = {"login-consent": "LOGIN_SIDE", "authz": "AUTHZ_SIDE"}


@dataclass
class Route:
    """Where an edge points."""

    to: Side = "blue"
    share: float = 1.0
    """How much of the requests goes there."""
    epoch: int = 1
    """How often it was switched, plus one."""
    capture: str = "off"
    """off, forward or back."""


class Standing:
    """The settings in force; owned by the operations, which change them when the service has said yes."""

    def __init__(self, edges: int = 1) -> None:
        self.edges: list[Route] = [Route() for _ in range(edges)]
        """Of each edge, in the order of their names."""
        self.buffering = False
        self.writes_allowed = True
        self.sides: dict[str, Side] = dict.fromkeys(SIDE_VARIABLES, "blue")

    def take_up(self, stood: Stood) -> None:
        """Stand as a killed run stood; nobody waits at an edge that is started anew."""
        self.edges = [Route(*edge, _carried(stood.capture, edge.to)) for edge in stood.edges]
        self.writes_allowed = stood.writes_allowed
        self.sides |= stood.sides

    def environment(self, part: str) -> dict[str, str]:
        """With what a part must be started to stand where it stood; {} for parts that keep nothing."""
        if origin(part) == EDGE:
            at = self._edge(part)
            return {"EDGE_ROUTE": at.to, "EDGE_SHARE": f"{at.share:g}", "EDGE_EPOCH": str(at.epoch),
                    "EDGE_CAPTURE": at.capture, "EDGE_BUFFERING": "on" if self.buffering else "off",
                    "EDGE_WRITES": "allowed" if self.writes_allowed else "refused"}
        if part in SIDE_VARIABLES:
            return {SIDE_VARIABLES[part]: self.sides[part]}
        return {}

    def wanted(self, part: str) -> dict[str, Any]:
        """The same in the words of the part's status; {} for parts that keep nothing."""
        if origin(part) == EDGE:
            at = self._edge(part)
            return {"route": at.to, "share": at.share, "capture": at.capture, "buffering": self.buffering,
                    "writes_allowed": self.writes_allowed}
        return {"side": self.sides[part]} if part in self.sides else {}

    def of(self, only: int | None) -> list[Route]:
        """All edges, or one of them, counted from 0."""
        return self.edges if only is None else [self.edges[only]]

    def _edge(self, part: str) -> Route:
        return self.edges[replica_names(EDGE, len(self.edges)).index(part)]


def _carried(capture: str, to: Side) -> str:
    """One that had not turned yet when others had records what blue still answers."""
    return "forward" if capture == "back" and to == "blue" else capture


def standing_of(status: dict[str, Any]) -> dict[str, Any]:
    """What a service's status says of the same settings."""
    if "route" not in status:
        return {"side": status.get("side")}
    capture = status.get("capture", {})
    return {"route": status["route"], "share": status.get("share"),
            "capture": capture.get("direction") if capture.get("on") else "off",
            "buffering": status.get("buffering"), "writes_allowed": status.get("writes_allowed")}


def lost_with(status: dict[str, Any]) -> dict[str, int]:
    """What dies with a service that has this status: only what was not zero.

    `under_way` requests lose their answer, `waiting` ones never went on, `open_intents` are captured
    revocations whose outcome the replayer must settle from the rows.
    """
    lost = {"under_way": sum((status.get("in_flight") or {}).values()), "waiting": status.get("waiting", 0),
            "open_intents": (status.get("capture") or {}).get("open", 0)}
    return {name: int(number) for name, number in lost.items() if number}
