"""What must be so for any history: order of completions, bounds, and that evidence never heals."""

from __future__ import annotations

from typing import Any

import msgspec
from builders import Grant, Tale, forgetful
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim.checks.forming import Forming
from sim.checks.judge import judge_under, judged
from sim.checks.reading import Reading
from sim.checks.terms import Terms
from sim.checks.verdict import Verdict, to_json
from sim.history.history import History
from sim.history.op import Op

QUICK = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])

ACTS = st.sampled_from(["ask", "ask", "ask", "refresh", "refresh", "revoke", "may", "snapshot", "switch", "replay"])
ENDS = st.sampled_from(["ok", "ok", "ok", "no", "info", "shed", "same"])


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Up to three grants, anything done to them at once, any answer; every call ends."""
    tale = Tale(roles=frozenset({"copy", "cutover", "replay", "verify"}))
    grants = [tale.grant(f"g{n}") for n in range(draw(st.integers(1, 3)))]
    waiting: list[tuple[int, str, Grant]] = []
    switched = False
    for number in range(draw(st.integers(4, 30))):
        if waiting and draw(st.booleans()):
            _finish(tale, waiting.pop(draw(st.integers(0, len(waiting) - 1))), draw(ENDS), number)
            continue
        act, grant = draw(ACTS), draw(st.sampled_from(grants))
        if act == "snapshot" and not switched:
            tale.snapshot()
        elif act == "switch" and not switched:
            tale.switch()
            switched = True
        elif act == "replay" and switched:
            tale.step("replay", captured=0, replayed=0, void=0)
        elif act in ("ask", "may"):
            token = draw(st.sampled_from([grant.access, *grant.older, grant.refresh, *grant.older_refresh]))
            f = "introspect" if act == "ask" else "authz"
            kind = {"token": "access" if token in (grant.access, *grant.older) else "refresh"}
            i = tale.begin("rs-1", f, grant=grant.name, token=token)
            tale.ops[i] = msgspec.structs.replace(tale.ops[i], value=kind)
            waiting.append((i, act, grant))
        elif act == "refresh":
            presented = draw(st.sampled_from([grant.refresh, grant.refresh, *grant.older_refresh]))
            waiting.append((tale.begin("web-1", "refresh", grant=grant.name, token=presented), act, grant))
        elif act == "revoke":
            waiting.append((tale.begin("web-1", "revoke", grant=grant.name, kind="refresh", grants=[grant.name]),
                            act, grant))
    for number, left in enumerate(waiting, start=100):
        _finish(tale, left, draw(ENDS), number)
    return tale.ended().history()


def _finish(tale: Tale, call: tuple[int, str, Grant], how: str, number: int) -> None:
    i, act, grant = call
    if how == "info":
        tale.end(i, "info", error="no answer within 5 s")
    elif how == "shed":
        tale.end(i, "fail", shed=True, status=503)
    elif act == "ask":
        tale.end(i, active=how in ("ok", "same"))
    elif act == "may":
        tale.end(i, allowed=how in ("ok", "same"))
    elif how == "no":
        tale.end(i, "fail", status=401, oauth_error="token_inactive")
    elif act == "refresh" and how == "same" and tale.ops[i].token_hash == grant.given_for:
        tale.end(i, access=grant.access, refresh=grant.refresh, expires_in_s=3600)  # as somebody else was answered
    elif act == "refresh":
        grant.given_for = tale.ops[i].token_hash or ""
        grant.older.append(grant.access)
        grant.older_refresh.append(grant.refresh)
        grant.gen = number + 1
        tale.end(i, access=grant.access, refresh=grant.refresh, expires_in_s=3600 if number % 3 else 2.1)
    else:
        tale.end(i, kind="refresh", grants=[grant.name], status=200, capture=None)


def runs_of_completions(ops: list[Op]) -> list[list[Op]]:
    """Stretches in which traffic only completes: their order is no order."""
    found: list[list[Op]] = []
    for op in ops:
        loose = op.of is not None and op.process in ("rs-1", "web-1")
        if loose and found and found[-1][-1].of is not None and found[-1][-1].process in ("rs-1", "web-1"):
            found[-1].append(op)
        else:
            found.append([op])
    return found


def rewritten(ops: list[Op]) -> list[Op]:
    """The same ops numbered by their place; those of one stretch at one instant."""
    numbers = {op.i: n for n, op in enumerate(ops)}
    out: list[Op] = []
    for stretch in runs_of_completions(ops):
        at_s = max(op.t_s for op in stretch)
        for op in stretch:
            out.append(msgspec.structs.replace(
                op, i=numbers[op.i], of=None if op.of is None else numbers[op.of], t_s=at_s))
    return out


def essence(verdict: Verdict) -> dict[str, Any]:
    return {c.name: (c.verdict, c.figures, c.evidence) for c in verdict.checks}


TERMS = Terms(slug="any", roles=frozenset({"copy", "cutover", "replay", "verify"}))


@QUICK
@given(histories(), st.randoms(use_true_random=False))
def test_completions_in_any_order_give_the_same_verdict(history: History, random: Any) -> None:
    shuffled: list[Op] = []
    for stretch in runs_of_completions(history.ops):
        random.shuffle(stretch)
        shuffled += stretch
    one = judge_under(History(history.header, rewritten(history.ops)), TERMS)
    other = judge_under(History(history.header, rewritten(shuffled)), TERMS)
    assert essence(one) == essence(other)


@QUICK
@given(histories())
def test_bounds_and_counts(history: History) -> None:
    verdict = judge_under(history, TERMS)
    figures = verdict.check("revocation").figures
    assert figures["longest_gap_at_least"] <= figures["longest_gap"]
    assert figures["uses"] >= figures["uses_after_replay"] + figures["uses_where_revoked"]
    assert all("itself failed" not in c.summary for c in verdict.checks)
    assert all(0 <= i < len(history.ops) for c in verdict.checks for i in c.witnesses)


@QUICK
@given(histories())
def test_no_later_evidence_turns_broken_into_held(history: History) -> None:
    forming = Forming(TERMS)
    broken = False
    for op in history.ops:
        forming.feed(op)
        word = forming.verdict().verdict
        assert not (broken and word != "broken"), f"op {op.i} took a breach back"
        broken = word == "broken"


@QUICK
@given(histories())
def test_every_call_is_paired_once(history: History) -> None:
    reading = Reading(TERMS)
    for op in history.ops:
        reading.feed(op)
    calls = [c for c in history.calls() if c.begun.process in ("rs-1", "web-1")]
    assert sum(c.total for c in reading.counted.values()) == len(calls)
    assert all(s.open_issues == 0 and s.open_revokes == 0 for s in reading.tracking.stands.values())


@QUICK
@given(histories())
def test_forgetting_tokens_changes_no_verdict(history: History) -> None:
    assert to_json(judged(forgetful(history, TERMS), history.header)) == to_json(judge_under(history, TERMS))


@QUICK
@given(histories())
def test_a_loss_is_counted_once(history: History) -> None:
    verdict = judge_under(history, TERMS)
    reading = Reading(TERMS)
    for op in history.ops:
        reading.feed(op)
    token = verdict.check("token_continuity").figures
    shed = [w for w in reading.tracking.wrongs if w.shed and not w.cause]
    assert token["false_inactive"] + token["counted_elsewhere"] <= len(reading.tracking.wrongs)
    assert token["false_inactive"] + token["counted_elsewhere"] + len(shed) >= len(reading.tracking.wrongs)
