"""The edge's control listener: what the harness asks of it and tells it to do."""

from __future__ import annotations

from typing import Any

from multidict import CIMultiDict

from sim.services.edge_requests import Edge
from sim.services.grants import CannotResolve
from sim.services.halting import POINTS, Point
from sim.services.queue import QueueDown
from sim.services.settings import SIDES, Direction, Side
from sim.services.upstream import Lost, NotSent


class EdgeControl:
    """Answers the harness for one edge, inside its loop."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    async def call(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """One call; ValueError, KeyError and TypeError are the caller's mistake.

        GET /status → `status()`; PUT /route {to, share: 1.0} → {epoch}; PUT /buffer {on} → {buffering, waiting};
        POST /drain {side, deadline_s} → {in_flight}, what is still under way then;
        POST /probe {target} → {}, 502 if it does not answer;
        PUT /writes {allowed, deadline_s} → {allowed, in_flight}, what is still under way if they are refused;
        PUT /capture {on, direction} → {barrier_s}, 503 if the queue is not there, 504 if an earlier
        revocation stays open;
        PUT /halt {after: intent | forward | null} → {}; POST /halted {within_s} → see `Halt.stood`.
        """
        edge = self._edge
        match (method, path):
            case ("GET", "/status"):
                return 200, edge.status()
            case ("PUT", "/route"):
                return 200, {"epoch": edge.switch(_side(body["to"]), share=_share(body.get("share", 1.0)))}
            case ("PUT", "/buffer"):
                if _flag(body["on"]):
                    edge.gate.shut()
                else:
                    edge.gate.open()
                return 200, {"buffering": edge.gate.is_shut, "waiting": edge.gate.waiting}
            case ("POST", "/drain"):
                under_way = edge.in_flight[_side(body["side"])]
                return 200, {"in_flight": await under_way.drained(float(body.get("deadline_s", 2.0)))}
            case ("PUT", "/writes"):
                edge.writes_allowed = _flag(body["allowed"])
                left = 0 if edge.writes_allowed else await edge.writes.drained(float(body.get("deadline_s", 2.0)))
                return 200, {"allowed": edge.writes_allowed, "in_flight": left}
            case ("PUT", "/capture"):
                try:
                    barrier_s = await edge.capture.turn(_flag(body["on"]), _direction(body.get("direction", "forward")))
                except QueueDown as error:
                    return 503, {"error": "queue_down", "why": str(error)}
                except TimeoutError as error:
                    return 504, {"error": "barrier", "why": str(error)}
                return 200, {"barrier_s": round(barrier_s, 4)}
            case ("PUT", "/halt"):
                edge.capture.halt.order(_point(body["after"]))
                return 200, {}
            case ("POST", "/halted"):
                return 200, await edge.capture.halt.stood(float(body["within_s"]))
            case ("POST", "/probe"):
                try:
                    await self._probe(str(body["target"]))
                except (CannotResolve, QueueDown, NotSent, Lost) as error:
                    return 502, {"error": type(error).__name__, "why": str(error)}
                return 200, {}
            case _:
                return 404, {"error": "no such call"}

    async def _probe(self, target: str) -> None:
        """Use one link, on the connections that requests use, for something without effect.

        `target` is queue, <side>-postgres, <side>-public or <side>-admin. Raises what using it raises.
        """
        edge = self._edge
        if target == "queue":
            await edge.queue.ping()
            return
        word, _, what = target.partition("-")
        side = _side(word)
        if what == "postgres":
            await edge.grants[side].ping()
        elif what == "public":
            await edge.public[side].ask("GET", "/.well-known/jwks.json", CIMultiDict(), b"")
        elif what == "admin":
            form = CIMultiDict({"Content-Type": "application/x-www-form-urlencoded"})
            await edge.admin[side].ask("POST", "/oauth2/introspect", form, b"token=none.none")
        else:
            raise ValueError("queue, or a side's postgres, public or admin")


def _side(word: Any) -> Side:
    if word not in SIDES:
        raise ValueError("blue or green")
    return word  # type: ignore[no-any-return]


def _share(word: Any) -> float:
    if isinstance(word, bool) or not isinstance(word, int | float) or not 0 < word <= 1:
        raise ValueError("a share above 0, at most 1")
    return float(word)


def _direction(word: Any) -> Direction:
    if word not in ("forward", "back"):
        raise ValueError("forward or back")
    return word  # type: ignore[no-any-return]


def _point(word: Any) -> Point | None:
    if word is not None and word not in POINTS:
        raise ValueError(f"{', '.join(POINTS)} or null")
    return word  # type: ignore[no-any-return]


def _flag(word: Any) -> bool:
    if not isinstance(word, bool):
        raise ValueError("true or false")
    return word
