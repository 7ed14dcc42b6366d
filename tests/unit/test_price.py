"""What a cut would cost now, and the way back: counted from the ops as they are written."""

from __future__ import annotations

import pytest
from builders import Tale
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.runbook.price import Price


def priced(tale: Tale) -> Price:
    """A price that has seen all of a tale."""
    price = Price()
    for op in tale.ops:
        price(op)
    return price


def test_before_the_snapshot_nothing_can_be_lost() -> None:
    tale = Tale()
    tale.refresh(tale.grant("a"))
    tale.begin("web-1", "authorize", grant="b")
    assert priced(tale).cut() == {"grants": 0, "chains": 0, "logins": 0}


def test_what_only_blue_has_since_the_snapshot() -> None:
    tale = Tale()
    old = tale.grant("old")
    tale.snapshot()
    tale.refresh(old)
    tale.refresh(old)
    tale.refresh(tale.grant("new"))
    tale.begin("web-1", "authorize", grant="under-way")
    assert priced(tale).cut() == {"grants": 1, "chains": 1, "logins": 1}, "a new grant's chain is not counted twice"


def test_a_login_under_way_counts_until_it_has_an_outcome() -> None:
    tale = Tale().snapshot()
    logins = [tale.begin("web-1", "authorize", grant=f"g{n}") for n in range(3)]
    tale.end(logins[0], code="c")
    tale.end(logins[1], "info")
    assert priced(tale).cut()["logins"] == 1


def test_what_failed_or_is_not_known_is_not_counted_as_made() -> None:
    tale = Tale()
    grant = tale.grant("g")
    tale.snapshot()
    tale.refused(grant)
    tale.end(tale.begin("web-1", "code", grant="n"), "info")
    assert priced(tale).cut() == {"grants": 0, "chains": 0, "logins": 0}


@pytest.mark.parametrize("kind", ["refresh", "access", "consent", "subject"])
def test_what_was_revoked_since_is_no_longer_lost(kind: str) -> None:
    tale = Tale()
    old = tale.grant("old")
    tale.snapshot()
    new, kept = tale.grant("new"), tale.grant("kept")
    tale.refresh(old)
    assert priced(tale).cut() == {"grants": 2, "chains": 1, "logins": 0}
    tale.revoke(new, old, kind=kind)
    assert priced(tale).cut() == {"grants": 1, "chains": 0, "logins": 0}
    tale.revoke(kept)
    assert priced(tale).cut()["grants"] == 0


def test_a_revocation_without_an_answer_takes_nothing_off_the_price() -> None:
    tale = Tale().snapshot()
    new = tale.grant("new")
    tale.end(tale.begin("web-1", "revoke", grant="new", grants=["new"]), "info")
    assert new.name == "new" and priced(tale).cut()["grants"] == 1


def test_it_freezes_at_the_edge_s_switch_and_at_no_other() -> None:
    tale = Tale().snapshot()
    tale.grant("a")
    tale.note("runbook", "switch", what="login_consent", to="green")
    b = tale.grant("b")
    tale.switch()
    frozen = {"grants": 2, "chains": 0, "logins": 0}
    assert priced(tale).cut() == frozen
    tale.grant("c")
    tale.refresh(b)
    tale.revoke(b)
    tale.begin("web-1", "authorize", grant="d")
    assert priced(tale).cut() == frozen


def test_it_starts_at_0_again_at_a_new_snapshot() -> None:
    tale = Tale().snapshot()
    old = tale.grant("a")
    tale.refresh(old)
    tale.snapshot()
    assert priced(tale).cut() == {"grants": 0, "chains": 0, "logins": 0}
    tale.refresh(old)
    assert priced(tale).cut() == {"grants": 0, "chains": 1, "logins": 0}, "the new copy knows the grant"


def test_after_the_way_back_it_moves_again() -> None:
    tale = Tale().snapshot()
    tale.grant("a")
    tale.switch()
    tale.grant("lost-on-the-way-back")
    tale.switch("blue")
    tale.grant("b")
    price = priced(tale)
    assert price.cut()["grants"] == 2
    assert price.way_back() == {"state": "free", "grants": 0, "revocations": 0, "why": "blue serves; nothing is lost"}


def test_the_way_back_costs_what_was_made_on_green() -> None:
    tale = Tale().snapshot()
    tale.grant("on-blue")
    assert priced(tale).way_back()["state"] == "free"
    tale.switch()
    assert priced(tale).way_back()["state"] == "free"
    made = tale.grant("on-green")
    tale.grant("on-green-2")
    tale.revoke(made)
    told = priced(tale).way_back()
    assert (told["state"], told["grants"], told["revocations"]) == ("costs", 2, 1)
    assert "2 grants made on green would be lost" in told["why"] and "1 revocations" in told["why"]


def test_after_close_there_is_no_way_back() -> None:
    tale = Tale().snapshot().switch()
    tale.step("close", outcome="fail")
    assert priced(tale).way_back()["state"] == "free"
    tale.step("close")
    assert priced(tale).way_back()["state"] == "closed"


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["grant", "refresh", "revoke", "snapshot"]), st.integers(0, 5)), max_size=40))
def test_the_price_is_what_a_recount_says(acts: list[tuple[str, int]]) -> None:
    """However it is interleaved: new grants and rotated chains since the last snapshot, less those revoked."""
    tale = Tale()
    known = {n: tale.grant(f"old-{n}") for n in range(6)}
    new: set[str] = set()
    rotated: set[str] = set()
    seen = False
    for n, (act, which) in enumerate(acts):
        grant = known[which]
        match act:
            case "grant":
                known[which] = tale.grant(f"n-{n}")
                new |= {f"n-{n}"} if seen else set()
            case "refresh":
                tale.refresh(grant)
                rotated |= {grant.name} - new if seen else set()
            case "revoke":
                tale.revoke(grant)
                new, rotated = new - {grant.name}, rotated - {grant.name}
                known[which] = tale.grant(f"r-{n}")
                new |= {f"r-{n}"} if seen else set()
            case "snapshot":
                tale.snapshot()
                seen, new, rotated = True, set(), set()
    assert priced(tale).cut() == {"grants": len(new), "chains": len(rotated), "logins": 0}
