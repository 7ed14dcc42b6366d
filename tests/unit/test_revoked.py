"""Which grants were revoked, and on which side: what verify asks about."""

from __future__ import annotations

from builders import Tale

from sim.runbook.revoked import Revoked


def told(tale: Tale) -> Revoked:
    revoked = Revoked()
    for op in tale.ops:
        revoked(op)
    return revoked


def test_only_what_was_acknowledged_is_revoked() -> None:
    tale = Tale()
    grants = [tale.grant(f"g{n}") for n in range(4)]
    tale.revoke(grants[0])
    for grant, outcome in ((grants[1], "info"), (grants[2], "fail")):
        tale.end(tale.begin("web-1", "revoke", grant=grant.name, grants=[grant.name]), outcome, kind="refresh")
    tale.begin("web-1", "revoke", grant=grants[3].name, grants=[grants[3].name])
    assert told(tale).all() == {"g0": "refresh"}


def test_sides_are_told_apart_by_the_route_that_answered() -> None:
    tale = Tale()
    on_blue, on_green, consent = (tale.grant(n) for n in ("blue", "green", "consent"))
    tale.revoke(on_blue, kind="access")
    tale.revoke(consent, kind="consent")
    tale.switch()
    tale.revoke(on_green, kind="consent")
    revoked = told(tale)
    grants, consents = revoked.before_switch()
    assert (grants, consents) == (["blue", "consent"], ["consent"])
    assert sorted(revoked.consents()) == ["consent", "green"]
    assert set(revoked.all()) == {"blue", "consent", "green"}


def test_a_subject_s_revocation_names_every_grant_and_takes_the_consents() -> None:
    tale = Tale()
    grants = [tale.grant(f"g{n}") for n in range(3)]
    tale.revoke(*grants, kind="subject")
    assert told(tale).before_switch() == (["g0", "g1", "g2"], ["g0", "g1", "g2"])


def test_an_acknowledgement_without_a_list_is_about_its_own_grant() -> None:
    tale = Tale()
    tale.end(tale.begin("web-1", "revoke", grant="g"), status=200, kind="refresh")
    assert told(tale).before_switch() == (["g"], [])


def test_a_consent_taken_back_stays_taken_back_whatever_is_revoked_later() -> None:
    """Revoking the token of a grant afterwards does not give its consent back."""
    tale = Tale()
    grant = tale.grant("g")
    tale.revoke(grant, kind="consent")
    tale.revoke(grant, kind="access")
    assert told(tale).before_switch() == (["g"], ["g"])
    tale.switch()
    tale.revoke(grant, kind="access")
    assert told(tale).consents() == ["g"]
