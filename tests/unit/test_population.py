"""The population: fixed by its seed alone, shares as written, nothing that contradicts itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable

import pytest

from sim.traffic.population import (
    CONSENT_REMEMBERED,
    EXPIRED_FROM,
    IN_USE,
    KIND_SHARES,
    MOST_GENERATIONS,
    OLDEST,
    STATE_SHARES,
    Grant,
    Population,
    draw_clients,
)

CLIENTS = {"web": 40, "cli": 20, "mcp": 20, "service": 20}
DRAWN = Population.draw(10, 10_000, CLIENTS)
GRANTS = list(DRAWN.grants)


def share(fits: Callable[[Grant], bool], among: list[Grant] = GRANTS) -> float:
    return sum(map(fits, among)) / len(among)


def test_a_seed_fixes_everything() -> None:
    again = Population.draw(10, 10_000, CLIENTS)
    assert again.fingerprint() == DRAWN.fingerprint()
    assert again.grants[4321] == GRANTS[4321]
    assert Population.draw(11, 10_000, CLIENTS).fingerprint() != DRAWN.fingerprint()


def test_processes_with_other_hash_seeds_draw_the_same() -> None:
    script = ("from sim.traffic.population import Population\n"
              "from sim.traffic.minting import Minter\n"
              "p = Population.draw(3, 500, {'web': 3, 'mcp': 2, 'service': 1})\n"
              "m = Minter('a secret of sixteen', 3)\n"
              "print(p.fingerprint(), p.grants[77], m.refresh(p.grants[77], 0), m.access(p.grants[77], 0))")
    said = {subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True,
                           env={**os.environ, "PYTHONHASHSEED": seed}).stdout for seed in ("0", "1")}
    assert len(said) == 1


def test_names_are_unique_and_subjects_belong_to_one_person() -> None:
    assert len({grant.name for grant in GRANTS}) == len(GRANTS)
    assert all(len(grant.name) == 32 for grant in GRANTS[:100])
    assert len({grant.subject for grant in GRANTS}) == DRAWN.people()
    assert all(subject.isascii() and " " not in subject for subject in {grant.subject for grant in GRANTS})


@pytest.mark.parametrize("state", STATE_SHARES)
def test_states_have_their_shares(state: str) -> None:
    wanted = STATE_SHARES[state]  # type: ignore[index]
    assert share(lambda grant: grant.state == state) == pytest.approx(wanted, rel=0.1)


def test_kinds_logins_and_consents_have_their_shares() -> None:
    for kind, wanted in KIND_SHARES.items():
        assert share(lambda grant, kind=kind: grant.kind == kind) == pytest.approx(wanted, rel=0.05)  # type: ignore[misc]
    live = [grant for grant in GRANTS if grant.state == "live"]
    assert share(lambda grant: grant.in_use, live) == pytest.approx(IN_USE, rel=0.15)
    first = [grant for grant in live if not grant.consent_skipped]
    assert share(lambda grant: grant.remembered, first) == pytest.approx(CONSENT_REMEMBERED, rel=0.05)
    assert 0.02 < share(lambda grant: grant.logged_out) < 0.04
    assert 0.2 < share(lambda grant: grant.login_skipped) < 0.4


def test_grants_do_not_contradict_themselves() -> None:
    for grant in GRANTS:
        first = GRANTS[grant.session]
        assert first.subject == grant.subject
        assert grant.login_skipped == (grant.session != grant.index)
        if grant.login_skipped:
            assert first.login_remembered
            assert first.index < grant.index
            assert first.logged_out == grant.logged_out
            assert first.left_at != "login"
        assert (grant.left_at is not None) == (grant.state == "abandoned")
        assert (grant.revoked_by is not None) == (grant.state == "revoked")
        has_chain = grant.state in ("live", "expired", "revoked")
        assert (1 <= grant.generations <= MOST_GENERATIONS) if has_chain else grant.generations == 0
        assert grant.kind != "service"
        assert "offline" in grant.scope.split()
        assert grant.openid == ("openid" in grant.scope.split())
        if grant.state == "live":
            assert 0 <= grant.age <= 1 if grant.in_use else 0 <= grant.age <= OLDEST
        if grant.state == "expired":
            assert grant.age >= EXPIRED_FROM
        assert grant.span >= 0


def test_who_skips_a_consent_gave_one_before() -> None:
    given: set[tuple[str, str]] = set()
    for grant in GRANTS:
        if grant.consent_skipped:
            assert (grant.subject, grant.client_id) in given
        if grant.remembered:
            given.add((grant.subject, grant.client_id))


def test_live_grants_by_kind() -> None:
    by_kind = DRAWN.live_grants_by_kind()
    assert {kind: len(some) for kind, some in by_kind.items()} == dict(
        Counter(grant.kind for grant in GRANTS if grant.state == "live"))
    assert all(GRANTS[n].state == "live" for some in by_kind.values() for n in some)


def test_clients_are_as_their_kind() -> None:
    clients = draw_clients(10, CLIENTS)
    assert Counter(client.kind for client in clients) == CLIENTS
    for client in clients:
        assert (client.secret is None) == (client.kind in ("cli", "mcp"))
        assert client.redirect_uri.startswith("https://") or client.kind == "service"
    assert len({client.secret for client in clients if client.secret}) == 60
    assert DRAWN.client("mcp-3").kind == "mcp"
    with pytest.raises(KeyError):
        DRAWN.client("nobody")


def test_a_population_without_users_is_refused() -> None:
    with pytest.raises(ValueError, match="no client has users"):
        Population.draw(1, 10, {"service": 3})
    with pytest.raises(ValueError, match="unknown kinds"):
        Population.draw(1, 10, {"web": 1, "tv": 3})


def test_without_services_there_are_no_service_tokens() -> None:
    assert Population.draw(1, 100, {"cli": 1}).service_tokens == 0
    assert Population.draw(1, 100, {"cli": 1, "service": 1}).service_tokens == 5
