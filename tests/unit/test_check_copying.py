"""Checks on what the runbook says and what was read by key, and on the run itself."""

from __future__ import annotations

import msgspec
import pytest
from builders import Tale, crossing


def full(**tolerate: float | str) -> Tale:
    tale = Tale(**tolerate)
    crossing(tale)
    return tale


def test_every_row_of_the_copy_is_accounted_for() -> None:
    check = full().ended().check("data_equality")
    assert check.verdict == "held" and "none lost" in check.summary
    assert (check.figures["kept"], check.figures["merged"], check.figures["cleaned"]) == (60, 38, 2)
    lost = full().measure("accounted", copied=100, kept=60, merged=37, cleaned=2, lost=1,
                          names=["hydra_oauth2_consent_request c7"]).ended().check("data_equality")
    assert lost.verdict == "broken" and "such as hydra_oauth2_consent_request c7" in lost.summary
    assert full(data_equality__lost=1).measure("accounted", copied=1, lost=1).ended().check(
        "data_equality").verdict == "held"


def test_the_migrated_schema_is_a_fresh_one() -> None:
    check = full().measure("schema", objects=300, different_count=1,
                           different=["index hydra_jwk_idx is missing"]).ended().check("data_equality")
    assert check.verdict == "broken" and check.summary.endswith("index hydra_jwk_idx is missing")


def test_data_equality_is_unknown_while_its_questions_are_not_answered() -> None:
    for question, said in (("accounted", "nobody accounted"), ("schema", "not been compared with a fresh one")):
        tale = Tale()
        crossing(tale, rows=False)
        tale.begin("verify", question)
        check = tale.ended().check("data_equality")
        assert check.verdict == "unknown" and said in check.summary
    alone = Tale(roles=frozenset({"copy"})).snapshot().measure("equality", tables={}, keys=9, different=0).step("copy")
    assert alone.ended().check("data_equality").verdict == "held"


def test_replay_queue_balances() -> None:
    check = full().ended().check("replay_queue")
    assert check.verdict == "held" and check.figures["captured"] == 25
    lost = full().step("replay", captured=25, replayed=20, void=2, unexpected=0).ended().check("replay_queue")
    assert lost.verdict == "broken" and lost.figures["lost"] == 3


def test_what_blue_refused_is_void() -> None:
    check = full().step("replay", captured=27, replayed=24, void=1, skipped=2).ended().check("replay_queue")
    assert check.verdict == "held" and check.figures["void"] == 3


def test_an_acknowledged_capture_that_the_queue_lacks_is_lost() -> None:
    check = full().step("replay", captured=24, replayed=24, void=0).ended().check("replay_queue")
    assert check.verdict == "broken" and check.figures["lost"] == 1


def test_replay_queue_duplicates_and_strangers() -> None:
    check = full().step("replay", captured=25, replayed=27, void=0, unexpected=1).ended().check("replay_queue")
    assert check.verdict == "broken"
    assert (check.figures["duplicated"], check.figures["unexpected"]) == (2, 1)
    assert full(replay_queue__unexpected=1).step(
        "replay", captured=25, replayed=25, void=0, unexpected=1).ended().check("replay_queue").verdict == "held"


def test_replay_queue_unknown_and_not_asked() -> None:
    assert full().step("replay").ended().check("replay_queue").verdict == "unknown"
    tale = Tale()
    crossing(tale, revoked=3)
    assert tale.ended().check("replay_queue").verdict == "unknown"
    assert Tale(roles=frozenset({"copy"})).ended().check("replay_queue").verdict == "not_asked"
    assert Tale().ended("rolled_back").check("replay_queue").verdict == "not_asked"


def test_an_uncaptured_acknowledgement_is_shown() -> None:
    tale = Tale()
    grant = tale.grant("y")
    tale.snapshot()
    tale.revoke(grant)
    tale.step("replay", captured=25, replayed=25, void=0)
    assert tale.ended().verdict().figure("replay_queue.uncaptured") == 1


def test_consents() -> None:
    assert full().ended().check("consent_continuity").verdict == "held"
    answer = {"at_snapshot": 50, "revoked": 1, "present": 47, "missing_count": 2, "missing": ["c1", "c2"]}
    broken = full().measure("consents", **answer).ended().check("consent_continuity")
    assert broken.verdict == "broken" and "c1" in broken.summary and broken.witnesses
    assert full(consent_continuity__missing=2).measure("consents", **answer).ended().check(
        "consent_continuity").verdict == "held"
    tale = Tale()
    crossing(tale, rows=False)
    assert tale.ended().check("consent_continuity").verdict == "unknown"
    assert Tale(roles=frozenset()).ended().check("consent_continuity").verdict == "not_asked"


def test_a_remembered_consent_asked_for_again() -> None:
    tale = full()
    tale.end(tale.begin("verify-1", "authorize", grant="g", remembered=True), skipped_consent=False, code="c9")
    assert tale.ended().check("consent_continuity").figures["not_remembered"] == 1


@pytest.mark.parametrize(("kind", "counted"), [("consent", 0), ("subject", 0), ("refresh", 1)])
def test_a_consent_that_was_taken_back_meanwhile_is_rightly_asked_for_again(kind: str, counted: int) -> None:
    """One of fifty runs was broken by it. A revoked token leaves the consent as it was."""
    tale = full()
    given = tale.grant("h")
    asked = tale.begin("verify-4", "authorize", grant="n-verify-1", remembered=True, consent_of="h")
    tale.revoke(given, kind=kind)
    tale.end(asked, skipped_consent=False, code="c9")
    assert tale.ended().check("consent_continuity").figures["not_remembered"] == counted


def test_a_consent_that_is_being_taken_back_may_be_asked_for_again() -> None:
    tale = full()
    tale.grant("h")
    tale.begin("user-1", "revoke", grant="h", kind="consent", grants=["h"])
    tale.end(tale.begin("verify-4", "authorize", grant="n-verify-1", remembered=True, consent_of="h"),
             skipped_consent=False, code="c9")
    assert tale.ended().check("consent_continuity").figures["not_remembered"] == 0


def test_discovery() -> None:
    assert full().ended().check("discovery_continuity").verdict == "held"
    tale = full()
    witness = tale.end(tale.begin("probe-1", "discovery"), issuer="http://other/", token_endpoint="t")
    check = tale.ended().check("discovery_continuity")
    assert check.verdict == "broken" and check.witnesses == [witness] and "issuer" in check.summary
    assert Tale().ended().check("discovery_continuity").verdict == "unknown"


def test_a_key_gone_or_an_id_token_that_does_not_verify() -> None:
    tale = full()
    tale.end(tale.begin("probe-1", "jwks"), kids=["k2"])
    tale.end(tale.begin("verify-1", "id_token", kid="k1"), "fail", error="no such key")
    verdict = tale.ended().verdict()
    assert verdict.figure("discovery_continuity.unverified") == 2
    assert verdict.figure("availability.failed") == 0
    tale.terms.limits["discovery_continuity.unverified"] = Tale(discovery_continuity__unverified=2).terms.limits[
        "discovery_continuity.unverified"]
    assert tale.check("discovery_continuity").verdict == "held"


def test_cleanup_is_never_asked() -> None:
    assert full().ended().check("cleanup_safety").verdict == "not_asked"


def test_data_equality() -> None:
    assert full().ended().check("data_equality").verdict == "held"
    tables = {"hydra_client": {"blue": 3, "green": 2, "equal": False}}
    broken = full().measure("equality", tables=tables, keys=99, different=1).ended().check("data_equality")
    assert broken.verdict == "broken" and "hydra_client" in broken.summary
    assert full(data_equality__different=1).measure("equality", tables=tables, keys=99, different=1).ended().check(
        "data_equality").verdict == "held"
    assert Tale().step("copy").ended().check("data_equality").verdict == "unknown"
    assert Tale(roles=frozenset()).ended().check("data_equality").verdict == "not_asked"


def test_migration() -> None:
    assert full().ended().check("migration").verdict == "held"
    answer = {"expected": 157, "applied": 156, "missing": ["20241129"], "unexpected": []}
    broken = full().measure("migrations", **answer).ended().check("migration")
    assert broken.verdict == "broken" and "20241129" in broken.summary
    assert full(migration__missing=1).measure("migrations", **answer).ended().check("migration").verdict == "held"
    assert Tale().step("migrate").ended().check("migration").verdict == "unknown"
    assert Tale().step("migrate", outcome="fail").ended("rolled_back").check("migration").verdict == "not_asked"


def returned(proof: str, undo: str = "ok") -> Tale:
    tale = Tale()
    tale.end(tale.begin("runbook", "undo", step="copy"), undo, route=None, step="copy", error="pg_drop failed")
    tale.end(tale.begin("runbook", "proof_well", side="blue"), proof, route=None)
    return tale.ended("rolled_back")


def test_rollback() -> None:
    assert returned("ok").check("rollback").verdict == "held"
    assert returned("fail").check("rollback").verdict == "broken"
    broken = returned("ok", undo="fail").check("rollback")
    assert broken.verdict == "broken" and "pg_drop failed" in broken.summary and broken.witnesses
    assert returned("info").check("rollback").verdict == "unknown"
    assert Tale().ended("rolled_back").check("rollback").verdict == "unknown"
    assert full().ended().check("rollback").verdict == "not_asked"
    tolerant = returned("ok", undo="fail")
    tolerant.terms.limits.update(Tale(rollback__not_well=1).terms.limits)
    assert tolerant.check("rollback").verdict == "held"


def test_faults() -> None:
    def tale(*, proven: bool = True, healed: bool = True) -> Tale:
        made = full()
        made.end(made.begin("nemesis", "fault", name="slow"), route=None, proven=proven)
        if healed:
            made.end(made.begin("nemesis", "heal", name="slow"), route=None)
        return made.ended()

    assert full().ended().check("fault_proof").verdict == "held"
    assert tale().check("fault_proof").verdict == "held"
    assert tale(proven=False).check("fault_proof").verdict == "unknown"
    unhealed = tale(healed=False).check("fault_proof")
    assert unhealed.verdict == "unknown" and "slow" in unhealed.summary
    assert Tale().ended().check("fault_proof").verdict == "unknown"


def test_an_order_that_could_not_be_made_has_shown_nothing_and_owes_nothing() -> None:
    def tale(*, by: str = "kim", outcome: str = "fail", healed: bool = True) -> Tale:
        made = full()
        made.end(made.begin("nemesis", "fault", name="x", **({"by": by} if by else {})), outcome, route=None)
        if healed:
            made.end(made.begin("nemesis", "heal", name="x"), route=None)
        return made.ended()

    assert tale().check("fault_proof").verdict == "held"
    assert tale(by="").check("fault_proof").verdict == "unknown", "a planned one was to show something"
    assert tale(outcome="info").check("fault_proof").verdict == "unknown", "nobody knows whether it was on"
    assert tale(healed=False).check("fault_proof").verdict == "unknown"


def test_a_link_not_proven_and_a_planned_fault_never_made_are_unknown() -> None:
    tale = full()
    tale.end(tale.begin("harness", "link", link="edge->queue"), route=None, proven=False)
    assert tale.ended().check("fault_proof").verdict == "unknown"
    tale = full()
    tale.terms = msgspec.structs.replace(tale.terms, faults=("never",))
    check = tale.ended().check("fault_proof")
    assert check.verdict == "unknown" and "never" in check.summary


def test_keys_of_greens_own_are_not_missed_after_the_way_back() -> None:
    tale = Tale()
    tale.end(tale.begin("reader-1", "jwks"), kids=["k1"])
    tale.snapshot().switch()
    tale.end(tale.begin("reader-1", "jwks"), kids=["k1", "g1"])
    tale.switch("blue")
    tale.end(tale.begin("reader-1", "jwks"), kids=["k1"])
    tale.end(tale.begin("verify-1", "id_token", kid="g1"), "fail", error="no such key")
    check = tale.ended().check("discovery_continuity")
    assert (check.figures["unverified"], check.figures["left"]) == (0, 1), "counted, and no breach"
    tale.end(tale.begin("reader-1", "jwks"), kids=[])
    assert tale.ended().check("discovery_continuity").figures["unverified"] == 1, "blue's own key is missed"


def test_a_key_green_signed_by_and_nobody_read_in_time_is_its_own_too() -> None:
    tale = Tale()
    tale.end(tale.begin("reader-1", "jwks"), kids=["k1"])
    tale.snapshot().switch()
    for kid in ("g1", "k1"):
        tale.end(tale.begin("web-1", "code", grant=kid), access="a", expires_in_s=60, id_token_kid=kid)
    tale.switch("blue")
    tale.end(tale.begin("reader-1", "jwks"), kids=["k1"])
    tale.end(tale.begin("reader-1", "id_token", kid="g1"), "fail", error="no such key")
    figures = tale.ended().check("discovery_continuity").figures
    assert (figures["unverified"], figures["left"]) == (0, 1)
    tale.end(tale.begin("reader-1", "id_token", kid="k1"), "fail", error="no such key")
    assert tale.ended().check("discovery_continuity").figures["unverified"] == 1, "blue published that one"


def test_captures_after_the_way_back_are_not_missed_on_green() -> None:
    tale = Tale()
    crossing(tale)
    tale.switch("blue")
    grant = tale.grant("later")
    tale.revoke(grant, capture=900)
    assert tale.ended("rolled_back").check("replay_queue").figures["lost"] == 0
