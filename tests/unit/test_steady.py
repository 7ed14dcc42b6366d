"""Is the traffic steady? What the baseline and the proof that blue is well go by."""

from __future__ import annotations

import pytest

from sim.history.op import Op
from sim.runbook.steady import MIN_OPERATIONS, Watcher, Window


class Feed:
    """Feeds a watcher with operations at instants of the test's own."""

    def __init__(self) -> None:
        self.watcher = Watcher()
        self.i = 0

    def begin(self, due_s: float, *, f: str = "introspect", process: str = "rs-1", planned: bool = True) -> int:
        self.watcher(Op(self.i, "invoke", process, f, due_s, None, due_s if planned else None))
        self.i += 1
        return self.i - 1

    def end(self, of: int, at_s: float, type: str = "ok", *, f: str = "introspect", process: str = "rs-1",
            **value: object) -> None:
        self.watcher(Op(self.i, type, process, f, at_s, of, value=value))  # type: ignore[arg-type]
        self.i += 1

    def many(self, count: int, *, from_s: float = 0.0, took_s: float = 0.005, type: str = "ok",
             f: str = "introspect", **value: object) -> None:
        for n in range(count):
            due_s = from_s + n * 0.01
            self.end(self.begin(due_s, f=f), due_s + took_s, type, f=f, **value)


def test_steady_traffic_has_no_trouble() -> None:
    feed = Feed()
    feed.watcher.begin()
    feed.many(200)
    window = feed.watcher.end()
    assert (window.operations, window.failed, window.unanswered) == (200, 0, 0)
    assert window.first_p95_s == pytest.approx(0.005) == window.second_p95_s
    assert window.trouble() is None


def test_too_few_operations_say_nothing() -> None:
    feed = Feed()
    feed.watcher.begin()
    assert "too few" in (feed.watcher.end().trouble() or "")
    feed.watcher.begin()
    feed.many(MIN_OPERATIONS - 1)
    assert f"only {MIN_OPERATIONS - 1} operations" in (feed.watcher.end().trouble() or "")
    feed.watcher.begin()
    feed.many(MIN_OPERATIONS)
    assert feed.watcher.end().trouble() is None


@pytest.mark.parametrize(("type", "value", "what"), [
    ("fail", {"status": 500}, "1 operations failed"), ("fail", {"status": 503, "shed": True}, "1 operations failed"),
    ("fail", {}, "1 operations failed"), ("info", {}, "1 had no answer")])
def test_one_outage_is_enough(type: str, value: dict[str, object], what: str) -> None:
    feed = Feed()
    feed.watcher.begin()
    feed.many(200)
    feed.many(1, from_s=2, type=type, **value)
    assert what in (feed.watcher.end().trouble() or "")


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_clear_refusal_is_no_outage(status: int) -> None:
    feed = Feed()
    feed.watcher.begin()
    feed.many(200, type="fail", f="refresh", status=status)
    window = feed.watcher.end()
    assert window.failed == 0 and window.trouble() is None


def test_what_slows_down_is_not_steady() -> None:
    feed = Feed()
    feed.watcher.begin()
    feed.many(100, took_s=0.01)
    feed.many(100, from_s=1, took_s=0.04)
    trouble = feed.watcher.end().trouble()
    assert trouble is not None and "10 to 40 ms" in trouble


def test_milliseconds_are_noise_and_three_times_slower_is_allowed() -> None:
    assert Window(200, 0, 0, 0.001, 0.019).trouble() is None
    assert Window(200, 0, 0, 0.02, 0.06).trouble() is None
    assert Window(200, 0, 0, 0.02, 0.0601).trouble() is not None
    assert Window(200, 0, 0, 0.05, 0.01).trouble() is None, "what becomes faster is no trouble"


def test_latency_counts_from_when_it_was_due() -> None:
    """A sender that comes too late must not make a stack look fast."""
    feed = Feed()
    feed.watcher.begin()
    for n in range(200):
        due_s = n * 0.01
        feed.watcher(Op(feed.i, "invoke", "rs-1", "introspect", due_s + 0.5, None, due_s))
        feed.i += 1
        feed.end(feed.i - 1, due_s + 0.505)
    assert feed.watcher.end().first_p95_s == pytest.approx(0.505)


def test_only_what_began_in_the_window_counts() -> None:
    feed = Feed()
    before = feed.begin(0.0)
    feed.watcher.begin()
    feed.end(before, 1.0, "fail", status=500)
    feed.many(150, from_s=1)
    window = feed.watcher.end()
    assert (window.operations, window.failed) == (150, 0)
    feed.many(10, from_s=9, type="info")
    assert feed.watcher.end().unanswered == 0, "after the end nobody watches"


def test_a_second_window_forgets_the_first() -> None:
    feed = Feed()
    feed.watcher.begin()
    feed.many(150, type="info")
    feed.watcher.begin()
    feed.many(150, from_s=5)
    assert feed.watcher.end() == Window(150, 0, 0, pytest.approx(0.005), pytest.approx(0.005))  # type: ignore[arg-type]


def test_our_own_questions_and_what_is_no_service_do_not_count() -> None:
    feed = Feed()
    feed.watcher.begin()
    feed.end(feed.begin(0, process="verify-1"), 1, "fail", process="verify-1", status=500)
    feed.end(feed.begin(0, f="discovery"), 1, "fail", f="discovery", status=500)
    assert feed.watcher.end().operations == 0


def test_who_is_still_waiting_at_the_end_has_no_answer() -> None:
    """Clients wait 5 s, the proof watches 3 s: a stack of which half hangs is not well."""
    feed = Feed()
    feed.watcher.begin()
    for _ in range(20):
        feed.begin(0.2)
    feed.many(300, from_s=0.2)
    assert feed.watcher.end().unanswered == 20


def test_what_was_just_sent_is_not_waiting_yet() -> None:
    feed = Feed()
    feed.watcher.begin()
    feed.begin(0.1, f="authorize")  # a person may linger at the login page
    feed.many(300)
    feed.begin(2.99)
    window = feed.watcher.end()
    assert (window.unanswered, window.operations) == (0, 300)
