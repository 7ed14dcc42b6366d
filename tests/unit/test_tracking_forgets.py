"""A long history is judged in bounded memory: tokens that tell nothing are forgotten, and the verdict is the same."""

from __future__ import annotations

import pytest
from builders import Tale, crossing, forgetful

from sim.checks import tracking
from sim.checks.judge import judge_under, judged, read
from sim.checks.verdict import to_json


def long_tale() -> Tale:
    """Many short-lived tokens, a wrong answer, a lost chain, and a revoked grant whose expired token is let in."""
    tale = Tale()
    crossing(tale)
    grants = [tale.grant(f"short{n}", expires_in_s=5.0) for n in range(10)]
    revoked = grants.pop()
    tale.refresh(revoked, expires_in_s=5.0)
    tale.revoke(revoked)
    for _ in range(30):
        for grant in grants:
            tale.refresh(grant, expires_in_s=5.0)
            tale.ask(grant, active=True)
        tale.wait(10.0)
        tale.ask(grants[0], active=False)
    tale.ask(revoked, active=True, token=revoked.older[0])
    tale.refresh(grants[1])
    tale.ask(grants[1], active=False)
    tale.refused(grants[2])
    return tale.ended()


def test_forgotten_tokens_change_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    tale = long_tale()
    history, terms = tale.history(), tale.terms
    whole = read(history, terms)
    plain = judge_under(history, terms)
    assert plain.check("revocation").verdict == plain.check("token_continuity").verdict == "broken"
    monkeypatch.setattr(tracking, "TOKENS_MOST", 60)
    bounded = read(history, terms)
    access = [sum(t.kind == "access" for t in one.tracking.tokens.values()) for one in (whole, bounded)]
    assert access[1] < access[0] / 2
    assert to_json(judge_under(history, terms)) == to_json(plain)


def test_a_token_issued_while_a_revocation_was_under_way_is_kept() -> None:
    """Whether it came before or after nobody knows; forgotten, it would count as revoked."""
    tale = Tale()
    crossing(tale)
    grant = tale.grant("racing")
    revoke = tale.begin("web-1", "revoke", grant=grant.name, kind="refresh", grants=[grant.name])
    between = tale.refresh(grant).access
    tale.refresh(grant)
    tale.end(revoke, kind="refresh", grants=[grant.name], status=200)
    tale.ask(grant, active=True, token=between)
    history = tale.ended().history()
    figures = [judged(reading, history.header).check("revocation").figures
               for reading in (read(history, tale.terms), forgetful(history, tale.terms))]
    assert figures[0] == figures[1] and figures[0]["uses"] == 0
