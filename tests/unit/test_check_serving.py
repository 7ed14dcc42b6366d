"""login_continuity, availability, latency: what people and clients notice of the switch."""

from __future__ import annotations

from typing import Any

import pytest
from builders import ALL_ROLES, Tale, crossing


def full(**tolerate: float | str) -> Tale:
    tale = Tale(**{"login_continuity__browser_sessions": "all", **tolerate})
    crossing(tale)
    return tale


def busy(tale: Tale, operations: int = 500) -> Tale:
    for _ in range(operations):
        tale.end(tale.begin("service-1", "client_credentials"), access=None, expires_in_s=60)
    return tale


def test_logins_held_and_tolerated() -> None:
    check = full().ended().check("login_continuity")
    assert check.verdict == "held" and check.figures["browser_sessions"] == 9
    tale = Tale()
    crossing(tale)
    assert tale.ended().check("login_continuity").verdict == "broken"


def test_a_login_cut_in_two_by_the_switch_counts_once() -> None:
    tale = full()
    begun = tale.begin("web-2", "authorize", grant="n-cut")
    tale.switch("green")
    witness = tale.end(begun, "fail", status=404, error="status 404")
    verdict = tale.ended().verdict()
    check = verdict.check("login_continuity")
    assert check.verdict == "broken" and check.figures["in_flight"] == 1 and check.witnesses == [witness]
    assert verdict.figure("availability.failed") == 0


def test_a_logout_cut_in_two_by_the_switch_counts_as_a_login_in_flight() -> None:
    tale = full()
    begun = tale.begin("web-2", "logout")
    tale.switch("green")
    witness = tale.end(begun, "fail", status=400, error="status 400")
    verdict = tale.ended().verdict()
    check = verdict.check("login_continuity")
    assert check.verdict == "broken" and check.figures["in_flight"] == 1 and check.witnesses == [witness]
    assert verdict.figure("availability.failed") == 0


@pytest.mark.parametrize(("before", "status"), [(False, 400), (True, 502)])
def test_a_logout_that_nothing_cut_in_two_or_that_nobody_answered_is_a_failure(before: bool, status: int) -> None:
    tale = full()
    begun = tale.begin("web-2", "logout") if before else None
    tale.switch("green")
    tale.end(begun if begun is not None else tale.begin("web-2", "logout"), "fail", status=status, error="status")
    verdict = tale.ended().verdict()
    assert verdict.check("login_continuity").figures["in_flight"] == 0
    assert verdict.figure("availability.failed") == 1


def test_a_code_only_the_old_stack_knew_is_a_login_in_flight() -> None:
    tale = full(login_continuity__in_flight=1)
    tale.route = "blue"
    tale.end(tale.begin("web-2", "authorize", grant="n-cut"), code="c", skipped_consent=False)
    tale.route = "green"
    tale.end(tale.begin("web-2", "code", grant="n-cut", token="c"), "fail", status=400, oauth_error="invalid_grant")
    check = tale.ended().check("login_continuity")
    assert check.verdict == "held" and check.figures["in_flight"] == 1


def test_a_code_of_the_copy_refused_on_green_breaks() -> None:
    tale = full()
    tale.end(tale.begin("web-2", "code", grant="seeded", token="c"), "fail", status=400, oauth_error="invalid_grant")
    assert tale.ended().check("login_continuity").figures["codes"] == 1


def test_logins_unknown_and_not_asked() -> None:
    tale = Tale()
    crossing(tale, rows=False)
    assert tale.ended().check("login_continuity").verdict == "unknown"
    assert Tale(roles=frozenset()).ended().check("login_continuity").verdict == "not_asked"


def test_availability_held_broken_unknown() -> None:
    assert busy(full()).ended().check("availability").verdict == "held"
    assert full().ended().check("availability").verdict == "unknown"
    tale = busy(full())
    tale.end(tale.begin("rs-1", "introspect", grant="g0", token="t"), "fail", status=502, error="status 502")
    tale.end(tale.begin("rs-1", "introspect", grant="g0", token="t"), "info", error="no answer within 5 s")
    tale.end(tale.begin("rs-1", "introspect", grant="g0", token="t"), "fail", error="connection refused")
    check = tale.ended().check("availability")
    assert check.verdict == "broken" and check.figures["failed"] == 3 and len(check.witnesses) == 3
    assert "introspect 3" in check.summary


@pytest.mark.parametrize("written", [
    {"availability__failed": 1}, {"availability__failed__share": 0.01}, {"availability__failed_share__share": 0.01}])
def test_failures_may_be_tolerated(written: dict[str, float | str]) -> None:
    tale = busy(full(**written))
    if "availability.failed" not in tale.terms.limits:
        tale.terms.limits["availability.failed"] = tale.terms.limits["availability.failed_share"]
    tale.end(tale.begin("rs-1", "introspect", grant="g0", token="t"), "info", error="no answer within 5 s")
    assert tale.ended().check("availability").verdict == "held"


def test_shed_is_counted_apart() -> None:
    def tale(**tolerate: float | str) -> Tale:
        made = busy(full(**tolerate))
        shed = made.begin("web-1", "revoke", grant="g0", kind="refresh", grants=["g0"])
        made.end(shed, "fail", shed=True, status=503)
        return made.ended()

    check = tale().check("availability")
    assert check.verdict == "broken" and (check.figures["shed"], check.figures["failed"]) == (1, 0)
    assert tale(availability__shed="all").check("availability").verdict == "held"


def test_what_the_end_cut_off_is_no_failure() -> None:
    tale = busy(full())
    tale.end(tale.begin("rs-1", "introspect", grant="g0", token="t"), "info", error="the run ended before an answer")
    assert tale.ended().check("availability").verdict == "held"


def test_buffering_is_limited_by_what_was_written() -> None:
    tale = busy(full(availability__longest_buffering__s=3))
    witness = tale.end(tale.begin("service-1", "client_credentials"), waited_s=3.5)
    check = tale.ended().check("availability")
    assert check.verdict == "broken" and check.figures["longest_buffering"] == 3.5 and witness in check.witnesses


def timed(before_s: float, after_s: float, *, late_s: float = 0.0, count: int = 600,
          **tolerate: float | str) -> Tale:
    """Introspections of a given latency in the baseline and after the switch."""
    tale = Tale(step_s=0.0, roles=ALL_ROLES, **tolerate)
    step = tale.begin("runbook", "step", step="baseline", kind="baseline")

    def many(took_s: float) -> None:
        tale.wait(3)
        for _ in range(count):
            tale.wait(0.001)
            due_s = tale.now_s
            tale.wait(late_s)
            i = tale.begin("rs-1", "introspect", grant="g", token="t", due_s=due_s)
            tale.wait(took_s - late_s)
            tale.end(i, active=True)

    many(before_s)
    tale.end(step, route=None, step="baseline")
    tale.switch()
    many(after_s)
    return tale.ended()


def test_who_could_not_revoke_is_counted_and_for_how_long() -> None:
    tale = full(availability__shed="all")
    for user in ("user-1", "user-2"):
        i = tale.begin(user, "revoke", grant=f"of-{user}", kind="access")
        tale.end(i, "fail", status=503, shed=True)
    tale.wait(7)
    i = tale.begin("user-1", "revoke", grant="of-user-1", kind="access")
    tale.end(i, status=200)
    tale.wait(5)  # user-2 gave up; revocations pass again since user-1's did
    check = tale.ended().check("availability")
    assert check.figures["users_refused"] == 2
    assert check.figures["longest_refusal"] == pytest.approx(7.04, abs=0.03)


def test_a_window_that_was_not_steady_is_no_baseline() -> None:
    tale = Tale(step_s=0.0, roles=ALL_ROLES, latency__introspect_p99_to_baseline__times=3.0)
    step = tale.begin("runbook", "step", step="baseline", kind="baseline")

    def many(took_s: float) -> None:
        tale.wait(3)
        for _ in range(600):
            i = tale.wait(0.001).begin("rs-1", "introspect", grant="g", token="t", due_s=tale.now_s)
            tale.wait(took_s).end(i, active=True)

    many(0.5)
    tale.note("runbook", "unsteady", step="baseline", why="p95 rose")
    many(0.01)
    tale.end(step, route=None, step="baseline")
    tale.switch()
    many(0.1)
    check = tale.ended().check("latency")
    assert check.verdict == "broken" and check.figures["introspect_p99_to_baseline"] == pytest.approx(10, rel=0.02)


def test_latency_against_the_baseline() -> None:
    limit = {"latency__introspect_p99_to_baseline__times": 3.0}
    held = timed(0.01, 0.02, **limit).check("latency")
    assert held.verdict == "held" and held.figures["introspect_p99_to_baseline"] == pytest.approx(2, rel=0.01)
    assert timed(0.01, 0.04, **limit).check("latency").verdict == "broken"
    assert timed(0.01, 0.04, count=50, **limit).check("latency").verdict == "unknown"
    assert timed(0.01, 0.04).check("latency").verdict == "not_asked"


def test_latency_counts_from_when_it_was_due() -> None:
    check = timed(0.01, 0.04, late_s=0.005, latency__introspect_p99__s=1.0).check("latency")
    assert check.figures["introspect_p99"] == pytest.approx(0.04, rel=0.01)


def test_a_late_sender_makes_latency_unknown_not_broken() -> None:
    check = timed(0.1, 0.9, late_s=0.06, latency__introspect_p99_to_baseline__times=3.0).check("latency")
    assert check.verdict == "unknown" and check.figures["late_share"] == 1


def test_unsent_operations_make_latency_unknown() -> None:
    tale = timed(0.01, 0.02, latency__introspect_p99_to_baseline__times=3.0)
    tale.note("harness", "gauge", unsent=100)
    assert tale.check("latency").verdict == "unknown"


def refresh(tale: Tale, token: str, **answer: Any) -> None:
    i = tale.begin("cli-1", "refresh", grant="g1", token=token)
    tale.end(i, "fail", status=502, **answer)


def test_a_kept_failure_breaks_availability_and_a_shared_one_does_not() -> None:
    def figure(tale: Tale) -> float | None:
        return tale.ended().verdict().figure("availability.kept_failures")

    kept, shared = Tale(), Tale()
    refresh(kept, "t")
    refresh(kept, "t", coalesced=True)
    assert figure(kept) == 1 and kept.verdict().check("availability").verdict == "broken"
    first = shared.begin("cli-1", "refresh", grant="g1", token="t")
    second = shared.begin("cli-1", "refresh", grant="g1", token="t")  # joins the first, which is under way
    shared.end(first, "fail", status=502)
    shared.end(second, "fail", status=502, coalesced=True)
    refresh(shared, "t")  # tried again, and Hydra was asked again
    assert figure(shared) == 0
    gone = Tale()
    refresh(gone, "t")
    left = gone.begin("cli-1", "refresh", grant="g1", token="t")
    gone.end(left, "info")  # the client went, its exchange did not
    refresh(gone, "t", coalesced=True)
    assert figure(gone) == 0


@pytest.mark.parametrize(("more", "word"), [({}, "broken"), ({"login_continuity__refused": 1}, "held")])
def test_logins_refused_after_the_switch_break_it_unless_allowed(more: dict[str, float], word: str) -> None:
    tale = Tale(login_continuity__browser_sessions="all", **more)
    crossing(tale)
    for n in range(12):
        i = tale.begin("visitor-1", "authorize", grant=f"n{n}")
        tale.end(i, "ok", code=f"c{n}", skipped_login=False, skipped_consent=True)
    for answer in ({"status": 404, "oauth_error": "the way ended on a page with status 404"},
                   {"status": 502}, {"status": 502, "oauth_error": "the way ended on a page with status 502"}):
        tale.end(tale.begin("visitor-1", "authorize", grant="nx"), "fail", error="status", **answer)
    check = tale.ended().check("login_continuity")
    assert (check.verdict, check.figures["refused"]) == (word, 1), "an outage is no refusal, and counted as one"
