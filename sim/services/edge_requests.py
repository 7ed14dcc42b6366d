"""What becomes of a request at the edge: routed, buffered, coalesced, captured.

All targets are kept-alive connections; an answer is passed on as it came, with what the edge did
about it in `Rehearse-…` headers. It must not log a request and must not decide what a token may do.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from aiohttp import web
from multidict import CIMultiDict

from sim.services import planted
from sim.services.admission import Admitted, ListenerName, Refused, admit, is_write
from sim.services.capture import Capture
from sim.services.coalescing import SWITCHED, Coalescer, subject_revoked, token_revoked
from sim.services.forms import BadForm, is_form, parse_form
from sim.services.gate import Gate, Shed
from sim.services.grants import Grants
from sim.services.headers import BadFraming, check_framing, request_headers
from sim.services.places import Places
from sim.services.queue import Queue
from sim.services.revocations import Asked, asked
from sim.services.sealing import Recorded, Seal, Unsealable
from sim.services.serving import (
    BODY_BYTES,
    Handler,
    TooLong,
    answer_json,
    read_body,
    usage,
)
from sim.services.settings import SIDES, BadSetting, Direction, Environment, Side
from sim.services.shared_answers import SharedAnswers
from sim.services.taking import Taking
from sim.services.under_way import UnderWay
from sim.services.upstream import Lost, NotSent, Reply, Upstream

Exchange = Callable[[], Awaitable[Reply]]
CAPTURE: tuple[Literal["off"], Direction, Direction] = ("off", "forward", "back")


class Edge:
    """The state of the edge and its decisions. Made and used inside one loop."""

    def __init__(self, environment: Environment) -> None:
        text, number = environment.text, environment.number
        self.public: dict[Side, Upstream] = {}
        self.admin: dict[Side, Upstream] = {}
        for side in SIDES:
            name = side.upper()
            self.public[side] = Upstream(environment.base_url(f"EDGE_{name}_PUBLIC"))
            self.admin[side] = Upstream(environment.base_url(f"EDGE_{name}_ADMIN"),
                                        prefix=text(f"EDGE_{name}_ADMIN_PREFIX", ""))
        self.coalescing_s = number("EDGE_COALESCING_S", 0.0)
        self.gate = Gate(wait_s=number("EDGE_BUFFER_S", 3.0), waiting_max=int(number("EDGE_BUFFER_MAX", 2000)))
        self.places = Places()
        self.queue = Queue(text("EDGE_QUEUE"))
        is_shared = environment.choice("EDGE_ANSWERS", ("own", "shared")) == "shared"
        self.shared = SharedAnswers(self.queue, _seal(text("EDGE_SEAL_KEY")), keep_s=self.coalescing_s) \
            if is_shared else None
        self.coalescer = Coalescer(keep_s=self.coalescing_s, shared=self.shared)
        self.grants = {side: Grants(text(f"EDGE_{side.upper()}_DSN"), side) for side in SIDES}
        on_failure = environment.choice("EDGE_QUEUE_DOWN", ("fail_closed", "fail_open"))
        is_recording = environment.choice("EDGE_CAPTURE_RECORD", ("grant", "request")) == "request"
        self.taking = Taking(text("EDGE_GREEN_DSN"), "green")
        self.capture = Capture(self.queue, self.grants, self.taking,
                               on_failure="fail_open" if on_failure == "fail_open" else "fail_closed",
                               seal=_seal(text("EDGE_SEAL_KEY")) if is_recording else None)
        # What it is started with again after it died; a new one begins on blue without capture.
        self.route = environment.choice("EDGE_ROUTE", SIDES)
        self.share, self._owed = environment.number("EDGE_SHARE", 1.0), 0.0
        """How much of the requests goes to `route`, and what it has not had of that yet."""
        self.epoch = int(number("EDGE_EPOCH", 1))
        if (capture := environment.choice("EDGE_CAPTURE", CAPTURE)) != "off":
            self.capture.is_on, self.capture.direction = True, capture
        if environment.choice("EDGE_BUFFERING", ("off", "on")) == "on":
            self.gate.shut()
        self.in_flight: dict[Side, UnderWay] = {side: UnderWay() for side in SIDES}
        self.writes = UnderWay()
        self.writes_allowed = environment.choice("EDGE_WRITES", ("allowed", "refused")) == "allowed"
        self.requests = 0
        self.shed: Counter[str] = Counter()

    # --- requests -------------------------------------------------------------------------

    def listener(self, name: ListenerName) -> Handler:
        """The handler of the public or the internal listener."""

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            admitted = admit(name, request.method, request.message.path)
            if isinstance(admitted, Refused):
                return _refusal(admitted.status, admitted.why)
            if self.places.is_full and not self.gate.is_shut:  # before anything is spent on it
                self.requests += 1
                return self._shed("overload")
            try:
                check_framing(request.headers)
                body = await read_body(request)
            except BadFraming as error:
                return _refusal(400, str(error))
            except TooLong:
                return _refusal(413, f"bodies end at {BODY_BYTES} bytes here")
            except TimeoutError:
                return _refusal(408, "the body did not come")
            return await self._serve(name, request, admitted, body)

        return handle

    async def _serve(self, name: ListenerName, request: web.BaseRequest, admitted: Admitted,
                     body: bytes) -> web.Response:
        self.requests += 1
        headers = request.headers
        try:
            revocation = asked(request.method, admitted.path, admitted.query, headers.get("Authorization"), body)
        except BadForm as error:
            return _refusal(400, str(error))
        if revocation is not None and request.method == "POST" and not is_form(headers.get("Content-Type")):
            return _refusal(415, "a revocation is a form")
        try:
            waited_s = await self._enter(len(body))
        except Shed as error:
            return self._shed(error.reason)
        try:
            if waited_s and (request.transport is None or request.transport.is_closing()):
                return _refusal(408, "the client left")  # it will not read this, and nothing may happen for it later
            if not is_write(admitted.path):
                return await self._answer(name, request, admitted, body, revocation, waited_s)
            if not self.writes_allowed:
                return self._shed("writes_refused")
            with self.writes:
                return await self._answer(name, request, admitted, body, revocation, waited_s)
        finally:
            self.places.give_back()

    async def _enter(self, size_bytes: int) -> float:
        """Wait until the gate is open and there is a place; returns the seconds waited at the gate. Raises Shed."""
        waited_s = await self.gate.wait(size_bytes)
        await self.places.take(is_owed=waited_s > 0)
        while self.gate.is_shut:  # it was shut while we waited for a place
            self.places.give_back()
            waited_s += await self.gate.wait(size_bytes)
            await self.places.take(is_owed=True)
        return waited_s

    async def _answer(self, name: ListenerName, request: web.BaseRequest, admitted: Admitted, body: bytes,
                      revocation: Asked | None, waited_s: float) -> web.Response:
        headers = request.headers
        authorization = headers.get("Authorization")
        # From here to the first await is one instant: the side chosen is the side counted.
        side, epoch = self._next_side(), self.epoch
        told = {"Rehearse-Route": side, "Rehearse-Epoch": str(epoch)}
        if waited_s:
            told["Rehearse-Waited"] = f"{waited_s:.3f}"
        sent = request_headers(headers, peer=_peer(request))
        target = (self.public if name == "public" else self.admin)[side]

        async def ask() -> Reply:
            if side == "green" and planted.every("slow-green", 10):
                await asyncio.sleep(1.0)
            return await target.ask(request.method, admitted.path + admitted.query, sent, body)

        def forward() -> Awaitable[Reply]:
            return self._counted(side, ask())

        try:
            if revocation is not None:
                recorded = Recorded(request.method, admitted.path, admitted.query, authorization or "",
                                    headers.get("Content-Type", ""), body.decode(errors="replace"))
                # counted as a whole: a drain must also wait for what is being resolved and stored
                reply = await self._counted(side, self._revoke(revocation, side, recorded, ask, told))
            elif admitted.path == "/oauth2/token" and self.coalescing_s:
                reply = await self._token(headers.get("Content-Type"), authorization, body, (side, epoch), forward,
                                          told)
            else:
                reply = await forward()
        except Shed as error:
            return self._shed(error.reason, told)
        except NotSent:
            return _refusal(502, "the target takes no connection", told)
        except Lost as error:
            return _refusal(504 if error.late else 502, "the target's answer was lost", told)
        answer: CIMultiDict[str] = reply.headers.copy()  # the reply may be shared by several requests
        answer.update(told)
        return web.Response(status=reply.status, headers=answer, body=reply.body)

    async def _counted(self, side: Side, work: Awaitable[Reply]) -> Reply:
        with self.in_flight[side]:
            return await work

    async def _revoke(self, revocation: Asked, side: Side, recorded: Recorded, ask: Exchange,
                      told: dict[str, str]) -> Reply:
        reply, sequence = await self.capture.revoke(
            revocation, side, recorded, ask, lambda whose: self._void(revocation, whose),
            names=revocation.kind == "token" and bool(self.coalescing_s))
        if sequence is not None:
            told["Rehearse-Capture"] = str(sequence)
        return reply

    async def _void(self, revocation: Asked, whose: str | None) -> None:
        """Whatever came of it: kept answers of what was to die are not given out again."""
        if revocation.kind == "token":
            await self.coalescer.void(token_revoked(revocation.token, revocation.client, whose))
        elif revocation.kind != "login":
            await self.coalescer.void(subject_revoked(revocation.subject, revocation.client or None))

    async def _token(self, content_type: str | None, authorization: str | None, body: bytes, route: tuple[Side, int],
                     forward: Exchange, told: dict[str, str]) -> Reply:
        try:
            form = parse_form(body) if is_form(content_type) else {}
        except BadForm:
            form = {}
        if form.get("grant_type") != "refresh_token" or not form.get("refresh_token"):
            return await forward()
        side, epoch = route

        def joins() -> None:
            told["Rehearse-Coalesced"] = "1"  # also if it fails

        reply, is_joined = await self.coalescer.refresh(authorization, form, epoch, forward,
                                                        self.grants[side].subject_of, joins)
        if is_joined:
            joins()
        return reply

    def _shed(self, reason: str, told: dict[str, str] | None = None) -> web.Response:
        self.shed[reason] += 1
        return _refusal(503, reason, {**(told or {}), "Retry-After": "1", "Rehearse-Shed": reason})

    # --- what the harness changes ------------------------------------------------------------

    def switch(self, to: Side, *, share: float = 1.0) -> int:
        """From now on `share` of all requests goes to `to`, the rest to the other; returns the new route epoch."""
        self.route, self.share, self._owed = to, share, 0.0
        self.epoch += 1
        self.coalescer.rules.void(SWITCHED)  # the other edges keep theirs until they turn, under another epoch
        return self.epoch

    def _next_side(self) -> Side:
        """Where the next request goes: evenly spread, so that any run of requests has the share."""
        if self.route == "green" and planted.every("stray-route", 50):
            return "blue"
        self._owed += self.share
        if self._owed >= 1.0 - 1e-9:
            self._owed -= 1.0
            return self.route
        return "green" if self.route == "blue" else "blue"

    def status(self) -> dict[str, Any]:
        """What GET /status answers."""
        return {
            "route": self.route, "share": self.share, "epoch": self.epoch, "writes_allowed": self.writes_allowed,
            "buffering": self.gate.is_shut, "waiting": self.gate.waiting,
            "buffered_s": round(self.gate.buffered_s, 3),
            "in_flight": {side: under_way.count for side, under_way in self.in_flight.items()},
            "capture": self.capture.status(), "coalesced": self.coalescer.joined,
            "unshared": self.shared.unshared if self.shared is not None else 0, "shed": dict(self.shed),
            "requests": self.requests, **usage(),
        }

    async def close(self) -> None:
        """Close every connection to the targets, the databases and the queue."""
        await self.coalescer.close()
        await self.capture.close()
        await asyncio.gather(*(u.close() for u in (*self.public.values(), *self.admin.values())))
        await asyncio.gather(*(g.close() for g in self.grants.values()), self.taking.close())
        await self.queue.close()


def _seal(key: str) -> Seal:
    try:
        return Seal(key)
    except Unsealable as error:
        raise BadSetting("EDGE_SEAL_KEY", str(error)) from None


def _peer(request: web.BaseRequest) -> str:
    peer = request.transport.get_extra_info("peername") if request.transport else None
    return str(peer[0]) if peer else "unknown"


def _refusal(status: int, why: str, headers: dict[str, str] | None = None) -> web.Response:
    """An answer of the edge's own, in OAuth's form."""
    error = {400: "invalid_request", 404: "not_found", 405: "method_not_allowed", 408: "request_timeout",
             413: "invalid_request", 415: "invalid_request"}.get(status, "temporarily_unavailable")
    answer = answer_json(status, {"error": error, "error_description": why}, headers)
    if status in (400, 408, 413):
        answer.force_close()  # whatever follows on this connection is not trusted to begin where it seems to
    return answer
