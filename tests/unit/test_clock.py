"""The clock: nothing early, nothing lost, every call exactly one outcome."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from typing import Any

import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import clock
from sim.clock import LiveEnvironment, Outcome
from sim.errors import RehearsalError, StepFailed

Steps = Generator[simpy.Event, Any, Any]
SHORT_S = 0.02


def play(env: LiveEnvironment, body: Steps) -> Any:
    """Run one process to its end on uvloop."""
    async def main() -> Any:
        return await env.run_live(env.process(body))

    return clock.run(main())


async def answer(value: Any, after_s: float = 0.0) -> Any:
    await asyncio.sleep(after_s)
    return value


async def fail(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


@pytest.mark.parametrize(("error", "kind"), [
    (ConnectionRefusedError("no one listens"), "fail"),
    (StepFailed("no", seen="x", todo="y"), "fail"),
    (TimeoutError("5 s"), "info"),
    (ConnectionResetError("lost"), "info"),
    (OSError("any"), "info"),
    (asyncio.CancelledError(), "info"),
])
def test_io_never_raises_but_says_what_it_knows(error: BaseException, kind: str) -> None:
    env = LiveEnvironment()

    def body() -> Steps:
        outcome = yield env.call(fail(error))
        return outcome

    outcome = play(env, body())
    assert outcome.kind == kind and type(outcome.error) is type(error) and outcome.value is None


def test_an_http_clients_error_is_info() -> None:
    import aiohttp

    env = LiveEnvironment()

    def body() -> Steps:
        return (yield env.call(fail(aiohttp.ServerDisconnectedError())))

    assert play(env, body()).kind == "info"


def test_a_bug_in_a_coroutine_comes_out_of_run_live() -> None:
    env = LiveEnvironment()

    def body() -> Steps:
        yield env.call(fail(KeyError("a defect")))
        pytest.fail("went on after a bug")

    with pytest.raises(KeyError, match="a defect"):
        play(env, body())


def test_an_error_in_a_process_comes_out_whole() -> None:
    env = LiveEnvironment()

    def inner() -> Steps:
        yield env.timeout(0)
        raise RehearsalError("what", where="where", seen="seen", todo="todo")

    def body() -> Steps:
        yield env.process(inner())

    with pytest.raises(RehearsalError) as caught:
        play(env, body())
    assert (caught.value.where, caught.value.seen, caught.value.todo) == ("where", "seen", "todo")


def test_waiting_does_not_block_io() -> None:
    env = LiveEnvironment()

    def body() -> Steps:
        call = env.call(answer("done", SHORT_S))
        yield env.timeout(SHORT_S * 3)
        assert call.processed, "the loop slept through an answer"
        return call.value.value, env.now

    value, now_s = play(env, body())
    assert value == "done" and SHORT_S * 3 <= now_s < SHORT_S * 3 + 0.5


def test_now_of_an_answer_is_the_instant_it_came() -> None:
    env = LiveEnvironment()

    def body() -> Steps:
        yield env.timeout(0.001)
        before_s = env.now
        yield env.call(answer(None, SHORT_S))
        return env.now - before_s

    assert play(env, body()) >= SHORT_S * 0.9


def test_an_event_triggered_from_outside_wakes_the_sleeper_at_once() -> None:
    env = LiveEnvironment()
    gate = env.event()

    async def outside() -> None:
        await asyncio.sleep(SHORT_S)
        gate.succeed(env.now)

    def body() -> Steps:
        env.call(outside())
        told_s = yield gate
        assert told_s >= SHORT_S * 0.9, "time stood still outside a step"
        return env.now

    def long_sleep() -> Steps:
        yield env.timeout(60)

    env.process(long_sleep())
    began_s = time.monotonic()
    assert play(env, body()) >= SHORT_S * 0.9
    assert time.monotonic() - began_s < 5


def test_interrupt_cancels_the_call_and_waits_for_its_end() -> None:
    env = LiveEnvironment()
    seen: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(SHORT_S)
            seen.append("tidied up")
            raise

    def worker() -> Steps:
        try:
            yield env.call(work())
        except simpy.Interrupt as interrupt:
            seen.append(f"interrupted: {interrupt.cause}")

    def body() -> Steps:
        process = env.process(worker())
        yield env.timeout(0.005)
        process.interrupt("abort")
        yield process

    play(env, body())
    assert seen == ["tidied up", "interrupted: abort"]
    assert env.in_flight == 0


def test_interrupt_of_a_deadline_race_cancels_the_call_in_it() -> None:
    env = LiveEnvironment()
    ended: list[bool] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    def worker() -> Steps:
        try:
            yield env.call(work()) | env.timeout(30)
        except simpy.Interrupt:
            assert ended == [True]

    def body() -> Steps:
        process = env.process(worker())
        yield env.timeout(0.005)
        process.interrupt()
        yield process

    play(env, body())
    assert ended == [True]


def test_interrupt_leaves_a_call_alone_that_others_await() -> None:
    env = LiveEnvironment()
    got: list[Outcome] = []

    def listener(call: simpy.Event) -> Steps:
        got.append((yield call))

    def impatient(call: simpy.Event) -> Steps:
        try:
            yield call
        except simpy.Interrupt:
            return

    def body() -> Steps:
        call = env.call(answer("kept", SHORT_S))
        patient, other = env.process(listener(call)), env.process(impatient(call))
        yield env.timeout(0.002)
        other.interrupt()
        yield patient & other

    play(env, body())
    assert [outcome.value for outcome in got] == ["kept"]


def test_interrupting_a_process_that_waits_for_time_is_simpys_own() -> None:
    env = LiveEnvironment()

    def sleeper() -> Steps:
        with pytest.raises(simpy.Interrupt):
            yield env.timeout(60)
        return "woken"

    def body() -> Steps:
        process = env.process(sleeper())
        yield env.timeout(0.001)
        process.interrupt()
        assert (yield process) == "woken"
        with pytest.raises(RuntimeError):
            process.interrupt()

    play(env, body())


def test_the_end_of_a_run_cancels_and_awaits_what_is_under_way() -> None:
    env = LiveEnvironment(in_flight=2)
    ended: list[str] = []

    async def work(name: str) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.005)
            ended.append(name)
            raise

    def body() -> Steps:
        for name in ("a", "b", "never begun"):
            env.call(work(name))
        yield env.timeout(0.005)

    play(env, body())
    assert sorted(ended) == ["a", "b"] and env.in_flight == 0


def test_stop_ends_run_live_without_its_event() -> None:
    env = LiveEnvironment()

    def body() -> Steps:
        yield env.timeout(0.005)
        env.stop()
        yield env.timeout(60)

    assert play(env, body()) is None


def test_a_cancelled_call_fires_as_info() -> None:
    env = LiveEnvironment(in_flight=1)

    def body() -> Steps:
        running, queued = env.call(answer(1, 60)), env.call(answer(2, 60))
        yield env.timeout(0.002)
        queued.cancel()
        running.cancel()
        yield running & queued
        return running.value.kind, queued.value.kind

    assert play(env, body()) == ("info", "info")


def test_run_live_can_follow_another() -> None:
    env = LiveEnvironment()

    async def main() -> tuple[Any, Any, float]:
        first = await env.run_live(env.timeout(0.005, "first"))
        second = await env.run_live(env.timeout(0.005, "second"))
        return first, second, env.now

    first, second, now_s = clock.run(main())
    assert (first, second) == ("first", "second") and now_s >= 0.01


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 15), min_size=1, max_size=30))
def test_no_timeout_is_stepped_before_it_is_due_and_time_never_goes_back(delays_ms: list[int]) -> None:
    env = LiveEnvironment()
    steps: list[tuple[float, float, float]] = []

    def waiter(delay_s: float) -> Steps:
        yield env.timeout(delay_s)
        steps.append((delay_s, env.now, env.wall()))

    def body() -> Steps:
        yield env.all_of([env.process(waiter(delay / 1000)) for delay in delays_ms])

    play(env, body())
    assert len(steps) == len(delays_ms)
    assert [now for _, now, _ in steps] == sorted(now for _, now, _ in steps)
    assert all(now >= delay and wall >= now for delay, now, wall in steps)
    assert [delay for delay, _, _ in steps] == sorted(d / 1000 for d in delays_ms)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["ok", "fail", "info", "cancel", "interrupt"])),
                min_size=1, max_size=25), st.integers(1, 6))
def test_every_call_has_exactly_one_outcome_and_the_cap_holds(
        calls: list[tuple[int, str]], cap: int) -> None:
    env = LiveEnvironment(in_flight=cap)
    under_way = most = 0
    outcomes: list[str] = []

    async def work(wait_ms: int, how: str) -> str:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            await asyncio.sleep(wait_ms / 1000)
            if how == "fail":
                raise ConnectionRefusedError
            if how == "info":
                raise TimeoutError
            return how
        finally:
            under_way -= 1

    def caller(wait_ms: int, how: str) -> Steps:
        call = env.call(work(wait_ms, how))
        if how == "cancel":
            call.cancel()
        try:
            outcomes.append((yield call).kind)
        except simpy.Interrupt:
            assert call.triggered, "interrupted before the work had ended"
            outcomes.append("interrupted")

    def body() -> Steps:
        processes = [env.process(caller(*call)) for call in calls]
        yield env.timeout(0.001)
        for process, (_, how) in zip(processes, calls, strict=True):
            if how == "interrupt" and process.is_alive:
                process.interrupt()
        yield env.all_of(processes)

    play(env, body())
    assert len(outcomes) == len(calls) and most <= cap and under_way == 0 and env.in_flight == 0
