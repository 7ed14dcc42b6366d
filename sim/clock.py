"""SimPy on the wall clock: the one scheduler of traffic, runbook and nemesis.

`LiveEnvironment` is a `simpy.Environment` stepped by asyncio: it steps what is due, sleeps
until the next event and turns a finished coroutine into a triggered event. So one set of
SimPy processes drives real I/O here and a model in virtual time elsewhere. SimPy's own
real-time environment blocks the thread and can't do I/O, hence this one.

Nothing CPU-heavy may run in this loop (drawing people, cryptography, judging): it would make
every send late.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from math import ceil, inf
from typing import Any, Literal, TypeVar

import msgspec
import simpy
from simpy.core import EmptySchedule, SimTime
from simpy.events import NORMAL, Condition, Event, EventPriority, Process

from sim.errors import RehearsalError

IN_FLIGHT = 2_000
"""Assumption: 240 operations/s that all hang for the clients' 5 s are 1,200; this is beyond it."""
RESERVE = 64
"""Assumption: places that traffic leaves free, so that runbook and nemesis never wait for it."""
BURST = 64
"""Assumption: events stepped before I/O gets its turn again; some 2 ms of traffic's work."""
ENDING_S = 20.0
"""Assumption: how long cancelled work may take to tidy up (killing a job's process) at the end."""

T = TypeVar("T")


class Outcome(msgspec.Struct, frozen=True):
    """How a coroutine ended; never raised for I/O."""

    kind: Literal["ok", "fail", "info"]
    """ok: it returned; fail: surely not done; info: nobody knows (timeout, lost, cancelled)."""
    value: Any = None
    """What it returned; None unless ok."""
    error: BaseException | None = None
    """What it raised; None if ok."""


class Call(Event):
    """A coroutine under way. Its value, when it fires, is an `Outcome`; it never fails."""

    def __init__(self, env: LiveEnvironment, coro: Coroutine[Any, Any, Any]) -> None:
        super().__init__(env)
        self._live = env
        self._coro = coro
        self._task: asyncio.Task[Any] | None = None
        self._ended: list[Callable[[], None]] = []

    def cancel(self) -> None:
        """Stop the work; the event fires with an `info` when it has really ended."""
        if self.triggered:
            return
        if self._task is None:
            self._live._never_began(self)
        else:
            self._task.cancel()

    def _when_ended(self, then: Callable[[], None]) -> None:
        """Call `then` when the work has ended, before the event fires."""
        self._ended.append(then)


class LiveProcess(Process):
    """A process whose interrupt takes what it was waiting for with it."""

    def interrupt(self, cause: Any | None = None) -> None:
        """Interrupt the process; work only it was waiting for is cancelled and awaited first.

        Raises RuntimeError if the process has ended or interrupts itself.
        """
        calls = [] if self.env.active_process is self or not self.is_alive else _awaited_only_by(self)
        if not calls:
            super().interrupt(cause)
            return
        left = len(calls)

        def ended() -> None:
            nonlocal left
            left -= 1
            if left == 0 and self.is_alive:
                super(LiveProcess, self).interrupt(cause)

        for call in calls:
            call._when_ended(ended)
        for call in calls:
            call.cancel()


class LiveEnvironment(simpy.Environment):
    """SimPy's clock tied to `time.monotonic_ns`; lives in one asyncio loop.

    Invariants: time never goes back; no event is stepped before it is due; a call gets
    exactly one outcome; at most `in_flight` calls are under way, later ones wait their turn.
    """

    def __init__(self, in_flight: int = IN_FLIGHT) -> None:
        super().__init__(0.0)
        self._cap = in_flight
        self._origin_ns: int | None = None
        self._stepping = False
        self._running: set[Call] = set()
        self._waiting: deque[Call] = deque()
        self._timer: asyncio.TimerHandle | asyncio.Handle | None = None
        self._timer_due_s = inf
        self._until: Event | None = None
        self._done: asyncio.Future[Any] | None = None
        self._bug: BaseException | None = None

    @property
    def now(self) -> float:
        """Seconds since the start: of the event being handled, or by the wall between events."""
        return float(self._now) if self._stepping else max(float(self._now), self.wall())

    def wall(self) -> float:
        """Seconds since the start by the wall clock; 0 before it."""
        if self._origin_ns is None:
            return 0.0
        return (time.monotonic_ns() - self._origin_ns) / 1e9

    @property
    def in_flight(self) -> int:
        """Calls under way or waiting for a place."""
        return len(self._running) + len(self._waiting)

    @property
    def room(self) -> bool:
        """Whether traffic may start one more call; if not, it counts the arrival as unsent."""
        return self.in_flight < self._cap - RESERVE

    def process(self, generator: Generator[Event, Any, Any]) -> LiveProcess:
        """Start a process (see `simpy.Environment.process`)."""
        return LiveProcess(self, generator)

    def call(self, coro: Coroutine[Any, Any, Any]) -> Call:
        """Run a coroutine; the event fires with its `Outcome`.

        A return is ok; ConnectionRefusedError and RehearsalError are fail; TimeoutError,
        OSError, an HTTP client's error and cancellation are info. Anything else is a bug
        and comes out of `run_live`. Timeouts belong inside the coroutine.
        """
        call = Call(self, coro)
        if len(self._running) < self._cap:
            self._begin(call)
        else:
            self._waiting.append(call)
        return call

    def schedule(self, event: Event, priority: EventPriority = NORMAL, delay: SimTime = 0) -> None:
        """Put an event into the schedule; from outside a process, counted from the wall's now."""
        if not self._stepping:
            delay += max(0.0, self.wall() - self._now)
        super().schedule(event, priority, delay)
        if not self._stepping and self._done is not None:
            self._arm()

    async def run_live(self, until: Event) -> Any:
        """Step until `until` fires and return its value; None if `stop` came first.

        At its end everything still under way is cancelled and awaited. Raises what a
        process or a coroutine raised that is not I/O.
        """
        if self._done is not None:
            raise RuntimeError("run_live is already under way")
        loop = asyncio.get_running_loop()
        if self._origin_ns is None:
            self._origin_ns = time.monotonic_ns()
        self._until = until
        self._done = loop.create_future()
        if until.processed:
            self._finish(until.value)
        elif self._bug is not None:
            self._finish(error=self._bug)
        else:
            self._arm()
        try:
            return await self._done
        finally:
            self._done = None
            self._disarm()
            await self._cancel_all()
            if self._bug is not None:
                bug, self._bug = self._bug, None
                raise bug

    def stop(self) -> None:
        """End `run_live` now; what is under way is cancelled and awaited."""
        self._finish(None)

    # ---- stepping

    def _pump(self) -> None:
        """Step what is due, then sleep until the next event."""
        self._timer, self._timer_due_s = None, inf
        if self._done is None or self._done.done():
            return
        assert self._until is not None
        self._stepping = True
        try:
            for _ in range(BURST):
                if self.peek() > self.wall():
                    break
                self.step()
                if self._until.processed:
                    self._finish(self._until.value)
                    return
        except EmptySchedule:
            pass
        except BaseException as error:
            self._finish(error=_original(error))
            return
        finally:
            self._stepping = False
        self._arm()

    def _arm(self) -> None:
        """Make sure that `_pump` is called when the next event is due."""
        due_s = float(self.peek())
        if due_s == inf or due_s >= self._timer_due_s:
            return
        self._disarm()
        wait_s = due_s - self.wall()
        loop = asyncio.get_running_loop()
        self._timer_due_s = due_s
        if wait_s <= 0:
            self._timer = loop.call_soon(self._pump)
        else:  # whole ms, as uvloop rounds them: rounding down would spin until due
            self._timer = loop.call_later(ceil(wait_s * 1000) / 1000, self._pump)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_due_s = None, inf

    def _finish(self, value: Any = None, *, error: BaseException | None = None) -> None:
        if self._done is None or self._done.done():
            return
        if error is None:
            self._done.set_result(value)
        elif isinstance(error, StopIteration):  # a future can't carry it
            self._done.set_exception(RuntimeError(f"a coroutine raised {error!r}"))
        else:
            self._done.set_exception(error)

    # ---- calls

    def _begin(self, call: Call) -> None:
        if self._origin_ns is None:
            self._origin_ns = time.monotonic_ns()
        self._running.add(call)
        call._task = asyncio.get_running_loop().create_task(call._coro)
        call._task.add_done_callback(lambda task: self._end(call, task))

    def _end(self, call: Call, task: asyncio.Task[Any]) -> None:
        self._running.discard(call)
        while self._waiting and len(self._running) < self._cap:
            self._begin(self._waiting.popleft())
        if task.cancelled():
            outcome = Outcome("info", error=asyncio.CancelledError())
        else:
            error = task.exception()
            kind = "ok" if error is None else _kind(error)
            if kind is None:
                self._bug = error
                self._finish(error=error)
                return
            outcome = Outcome(kind, task.result() if error is None else None, error)
        self._complete(call, outcome)

    def _never_began(self, call: Call) -> None:
        """Give up a call that was still waiting for a place."""
        self._waiting.remove(call)
        call._coro.close()
        self._complete(call, Outcome("info", error=asyncio.CancelledError()))

    def _complete(self, call: Call, outcome: Outcome) -> None:
        """Deliver an outcome at this instant, through the schedule."""
        for then in call._ended:
            then()
        call._ok, call._value = True, outcome
        delay_s = max(0.0, self.wall() - self._now) if self._stepping else 0.0  # else `schedule` adds it
        self.schedule(call, delay=delay_s)

    async def _cancel_all(self) -> None:
        """Cancel and await everything under way; what its end starts is cancelled too."""
        give_up_s = self.wall() + ENDING_S
        while self._running or self._waiting:
            while self._waiting:
                self._never_began(self._waiting[0])
            tasks = [call._task for call in self._running if call._task is not None]
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks, timeout=max(0.01, give_up_s - self.wall()))
            await asyncio.sleep(0)  # lets the done callbacks run
            if self._running and self.wall() > give_up_s:
                names = sorted({str(getattr(call._coro, "__qualname__", "?")) for call in self._running})
                raise RehearsalError("cancelled work did not end", seen=", ".join(names),
                                     todo="this is a defect: report it with the run's log")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a uvloop loop of its own, as `asyncio.run` does."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def _kind(error: BaseException) -> Literal["fail", "info"] | None:
    """What an exception says about the act; None is a bug."""
    if isinstance(error, (ConnectionRefusedError, RehearsalError)):
        return "fail"
    if isinstance(error, (OSError, asyncio.CancelledError)):  # TimeoutError is an OSError
        return "info"
    http = sys.modules.get("aiohttp")  # not imported here: only rigs may
    if http is not None and isinstance(error, http.ClientError):
        return "info"
    return None


def _original(error: BaseException) -> BaseException:
    """The exception a process raised: SimPy crashes with a copy made of its `args` alone."""
    cause = error.__cause__
    while cause is not None and type(cause) is type(error) and cause.args == error.args:
        error, cause = cause, cause.__cause__
    return error


def _awaited_only_by(process: Process) -> list[Call]:
    """Unfinished calls that `process`, and nothing else, is waiting for."""

    def search(event: Event | None) -> list[Call]:
        if event is None or event.triggered or event.callbacks is None:
            return []
        others = [told for told in event.callbacks if getattr(told, "__name__", "") != "_build_value"]
        if len(others) > 1:  # a condition itself counts as one that builds its value
            return []
        if isinstance(event, Call):
            return [event]
        if isinstance(event, Condition):
            return [call for part in event._events for call in search(part)]
        return []

    return search(process.target)
