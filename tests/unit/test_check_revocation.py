"""revocation: acceptances after an acknowledgement, on either stack, and rows left alive."""

from __future__ import annotations

from builders import Tale, crossing


def held_tale(**tolerate: float | str) -> Tale:
    tale = Tale(**tolerate)
    crossing(tale)
    return tale


def late_tale(*, gap_s: float, probe: bool = True, **tolerate: float | str) -> Tale:
    """A revoked grant is let in by green between switch and replay."""
    tale = Tale(**tolerate)
    grants = [tale.grant(f"x{n}") for n in range(25)]
    tale.snapshot()
    tale.refresh(grants[0])
    for n, grant in enumerate(grants):
        tale.revoke(grant, capture=n + 1)
    tale.switch()
    tale.wait(gap_s)
    tale.ask(grants[1], active=True)
    tale.step("replay", captured=25, replayed=25, void=0)
    if probe:
        tale.ask(grants[1], active=False)
    return tale


def rows(tale: Tale, alive: dict[str, list[str]] | None = None) -> Tale:
    tale.measure("oracle", when="end", gone=[], inactive=[], gone_count=0, inactive_count=0)
    return tale.measure("revoked_rows", checked=25, alive=alive or {}).step("verify").ended()


def test_held_when_nothing_revoked_is_let_in() -> None:
    check = held_tale().ended().check("revocation")
    assert (check.verdict, check.evidence, check.figures["uses"]) == ("held", 25, 0)


def test_a_use_in_the_gap_breaks_unless_tolerated() -> None:
    broken = rows(late_tale(gap_s=2)).check("revocation")
    assert broken.verdict == "broken"
    assert "x1 was revoked by web-1" in broken.summary
    assert 2 <= broken.figures["longest_gap_at_least"] <= broken.figures["longest_gap"] < 2.2
    held = rows(late_tale(gap_s=2, revocation__longest_gap__s=5)).check("revocation")
    assert held.verdict == "held"
    assert held.tolerated["longest_gap"].used == held.figures["longest_gap"]


def test_a_gap_begins_with_the_first_edge_that_turns() -> None:
    tale = Tale()
    grants = [tale.grant(f"x{n}") for n in range(25)]
    tale.snapshot()
    for n, grant in enumerate(grants):
        tale.revoke(grant, capture=n + 1)
    tale.switch().wait(2).ask(grants[1], active=True)
    tale.switch()  # the second edge
    tale.wait(1).ask(grants[1], active=True)
    tale.step("replay", captured=25, replayed=25, void=0).ask(grants[1], active=False)
    check = rows(tale).check("revocation")
    assert 3 <= check.figures["longest_gap_at_least"] <= check.figures["longest_gap"] < 3.3


def test_a_gap_known_only_from_above_is_unknown() -> None:
    tale = late_tale(gap_s=0.5, probe=False, revocation__longest_gap__s=3)
    tale.wait(60).measure("oracle", when="end", gone=[], inactive=[], gone_count=0, inactive_count=0)
    check = tale.step("verify").ended().check("revocation")
    assert check.verdict == "unknown"
    assert check.figures["longest_gap"] > 3 > check.figures["longest_gap_at_least"]


def test_rows_read_dead_bound_the_gap_by_the_replay() -> None:
    tale = late_tale(gap_s=0.5, probe=False, revocation__longest_gap__s=3).wait(60)
    check = rows(tale).check("revocation")
    assert check.verdict == "held"
    assert check.figures["longest_gap"] < 1


def test_a_use_after_the_replay_is_never_a_gap() -> None:
    tale = Tale(revocation__longest_gap__s=600)
    good = [tale.grant(f"x{n}") for n in range(25)]
    tale.snapshot()
    tale.refresh(good[0])
    for n, grant in enumerate(good):
        tale.revoke(grant, capture=n + 1)
    tale.switch().step("replay", captured=25, replayed=25, void=0)
    witness = tale.ask(good[0], active=True, token="g-old-token")
    check = rows(tale).check("revocation")
    assert check.verdict == "broken"
    assert check.figures["uses_after_replay"] == 1
    assert "its chain had been rotated after the copy" in check.summary
    assert witness in check.witnesses


def test_asked_before_the_replay_was_done_is_still_the_gap() -> None:
    tale = Tale(revocation__longest_gap__s=5)
    grants = [tale.grant(f"x{n}") for n in range(25)]
    tale.snapshot()
    tale.refresh(grants[0])
    for n, grant in enumerate(grants):
        tale.revoke(grant, capture=n + 1)
    tale.switch()
    asked = tale.begin("rs-1", "introspect", grant="x1", token=grants[1].access)
    tale.step("replay", captured=25, replayed=25, void=0)
    tale.end(asked, active=True)
    tale.ask(grants[1], active=False)
    check = rows(tale).check("revocation")
    assert check.verdict == "held" and (check.figures["uses"], check.figures["uses_after_replay"]) == (1, 0)


def test_a_refusal_between_two_acceptances_ends_nothing() -> None:
    tale = Tale(roles=frozenset({"cutover"}), revocation__longest_gap__s=100)
    grant = tale.grant("x")
    tale.revoke(grant)
    tale.switch()
    tale.ask(grant, active=True)
    tale.ask(grant, active=False)
    tale.wait(20)
    tale.ask(grant, active=True)
    tale.wait(5)
    tale.ask(grant, active=False)
    figures = tale.wait(50).ended().check("revocation").figures
    assert 20 < figures["longest_gap_at_least"] < 21 and 25 < figures["longest_gap"] < 26


def test_an_acceptance_under_way_at_the_acknowledgement_is_no_use() -> None:
    tale = held_tale()
    grant = tale.grant("y")
    asked = tale.begin("rs-1", "introspect", grant="y", token=grant.access)
    tale.revoke(grant)
    tale.end(asked, active=True)
    assert tale.ended().check("revocation").figures["uses"] == 0


def test_the_stack_that_acknowledged_must_not_let_in() -> None:
    tale = held_tale()
    grant = tale.grant("y")
    tale.revoke(grant)
    tale.ask(grant, active=True)
    check = tale.ended().check("revocation")
    assert check.verdict == "broken" and check.figures["uses_where_revoked"] == 1


def test_a_refresh_of_something_revoked_and_its_new_tokens_are_uses() -> None:
    tale = held_tale()
    grant = tale.grant("y")
    tale.revoke(grant)
    tale.refresh(grant)
    tale.ask(grant, active=True)
    assert tale.ended().check("revocation").figures["uses_where_revoked"] == 2


def test_authz_that_allows_is_a_use() -> None:
    tale = held_tale()
    grant = tale.grant("y")
    tale.revoke(grant)
    tale.end(tale.begin("rs-1", "authz", grant="y", token=grant.access), allowed=True, why="")
    assert tale.ended().check("revocation").verdict == "broken"


def test_a_token_issued_while_the_revoke_was_under_way_may_be_either() -> None:
    tale = held_tale()
    grant = tale.grant("y")
    refresh = tale.begin("web-1", "refresh", grant="y", token=grant.refresh)
    tale.revoke(grant)
    tale.end(refresh, access="y.new", refresh="y.newr", expires_in_s=3600)
    tale.ask(grant, active=True, token="y.new")
    assert tale.ended().check("revocation").verdict == "held"


def test_rows_alive_break_and_name_the_grant() -> None:
    tale = late_tale(gap_s=0.1, revocation__longest_gap__s=5)
    check = rows(tale, {"x7": ["access", "refresh"]}).check("revocation")
    assert check.verdict == "broken"
    assert "x7 was revoked" in check.summary and "access, refresh" in check.summary


def test_the_oracle_names_what_was_acknowledged_and_lives() -> None:
    tale = late_tale(gap_s=0.1, revocation__longest_gap__s=5)
    tale.measure("oracle", when="end", gone=["x3"], inactive=[], gone_count=1, inactive_count=0)
    tale.measure("revoked_rows", checked=25, alive={}).step("verify").ended()
    assert tale.check("revocation").figures["still_alive"] == 1


def test_what_nobody_in_the_history_ended_is_unknown() -> None:
    tale = late_tale(gap_s=0.1, revocation__longest_gap__s=5)
    tale.measure("oracle", when="end", gone=["stranger"], inactive=[], gone_count=1, inactive_count=0)
    tale.measure("revoked_rows", checked=25, alive={}).step("verify").ended()
    check = tale.check("revocation")
    assert check.verdict == "unknown" and "stranger" in check.summary


def test_too_few_revocations_are_unknown() -> None:
    tale = Tale()
    crossing(tale, revoked=5)
    check = tale.ended().check("revocation")
    assert check.verdict == "unknown" and check.evidence == 5


def test_without_a_rotated_chain_the_hard_case_was_not_met() -> None:
    tale = Tale()
    grants = [tale.grant(f"x{n}") for n in range(25)]
    tale.snapshot()
    for n, grant in enumerate(grants):
        tale.revoke(grant, capture=n + 1)
    tale.switch().step("replay", captured=25, replayed=25, void=0)
    check = rows(tale).check("revocation")
    assert check.verdict == "unknown" and "rotated" in check.summary


def test_rows_not_read_are_unknown() -> None:
    tale = Tale()
    crossing(tale, rows=False)
    assert tale.ended().check("revocation").verdict == "unknown"


def test_a_shed_revocation_must_not_take_effect() -> None:
    tale = held_tale()
    grant = tale.grant("y")
    shed = tale.begin("web-1", "revoke", grant="y", kind="refresh", grants=["y"])
    tale.end(shed, "fail", shed=True, status=503)
    tale.ask(grant, active=True)
    assert tale.check("revocation").figures["shed_took_effect"] == 0
    tale.ask(grant, active=False)
    check = tale.ended().check("revocation")
    assert check.verdict == "broken" and check.figures["shed_took_effect"] == 1
    assert tale.check("token_continuity").figures["false_inactive"] == 0


def test_a_revocation_without_an_answer_binds_nobody() -> None:
    tale = held_tale()
    grant = tale.grant("y")
    tale.end(tale.begin("web-1", "revoke", grant="y", kind="refresh", grants=["y"]), "info", error="timeout")
    tale.ask(grant, active=True)
    tale.ask(grant, active=False)
    verdict = tale.ended().verdict()
    assert verdict.check("revocation").verdict == "held"
    assert verdict.check("token_continuity").verdict == "held"


def test_a_deleted_login_ends_no_token() -> None:
    tale = held_tale()
    grant = tale.grant("y")
    tale.end(tale.begin("web-1", "revoke", grant=None, kind="login", grants=[]), kind="login", grants=[], status=204)
    tale.ask(grant, active=True)
    assert tale.ended().check("revocation").verdict == "held"


def test_with_nobody_writing_what_was_revoked_before_is_the_evidence() -> None:
    def tale(*, asked: int) -> Tale:
        told = Tale()
        ended = [told.grant(f"x{n}") for n in range(25)]
        for grant in ended:
            told.revoke(grant)
        told.note("runbook", "writes", allowed=False)
        told.note("runbook", "snapshot", by="dump")
        told.switch()
        told.note("runbook", "writes", allowed=True)
        for grant in ended[:asked]:
            told.ask(grant, active=False)
        return told.measure("revoked_rows", alive={}).ended()

    assert tale(asked=25).check("revocation").verdict == "held"
    assert tale(asked=3).check("revocation").verdict == "unknown"
