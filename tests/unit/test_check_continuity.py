"""session_continuity, token_continuity, write_loss: each loss is counted once, where it arose."""

from __future__ import annotations

from typing import Any

import pytest
from builders import Tale, crossing

from sim.checks.verdict import Check, from_json, to_json
from sim.report.text import amount


def full(**tolerate: float | str) -> Tale:
    tale = Tale(**tolerate)
    crossing(tale)
    return tale


def test_sessions_held() -> None:
    check = full().ended().check("session_continuity")
    assert check.verdict == "held" and check.evidence >= 500


def test_a_refused_refresh_of_the_newest_token_is_a_lost_chain() -> None:
    tale = full()
    grant = tale.grant("y")
    witness = tale.refused(grant)
    check = tale.ended().check("session_continuity")
    assert check.verdict == "broken"
    assert (check.figures["lost_chains"], check.figures["refresh_refused"]) == (1, 1)
    assert check.witnesses == [witness] and "web-1" in check.summary


def test_lost_chains_by_key_are_tolerated_as_a_share() -> None:
    def tale(**tolerate: float | str) -> Tale:
        made = full(**tolerate)
        return made.measure("lost_chains", count=2, total=500, grants=["a", "b"]).ended()

    assert tale().check("session_continuity").verdict == "broken"
    held = tale(session_continuity__lost_chains__share=0.005).check("session_continuity")
    assert held.verdict == "held" and held.tolerated["lost_chains"].used == 2 / 500
    assert tale(session_continuity__lost_chains__share=0.003).check("session_continuity").verdict == "broken"


def test_what_a_minute_of_the_window_loses_does_not_depend_on_its_length() -> None:
    def tale(window_s: float, lost: int, **tolerate: float | str) -> Tale:
        made = Tale(session_continuity__lost_chains__share=0.1, **tolerate)
        crossing(made, window_s=window_s)
        return made.measure("lost_chains", count=lost, total=1000, grants=["a"]).ended()

    short, long = tale(30.0, 4).check("session_continuity"), tale(60.0, 8).check("session_continuity")
    assert short.figures["lost_share_a_minute"] == pytest.approx(0.008, rel=0.05)
    assert short.figures["lost_share_a_minute"] == pytest.approx(long.figures["lost_share_a_minute"], rel=0.05)
    assert short.verdict == long.verdict == "held", "without a limit it breaks nothing"
    for window_s, lost in ((30.0, 4), (60.0, 8)):
        strict = tale(window_s, lost, session_continuity__lost_share_a_minute=0.005).check("session_continuity")
        assert strict.verdict == "broken" and "chains lost a minute" in strict.summary


def test_a_share_of_a_whole_that_nobody_counted_is_not_known() -> None:
    tale = Tale(session_continuity__lost_chains__share=0.005)
    crossing(tale, rows=False)
    tale.refused(tale.grant("y"))
    check = tale.ended().check("session_continuity")
    assert check.verdict == "unknown" and "of a whole that is not known" in check.summary
    limit = check.tolerated["lost_chains"]
    assert limit.used is None and limit.share is None
    read = from_json(to_json(tale.verdict())).check("session_continuity").tolerated["lost_chains"]
    assert read.used is None and amount(read.used, read.unit) == "?"


def test_a_chain_named_by_key_and_met_by_a_client_counts_once() -> None:
    tale = full()
    grant = tale.grant("y")
    tale.refused(grant)
    tale.ask(grant, active=False)
    tale.measure("lost_chains", count=1, total=500, grants=["y"])
    verdict = tale.ended().verdict()
    assert verdict.figure("session_continuity.lost_chains") == 1
    assert verdict.figure("session_continuity.refresh_refused") == 0
    assert verdict.check("token_continuity").verdict == "held"


def test_cut_names_do_not_cut_the_count() -> None:
    tale = full()
    tale.refused(tale.grant("y"))
    tale.measure("lost_chains", count=1500, total=5000, grants=["y"])
    assert tale.ended().verdict().figure("session_continuity.lost_chains") == 1500


def test_the_older_token_refused_while_the_newer_is_good_is_no_loss() -> None:
    tale = full()
    grant = tale.grant("y")
    old = grant.refresh
    tale.refresh(grant)
    tale.refused(grant, token=old)
    assert tale.ended().check("session_continuity").verdict == "held"


def test_six_at_once_one_answer_then_a_dead_chain_is_one_loss() -> None:
    tale = full()
    grant = tale.grant("y")
    first, second = (tale.begin("cli-1", "refresh", grant="y", token=grant.refresh) for _ in range(2))
    tale.end(second, "fail", status=401, oauth_error="token_inactive")
    tale.end(first, access="y.a9", refresh="y.r9", expires_in_s=3600)
    tale.ask(grant, active=False, token="y.a9")
    assert tale.check("session_continuity").figures["lost_chains"] == 0
    tale.end(tale.begin("cli-1", "refresh", grant="y", token="y.r9"), "fail", status=401, oauth_error="token_inactive")
    verdict = tale.ended().verdict()
    assert verdict.figure("session_continuity.lost_chains") == 1
    assert verdict.figure("token_continuity.false_inactive") == 0


def test_a_lost_answer_explains_a_refused_retry_and_does_not_excuse_it() -> None:
    tale = full()
    grant = tale.grant("y")
    tale.end(tale.begin("mcp-1", "refresh", grant="y", token=grant.refresh), "info", error="no answer within 5 s")
    tale.refused(grant, process="mcp-1")
    assert tale.ended().check("session_continuity").figures["lost_chains"] == 1


@pytest.mark.parametrize(("said", "asked_for"), [
    ({"status": 502}, 0), ({"status": 500, "oauth_error": "server_error"}, 0), ({"status": 503, "shed": True}, 1)])
def test_after_a_refresh_answered_5xx_nobody_knows_which_token_is_good(said: dict[str, Any], asked_for: int) -> None:
    """The server may have rotated the token before its answer was lost; what was shed never got there."""
    tale = Tale()
    grant = tale.grant("y")
    tale.end(tale.begin("mcp-1", "refresh", grant="y", token=grant.refresh), "fail", error="status", **said)
    tale.ask(grant, active=False)
    assert tale.ended().check("token_continuity").figures["false_inactive"] == asked_for
    tale.refresh(grant)
    tale.ask(grant, active=False)
    assert tale.ended().check("token_continuity").figures["false_inactive"] == asked_for + 1, "known again"


def test_a_seeded_chain_that_only_the_verify_step_tries_is_lost_too() -> None:
    tale = full()
    tried = tale.begin("verify-3", "refresh", grant="seeded", token="seeded.r3")
    tale.end(tried, "fail", status=400, oauth_error="invalid_grant")
    assert tale.ended().check("session_continuity").figures["lost_chains"] == 1


def test_revoked_or_expired_chains_are_not_lost() -> None:
    tale = full()
    revoked = tale.grant("y")
    tale.revoke(revoked)
    tale.refused(revoked)
    assert tale.ended().check("session_continuity").verdict == "held"


def test_sessions_unknown_without_reading_by_key() -> None:
    tale = Tale()
    crossing(tale, rows=False)
    assert tale.ended().check("session_continuity").verdict == "unknown"


def test_tokens_held_and_broken() -> None:
    assert full().ended().check("token_continuity").verdict == "held"
    tale = full()
    witness = tale.ask(tale.grant("y"), active=False)
    check = tale.ended().check("token_continuity")
    assert check.verdict == "broken" and check.witnesses == [witness] and "rs-1" in check.summary


def test_false_inactive_may_be_tolerated() -> None:
    tale = full(token_continuity__false_inactive=1)
    tale.ask(tale.grant("y"), active=False)
    assert tale.ended().check("token_continuity").verdict == "held"


def test_tokens_unknown_with_too_few_answers() -> None:
    tale = Tale(roles=frozenset())
    tale.ask(tale.grant("y"), active=True)
    assert tale.ended().check("token_continuity").verdict == "unknown"


def test_either_is_never_a_break() -> None:
    tale = full()
    grant = tale.grant("y", expires_in_s=2.5)
    tale.wait(1)
    tale.ask(grant, active=False)
    open_one = tale.grant("z")
    refresh = tale.begin("web-1", "refresh", grant="z", token=open_one.refresh)
    tale.ask(open_one, active=False)
    tale.end(refresh, access="z.a1", refresh="z.r1", expires_in_s=3600)
    tale.ask(open_one, active=False)  # superseded
    assert tale.ended().check("token_continuity").verdict == "held"


def test_too_much_either_is_unknown() -> None:
    tale = Tale(roles=frozenset())
    good, doubtful = tale.grant("y"), tale.grant("z", expires_in_s=1)
    for _ in range(120):
        tale.ask(good, active=True)
        tale.ask(doubtful, active=True)
    tale.ask(doubtful, active=True)
    check = tale.ended().check("token_continuity")
    assert check.verdict == "unknown" and check.figures["either_share"] > 0.5


def test_a_read_across_the_switch_is_either() -> None:
    tale = full()
    grant = tale.grant("y")
    asked = tale.begin("rs-1", "introspect", grant="y", token=grant.access)
    tale.switch("green")
    tale.end(asked, active=False)
    assert tale.ended().check("token_continuity").verdict == "held"


def test_a_new_grant_lost_is_a_write_and_not_a_token_nor_a_session() -> None:
    def tale(**tolerate: float | str) -> Tale:
        made = Tale(**tolerate)
        made.grant("old")
        made.snapshot()
        new = [made.grant(f"n-{n}") for n in range(6)]
        made.switch()
        made.ask(new[0], active=False)
        made.refused(new[0])
        made.measure("lost_grants", count=6, grants=[g.name for g in new])
        made.measure("lost_chains", count=0, total=100, grants=[])
        return made.step("verify").ended()

    verdict = tale().verdict()
    assert verdict.check("write_loss").verdict == "broken"
    assert verdict.figure("write_loss.grants") == 6
    assert verdict.figure("session_continuity.lost_chains") == 0
    assert verdict.figure("token_continuity.false_inactive") == 0
    assert verdict.figure("token_continuity.counted_elsewhere") == 1
    assert tale(write_loss__grants=60).check("write_loss").verdict == "held"


def test_a_chain_rotated_after_the_copy_is_lost_as_a_chain() -> None:
    tale = Tale()
    grant = tale.grant("y")
    tale.snapshot()
    tale.refresh(grant)
    tale.switch()
    tale.ask(grant, active=False)
    tale.refused(grant)
    verdict = tale.ended().verdict()
    assert verdict.figure("session_continuity.lost_chains") == 1
    assert verdict.figure("write_loss.grants") == 0
    assert verdict.figure("token_continuity.false_inactive") == 0


def test_a_services_token_is_its_own_figure() -> None:
    tale = full()
    tale.route = "blue"
    tale.end(tale.begin("service-1", "client_credentials", grant="s-1"), access="s.a", expires_in_s=3600)
    tale.route = "green"
    tale.end(tale.begin("rs-1", "introspect", grant="s-1", token="s.a"), active=False)
    verdict = tale.ended().verdict()
    assert verdict.figure("write_loss.service_tokens") == 1
    assert verdict.figure("token_continuity.false_inactive") == 0


def test_grants_made_on_green_are_lost_by_the_return_to_blue() -> None:
    tale = full()
    tale.switch("blue")
    tale.end(tale.begin("runbook", "undo", step="cutover"), route=None, step="cutover")
    tale.end(tale.begin("runbook", "proof_well", side="blue"), route=None)
    check = tale.ended("rolled_back").check("write_loss")
    assert check.verdict == "broken" and check.figures["grants"] == 8 + 12


def test_what_a_minute_of_the_window_costs_in_new_grants_does_not_depend_on_its_length() -> None:
    def lost(window_s: float, made: int, most: float = 100.0) -> Check:
        tale = Tale(write_loss__grants=60, write_loss__grants_a_minute=most)
        crossing(tale, window_s=window_s, made=made)
        return tale.ended().check("write_loss")

    short, long = lost(30.0, 10), lost(60.0, 20)
    assert short.figures["grants_a_minute"] == pytest.approx(20, rel=0.06)
    assert short.figures["grants_a_minute"] == pytest.approx(long.figures["grants_a_minute"], rel=0.06)
    assert short.verdict == long.verdict == "held"
    assert lost(30.0, 10, 15.0).verdict == lost(60.0, 20, 15.0).verdict == "broken"


def test_write_loss_unknown_and_not_asked() -> None:
    tale = Tale(write_loss__grants=60)
    crossing(tale, made=2)
    assert tale.ended().check("write_loss").verdict == "unknown"
    assert Tale(roles=frozenset({"baseline"})).ended().check("write_loss").verdict == "not_asked"
    assert Tale().ended("rolled_back").check("write_loss").verdict == "not_asked"


def test_a_refusal_with_a_revoke_under_way_is_either_whichever_ends_first() -> None:
    for revoke_first in (True, False):
        tale = full()
        grant = tale.grant("y")
        refresh = tale.begin("web-1", "refresh", grant="y", token=grant.refresh)
        revoke = tale.begin("web-2", "revoke", grant="y", kind="refresh", grants=["y"])
        for call in (revoke, refresh) if revoke_first else (refresh, revoke):
            tale.end(call, "fail", status=401, oauth_error="token_inactive")
        assert tale.ended().check("session_continuity").figures["lost_chains"] == 0


def test_a_grant_named_as_new_and_as_chain_is_a_write_only() -> None:
    tale = Tale()
    tale.snapshot()
    new = tale.grant("n-1")
    tale.switch()
    tale.measure("lost_grants", count=1, grants=["n-1"])
    tale.measure("lost_chains", count=0, total=100, grants=[])
    # Seen by a client as a plain refusal: the cause is not in the token, only in the reading by key.
    tale.end(tale.begin("web-1", "refresh", grant="n-1", token="n-1.unknown"), "fail", status=400,
             oauth_error="invalid_grant")
    tale.refused(new)
    verdict = tale.ended().verdict()
    assert verdict.figure("write_loss.grants") == 1
    assert verdict.figure("session_continuity.lost_chains") == 0


def test_a_seeded_grant_named_by_key_as_lost_grant_is_no_chain_too() -> None:
    tale = full()
    tale.refused(tale.grant("y"))
    tale.measure("lost_grants", count=1, grants=["y"])
    verdict = tale.ended().verdict()
    assert "y" not in verdict.check("session_continuity").summary
    assert verdict.figure("session_continuity.lost_chains") == 0


def test_a_forgotten_system_is_named_and_loses_nothing() -> None:
    tale = Tale()
    crossing(tale)
    made = tale.grant("on-green")
    for _ in range(3):
        i = tale.begin("rs-1", "authz", grant=made.name, token=made.access)
        tale.end(i, route=None, allowed=False, why="token_inactive")
    verdict = tale.ended().verdict()
    check = verdict.check("token_continuity")
    assert check.verdict == "broken" and "by authz, which went to blue while green served" in check.summary
    assert verdict.check("write_loss").figures == full().ended().check("write_loss").figures


def test_a_system_that_moved_along_is_not_called_forgotten() -> None:
    tale = Tale()
    crossing(tale)
    tale.note("runbook", "switch", what="authz", to="green")
    made = tale.grant("on-green")
    i = tale.begin("rs-1", "authz", grant=made.name, token=made.access)
    tale.end(i, route=None, allowed=False, why="token_inactive")
    assert "forgotten" not in tale.ended().check("token_continuity").summary


@pytest.mark.parametrize("shed_first", [True, False])
def test_a_revocation_refused_after_a_chain_was_lost_is_not_what_ended_it(shed_first: bool) -> None:
    """Whichever of the two answers that come at once is read first."""
    tale = Tale()
    grant = tale.grant("g")
    first = tale.begin("web-1", "refresh", grant="g", token=grant.refresh)
    second = tale.begin("web-1", "refresh", grant="g", token=grant.refresh)
    tale.end(first, "fail", status=401, oauth_error="token_inactive")
    revoke = tale.begin("user-1", "revoke", grant="g", kind="refresh", grants=["g"])
    ends = [lambda: tale.end(revoke, "fail", shed=True, status=503),
            lambda: tale.end(second, "fail", status=401, oauth_error="token_inactive")]
    for end in ends if shed_first else reversed(ends):
        end()
    verdict = tale.ended().verdict()
    assert verdict.check("session_continuity").verdict == "broken"
    assert verdict.figure("revocation.shed_took_effect") == 0
