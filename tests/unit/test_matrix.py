"""The cross-version matrix, from calls written by hand."""

from __future__ import annotations

import pytest
from builders import Grant, Tale

from sim.checks.judge import read
from sim.report.calls import completed
from sim.report.matrix import Cell, Matrix, Minted, Use, Where


@pytest.fixture
def tale() -> Tale:
    tale = Tale()
    tale.note("runbook", "plan", steps=[])
    return tale


def filled(tale: Tale) -> Matrix:
    history = tale.history()
    matrix = Matrix(read(history, tale.terms))
    for call in completed(history):
        matrix.feed(call)
    return matrix


def cell(tale: Tale, minted: Minted, use: Use, where: Where) -> Cell | None:
    return next((r.cells[where] for r in filled(tale).rows() if (r.minted, r.use) == (minted, use)), None)


def told(found: Cell | None) -> tuple[int, int, int, int]:
    assert found is not None
    return found.accepted, found.refused, found.revoked_accepted, found.revoked_refused


def test_a_token_of_the_copy_is_used_on_both(tale: Tale) -> None:
    g = tale.grant("g")
    tale.ask(g, active=True)
    tale.snapshot().switch()
    tale.ask(g, active=True)
    assert told(cell(tale, "blue, in the copy", "introspect", "blue")) == (1, 0, 0, 0)
    assert told(cell(tale, "blue, in the copy", "introspect", "green, before the replay")) == (1, 0, 0, 0)
    assert cell(tale, "blue, in the copy", "introspect", "green, after the replay") is None


def test_what_was_minted_after_the_copy_is_unknown_to_green(tale: Tale) -> None:
    tale.snapshot()
    g = tale.grant("n-1")
    tale.switch()
    tale.ask(g, active=False)
    tale.refused(g)
    assert told(cell(tale, "blue, after the copy", "introspect", "green, before the replay")) == (0, 1, 0, 0)
    assert told(cell(tale, "blue, after the copy", "refresh", "green, before the replay")) == (0, 1, 0, 0)


def test_the_replay_divides_revoked_accepted_from_revoked_refused(tale: Tale) -> None:
    g = tale.grant("g")
    tale.snapshot()
    tale.revoke(g, capture=1)
    tale.switch()
    tale.ask(g, active=True)
    tale.step("replay", captured=1, replayed=1)
    tale.ask(g, active=False)
    tale.refused(g)
    assert told(cell(tale, "blue, in the copy", "introspect", "green, before the replay")) == (0, 0, 1, 0)
    assert told(cell(tale, "blue, in the copy", "introspect", "green, after the replay")) == (0, 0, 0, 1)
    assert told(cell(tale, "blue, in the copy", "refresh", "green, after the replay")) == (0, 0, 0, 1)


def test_green_s_tokens_on_blue_after_the_return(tale: Tale) -> None:
    tale.snapshot().switch()
    g = tale.grant("n-green")
    tale.ask(g, active=True)
    tale.switch("blue")
    tale.ask(g, active=False)
    matrix = filled(tale)
    assert [name for _, name in matrix.columns()] == ["blue", "green", "blue, after the return"], "nothing was replayed"
    assert told(cell(tale, "green", "introspect", "blue, after the return")) == (0, 1, 0, 0)
    assert told(cell(tale, "green", "introspect", "green, before the replay")) == (1, 0, 0, 0)


def test_a_superseded_token_refused_shows_nothing(tale: Tale) -> None:
    g = tale.grant("g")
    old = g.access
    tale.refresh(g)
    tale.ask(g, active=False, token=old)
    assert cell(tale, "blue, in the copy", "introspect", "blue") is None


def test_a_revocation_under_way_shows_nothing(tale: Tale) -> None:
    g = tale.grant("g")
    i = tale.begin("web-1", "revoke", grant="g", token=g.refresh, kind="refresh", grants=["g"])
    tale.ask(g, active=True)
    tale.end(i, status=200, capture=None)
    assert cell(tale, "blue, in the copy", "introspect", "blue") is None
    assert told(cell(tale, "blue, in the copy", "revoke", "blue")) == (1, 0, 0, 0)


def test_consent_list_and_codes(tale: Tale) -> None:
    g = tale.grant("g")
    i = tale.begin("authz-1", "authz", grant="g", token=g.access)
    tale.end(i, allowed=True, why="granted")
    i = tale.begin("web-1", "authorize", grant="n-2")
    tale.end(i, code="c2")
    tale.snapshot().switch()
    i = tale.begin("web-1", "code", grant="n-2", token="c2")
    tale.end(i, access="a2", refresh="r2", expires_in_s=60)
    assert told(cell(tale, "blue, in the copy", "consent list", "blue")) == (1, 0, 0, 0)
    assert told(cell(tale, "blue, in the copy", "redeem code", "green, before the replay")) == (1, 0, 0, 0)


def test_outages_are_no_answer(tale: Tale) -> None:
    g = tale.grant("g")
    for type, value in (("fail", {"status": 503}), ("info", {})):
        i = tale.begin("web-1", "refresh", grant="g", token=g.refresh)
        tale.end(i, type, error="x", **value)
    assert cell(tale, "blue, in the copy", "refresh", "blue") is None


def test_what_the_older_version_minted_is_followed_through_both_upgrades(tale: Tale) -> None:
    old = tale.grant("of-1.8")
    tale.ask(old, active=True)
    tale.step("upgrade")
    between = tale.grant("of-1.11")
    tale.ask(old, active=True)
    tale.snapshot().switch()
    tale.ask(old, active=True)
    tale.ask(between, active=True)
    assert told(cell(tale, "old blue", "introspect", "old blue")) == (1, 0, 0, 0)
    assert told(cell(tale, "old blue", "introspect", "blue")) == (1, 0, 0, 0)
    assert told(cell(tale, "old blue", "introspect", "green, before the replay")) == (1, 0, 0, 0)
    assert told(cell(tale, "blue, in the copy", "introspect", "green, before the replay")) == (1, 0, 0, 0)
    assert [where for where, _ in filled(tale).columns()] == ["old blue", "blue", "green, before the replay"]


def test_a_token_that_was_forgotten_shows_nothing(tale: Tale) -> None:
    """Where it was minted nobody knows any more; a population's own token was in the copy."""
    made, seeded = tale.grant("made"), Grant("seeded")
    tale.snapshot()
    tale.refresh(made)
    tale.revoke(made, seeded)
    for grant in (made, seeded):
        tale.ask(grant, active=False)
    history = tale.history()
    reading = read(history, tale.terms)
    reading.tracking.forget(tale.now_s)
    matrix = Matrix(reading)
    for call in history.calls():
        matrix.feed(call)
    shown = {row.minted: row.cells["blue"] for row in matrix.rows() if row.use == "introspect"}
    assert list(shown) == ["blue, in the copy"]
    assert shown["blue, in the copy"].calls == 1
