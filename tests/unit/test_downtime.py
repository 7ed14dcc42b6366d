"""Downtime: from a call without a usable answer to the next one that had one."""

from __future__ import annotations

import pytest
from builders import Tale

from sim.checks.judge import read
from sim.report.calls import Outcomes, completed, due_s, is_proof
from sim.report.downtime import Downtime


def asked(tale: Tale, f: str, due_s: float, type: str = "ok", **value: object) -> None:
    tale.now_s = max(tale.now_s, due_s)
    i = tale.begin("web-1", f, due_s=due_s)
    tale.end(i, type, **value)


def downtime(tale: Tale) -> Downtime:
    history = tale.history()
    outcomes, down = Outcomes(read(history, tale.terms).timeline), Downtime()
    for call in completed(history):
        if not is_proof(call):
            down.feed(call, outcomes.of(call), due_s(call))
    return down


def test_it_lasts_until_the_next_call_that_is_answered() -> None:
    tale = Tale()
    for due, type in ((1.0, "ok"), (2.0, "fail"), (2.5, "fail"), (4.0, "ok"), (5.0, "info"), (5.5, "ok")):
        asked(tale, "introspect", due, type, status=500)
    down = downtime(tale)
    assert down.spans("introspect") == [(2.0, 4.0), (5.0, 5.5)]
    assert down.seconds() == {"introspect": pytest.approx(2.5)}


def test_what_is_shed_on_purpose_is_down_too_and_a_clear_refusal_is_an_answer() -> None:
    tale = Tale()
    asked(tale, "revoke", 1.0, "fail", status=503, shed=True)
    asked(tale, "revoke", 3.0)
    asked(tale, "refresh", 3.5, "fail", status=400, oauth_error="invalid_grant")
    down = downtime(tale)
    assert down.seconds() == {"refresh": 0.0, "revoke": pytest.approx(2.0)}


def test_without_a_later_answer_it_lasts_to_the_end() -> None:
    tale = Tale()
    asked(tale, "introspect", 1.0)
    asked(tale, "introspect", 2.0, "fail", status=500)
    asked(tale, "introspect", 7.0, "fail", status=500)
    assert downtime(tale).seconds()["introspect"] == pytest.approx(5.02)


def test_the_run_s_end_and_the_verify_step_s_questions_are_nobody_s_downtime() -> None:
    tale = Tale()
    i = tale.begin("web-1", "refresh", due_s=1.0)
    tale.end(i, "info", error="the run ended")
    i = tale.begin("verify-1", "introspect", due_s=2.0)
    tale.end(i, "fail", status=500)
    tale.begin("web-1", "revoke", due_s=3.0)
    assert downtime(tale).seconds() == {}


def test_the_longest_wait_counts_from_when_it_was_due() -> None:
    tale = Tale()
    tale.now_s = 3.0
    tale.end(tale.begin("web-1", "introspect", due_s=1.0))
    assert downtime(tale).longest_wait_s["introspect"] == pytest.approx(2.02)
