"""Capture: each revocation is also put in the queue, in an order that leaves no hole.

Resolve the grants → store the intent and have it acknowledged → forward to Hydra → store
the outcome. What can't be resolved or stored is a queue failure: `fail_closed` refuses the
revocation and never forwards it, `fail_open` forwards it uncaptured.

Revocations made on green are resolved on both sides: blue alone knows the tokens that it issued
after the copy. What only blue can resolve, green's Hydra answers with 200 and does not do; so it is
taken away on green by grant before the client is told, and goes back to blue with the others.

A store that timed out may still arrive. Under fail_closed its intent then has no outcome and
its grants live on: the replayer recognises it and does nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from sim.services import planted
from sim.services.gate import Shed
from sim.services.grants import CannotResolve, Found, Grants
from sim.services.halting import Halt
from sim.services.queue import Queue, QueueDown, intent_subject, outcome_subject
from sim.services.revocations import Asked, Intent, Outcome, Said, encode, new_id, said
from sim.services.sealing import Recorded, Seal
from sim.services.settings import Direction, Side
from sim.services.taking import CannotTake, Taking
from sim.services.upstream import Lost, NotSent, Reply

OUTCOME_RETRY_S = 0.25
"""Assumption: a queue that comes back has its outcomes within the second."""
BARRIER_S = 9.0
"""Assumption: below the ten seconds the harness gives a control call; a revocation's own
deadlines end sooner unless the queue is gone."""

CARRIED: dict[Side, Direction] = {"blue": "forward", "green": "back"}
"""Revocations made on a side are carried to the other one."""


Over = Callable[[str | None], Awaitable[None]]
"""Told whose token was revoked (None: nobody knows) before anybody hears the answer."""


@dataclass(slots=True)
class _Revoking:
    """One revocation under way."""

    asked: Asked
    side: Side
    recorded: Recorded
    forward: Callable[[], Awaitable[Reply]]
    over: Over
    names: bool
    answered: asyncio.Future[tuple[Reply, int | None]]
    subject: str | None = None

    def ended(self, task: asyncio.Task[None]) -> None:
        """Nobody waits for ever on a defect of ours."""
        if not self.answered.done():
            failed = None if task.cancelled() else task.exception()
            self.answered.set_exception(failed or Shed("stopping"))

    async def answer(self, answer: Reply | Shed | NotSent | Lost, sequence: int | None = None) -> None:
        """What the client is told; it may have left."""
        try:
            await self.over(self.subject)
        finally:
            if isinstance(answer, Reply):
                self.answered.set_result((answer, sequence))
            else:
                self.answered.set_exception(answer)


class Capture:
    """Owned by the edge; only touched from its loop."""

    def __init__(self, queue: Queue, grants: dict[Side, Grants], taking: Taking, *,
                 on_failure: Literal["fail_closed", "fail_open"], seal: Seal | None) -> None:
        self._queue, self._grants, self._taking = queue, grants, taking
        self._on_failure, self._seal = on_failure, seal
        self._publish = planted.unawaited(queue.publish) if planted.on("acknowledge-early") else queue.publish
        self.is_on = False
        self.direction: Direction = "forward"
        self.halt = Halt()
        self._counts: dict[str, int] = {"captured": 0, "confirmed": 0, "refused": 0, "unknown": 0, "failed": 0}
        self._under_way: set[asyncio.Task[None]] = set()
        self._open = 0

    def status(self) -> dict[str, Any]:
        """{on, direction, captured, confirmed, refused, unknown, open, failed}.

        `open`: intents stored whose outcome is not; `failed`: revocations that could not be captured.
        """
        return {"on": self.is_on, "direction": self.direction, **self._counts, "open": self._open}

    async def turn(self, on: bool, direction: Direction) -> float:
        """Turn capture on or off; returns once every earlier revocation has its outcome (seconds).

        Raises QueueDown if capture is to be on and the queue is not there, TimeoutError if an
        earlier revocation is still open after BARRIER_S; capture stays as it was turned.
        """
        began_s = time.monotonic()
        if on:
            await self._queue.ensure()
        self.is_on, self.direction = on, direction
        earlier = set(self._under_way)
        if earlier:
            _, still = await asyncio.wait(earlier, timeout=BARRIER_S)
            if still:
                raise TimeoutError(f"{len(still)} earlier revocations have no outcome yet")
        return time.monotonic() - began_s

    async def revoke(self, asked: Asked, side: Side, recorded: Recorded, forward: Callable[[], Awaitable[Reply]],
                     over: Over, *, names: bool = False) -> tuple[Reply, int | None]:
        """Forward one revocation, captured if capture is on for this side.

        Returns the answer and the queue's sequence number (None: not captured). Raises Shed('queue_down')
        and Shed('not_in_force'), and NotSent and Lost from `forward`. Runs as a task of its own: a
        client that leaves can't leave an intent without an outcome. Before the answer, whatever it is,
        `over` is told whose token it was, which with `names` is looked up even if nothing is captured.
        """
        direction = self.direction if self.is_on and self.direction == CARRIED[side] else None
        case = _Revoking(asked, side, recorded, forward, over, names,
                         asyncio.get_running_loop().create_future())
        task = asyncio.create_task(self._whole(case, direction))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        task.add_done_callback(case.ended)
        return await asyncio.shield(case.answered)

    async def _whole(self, case: _Revoking, direction: Direction | None) -> None:
        try:
            if planted.on("forward-first"):
                case.forward = await planted.already(case.forward)
            stored = await self._store(case, direction) if direction is not None else None
            if stored is None and case.names and case.subject is None:
                case.subject = await self._grants[case.side].subject_of(case.asked.token)  # afterwards it is nobody's
            if direction is None or stored is None:
                await case.answer(await case.forward())
                return
        except (Shed, NotSent, Lost) as error:
            await case.answer(error)
            return
        intent, sequence, found = stored
        word: Said = "unknown"
        answer: Reply | NotSent | Lost | Shed
        await self.halt.passing("intent", intent, found, direction)
        try:
            answer = await case.forward()
            word = await self._said(answer, case.side, found)
            is_ours = found.is_elsewhere and intent.owner == intent.client and not planted.on("take-nothing")
            if word == "confirmed" and is_ours:
                await self._taking.take(intent)
        except NotSent as error:
            answer, word = error, "refused"  # Hydra never saw it
        except CannotTake:
            answer, word = Shed("not_in_force"), "refused"  # Hydra did nothing, and nor could we
        except Lost as error:
            answer = error
        if word == "confirmed":
            await self.halt.passing("forward", intent, found, direction)
        self._counts[word] += 1
        is_stored = await self._close(Outcome(intent.id, word), direction=direction)
        await case.answer(answer, sequence)
        while not is_stored:  # the client need not wait for it: without an outcome it is settled from the rows
            await asyncio.sleep(OUTCOME_RETRY_S)
            is_stored = await self._close(Outcome(intent.id, word), direction=direction)

    async def _store(self, case: _Revoking, direction: Direction) -> tuple[Intent, int, Found] | None:
        """Resolve and store; None if it failed and the revocation goes uncaptured. Raises Shed."""
        if planted.every("lose-capture", 3):
            return None
        id, asked = new_id(), case.asked
        try:
            found = await self._grants[case.side].resolve(asked)
            if direction == "back":
                found = found.joined(await self._grants["blue"].resolve(asked))
            case.subject = found.subject or None
            intent = Intent(
                id=id, kind=found.kind, request_ids=found.request_ids, client=asked.client, subject=found.subject,
                at=found.at, owner=found.owner, authenticated_before=found.authenticated_before,
                has_refresh=found.has_refresh,
                sealed=self._seal.close(case.recorded, id) if self._seal else None)
            sequence = await self._publish(intent_subject(direction), encode(intent), id=id)
        except (CannotResolve, QueueDown) as error:
            self._counts["failed"] += 1
            if self._on_failure == "fail_open" or planted.on("fail-open"):
                return None
            raise Shed("queue_down") from error
        self._counts["captured"] += 1
        self._open += 1
        return intent, sequence, found

    async def _said(self, reply: Reply, side: Side, found: Found) -> Said:
        """What the answer means; inside a grace period only the rows tell."""
        word = said(reply.status)
        if word == "confirmed" and not found.is_certain:
            try:
                return "refused" if await self._grants[side].is_alive(found.request_ids) else "confirmed"
            except CannotResolve:
                return "unknown"
        return word

    async def _close(self, outcome: Outcome, *, direction: Direction) -> bool:
        try:
            await self._publish(outcome_subject(direction), encode(outcome), id=f"{outcome.id}.outcome")
        except QueueDown:
            return False
        self._open -= 1
        return True

    async def close(self) -> None:
        """Stop trying to store outcomes; the replayer settles such intents from the rows."""
        tasks = list(self._under_way)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
