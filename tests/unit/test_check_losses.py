"""What explains a wrong answer, what is only inferred, and answers that several were given at once."""

from __future__ import annotations

import msgspec
from builders import Grant, Tale, crossing

from sim.checks.forming import Forming
from sim.checks.verdict import Check


def so_far(tale: Tale, name: str) -> Check:
    """A check of the run that still goes on."""
    forming = Forming(tale.terms)
    for op in tale.ops:
        forming.feed(op)
    return forming.verdict().check(name)


def test_a_wrong_answer_before_the_copy_is_not_explained_by_what_the_copy_lost() -> None:
    tale = Tale()
    unlucky = tale.grant("unlucky")
    wrong = tale.ask(unlucky, active=False)
    tale.snapshot()
    tale.refresh(unlucky)
    tale.switch()
    late = tale.ask(unlucky, active=False)
    tale.measure("lost_chains", count=1, total=500, grants=["unlucky"]).ended()
    tokens = tale.check("token_continuity")
    assert tokens.verdict == "broken"
    assert wrong in tokens.witnesses and late not in tokens.witnesses
    assert tokens.figures["counted_elsewhere"] == 1


def test_a_loss_that_is_only_inferred_breaks_nothing_until_the_run_is_over() -> None:
    tale = Tale()
    crossing(tale, rows=False)
    assert so_far(tale, "write_loss").verdict == "open"
    assert so_far(tale, "write_loss").figures["grants"] == 8
    tale.ended()
    assert tale.check("write_loss").verdict == "broken"


def test_an_inferred_loss_is_sure_as_soon_as_a_client_meets_it() -> None:
    tale = Tale()
    crossing(tale, rows=False)
    tale.refused(Grant("n-0"))
    assert so_far(tale, "write_loss").verdict == "broken"


def test_a_chain_that_green_answers_for_was_not_lost() -> None:
    tale = Tale()
    moved = tale.grant("moved")
    tale.snapshot()
    tale.refresh(moved)
    tale.switch()
    assert so_far(tale, "session_continuity").figures["lost_chains"] == 1
    tale.refresh(moved)
    assert so_far(tale, "session_continuity").figures["lost_chains"] == 0


def test_a_refused_token_is_not_excused_by_an_answer_that_gave_that_very_token() -> None:
    """Two clients share one answer; the first uses its token and is refused before the second hears of it."""
    tale = Tale()
    crossing(tale)
    chain = tale.grant("shared")
    first = tale.begin("web-1", "refresh", grant=chain.name, token=chain.refresh)
    second = tale.begin("web-2", "refresh", grant=chain.name, token=chain.refresh)
    chain.gen += 1
    tale.end(first, access=chain.access, refresh=chain.refresh, expires_in_s=3600, status=200)
    tale.refused(chain)
    tale.end(second, access=chain.access, refresh=chain.refresh, expires_in_s=3600, status=200, coalesced=True)
    assert tale.ended().check("session_continuity").figures["refresh_refused"] == 1


def test_a_shared_token_is_as_old_as_the_first_who_asked_for_it() -> None:
    """A revocation between two who were given one token: it may have been made before it, whoever hears first."""
    tale = Tale()
    crossing(tale)
    chain = tale.grant("shared")
    early = tale.begin("web-1", "refresh", grant=chain.name, token=chain.refresh)
    tale.revoke(chain)
    late = tale.begin("web-2", "refresh", grant=chain.name, token=chain.refresh)
    chain.gen += 1
    given = {"access": chain.access, "refresh": chain.refresh, "expires_in_s": 3600, "status": 200}
    tale.end(late, **given)
    tale.end(early, **given)
    uses = tale.check("revocation").figures["uses"]
    tale.ask(chain, active=True)
    assert tale.ended().check("revocation").figures["uses"] == uses


def test_an_older_token_that_has_expired_still_tells_of_a_reuse() -> None:
    tale = Tale()
    crossing(tale)
    tale.terms = msgspec.structs.replace(tale.terms, refresh_s=4000.0)
    chain = tale.grant("idle")
    old = chain.refresh
    tale.wait(3990.0)
    tale.refresh(chain)
    tale.refused(chain, token=old)
    tale.ask(chain, active=False)
    assert tale.ended().check("token_continuity").figures["false_inactive"] == 0
