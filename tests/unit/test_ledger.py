"""The ledger believes only answers; the watchlist looks again where it hurts."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.rigs.rig import Answer
from sim.traffic.ledger import MARGIN_S, Chain, Ledger
from sim.traffic.minting import Minter, signature
from sim.traffic.population import Population
from sim.traffic.watching import CALM_S, HOT_S, Watchlist

POPULATION = Population.draw(3, 200, {"web": 2, "cli": 1, "mcp": 1, "service": 1})
LIVE = [n for n, grant in enumerate(POPULATION.grants) if grant.state == "live"]
MINTER = Minter("a system secret of a test", 3)


def ledger() -> Ledger:
    return Ledger(POPULATION, MINTER)


def tokens(n: int, *, expires_in: float = 20.0, **more: Any) -> Answer:
    body = {"access_token": f"access{n}.sig{n}", "refresh_token": f"refresh{n}.rsig{n}", "expires_in": expires_in}
    return Answer(200, {**body, **more}, "blue")


def new(book: Ledger, name: str = "n-web-1-1", subject: str = "somebody") -> Chain:
    return book.new(name, POPULATION.clients[0], subject, 0.0)


def test_a_seeded_chain_begins_with_its_newest_generation() -> None:
    book = ledger()
    grant = POPULATION.grants[LIVE[0]]
    chain = book.seeded(LIVE[0])
    assert chain.name == grant.name and chain.gen == grant.generations - 1
    assert chain.newest == MINTER.refresh(grant, grant.generations - 1)
    assert book.seeded_access(chain) == MINTER.access(grant, chain.gen)
    assert book.seeded(LIVE[0]) is chain and chain.snapshot_gen == chain.gen


def test_a_rotation_replaces_the_tokens_and_keeps_the_old_for_probers() -> None:
    book = ledger()
    chain = book.seeded(LIVE[0])
    old, first = chain.newest, chain.gen
    book.refreshing(chain)
    assert not chain.usable() and book.pick(0, 1.0) is None
    book.issued(chain, tokens(1), 1.0)
    assert chain.usable() and chain.gen == first + 1 and chain.newest == "refresh1.rsig1"
    assert chain.refresh[first] == old and book.seeded_access(chain) is None
    assert (token := book.pick(5, 2.0)) is not None and token.value == "access1.sig1" and token.expires_s == 21.0


def test_after_a_timeout_nobody_knows() -> None:
    book = ledger()
    chain = book.seeded(LIVE[0])
    book.refreshing(chain)
    book.unknown(chain)
    assert chain.state == "uncertain" and chain not in list(book.live()) and chain not in book.known_revoked()
    book.refreshing(chain)  # the retry, with the same token
    book.issued(chain, tokens(2), 7.0)
    assert chain.usable() and chain.newest == "refresh2.rsig2"


def test_what_was_surely_not_done_changes_nothing() -> None:
    book = ledger()
    chain = new(book)
    book.issued(chain, tokens(1), 0.0)
    before = (chain.newest, chain.gen)
    book.refreshing(chain)
    book.not_done(chain)
    assert (chain.newest, chain.gen) == before and chain.usable()
    assert (token := book.pick(0, 1.0)) is not None and token.chain is chain


def test_tokens_near_their_expiry_are_not_picked() -> None:
    book = ledger()
    book.issued(new(book), tokens(1, expires_in=20), 0.0)
    assert book.pick(3, 20 - MARGIN_S) is not None
    assert book.pick(3, 20 - MARGIN_S + 0.01) is None


def test_the_latest_token_is_the_one_issued_last_while_it_is_good() -> None:
    book = ledger()
    assert book.latest(0.0) is None
    one, two = new(book), new(book, "n-web-2-1")
    book.issued(one, tokens(1), 0.0)
    book.issued(two, tokens(2), 1.0)
    assert (token := book.latest(1.0)) is not None and token.chain is two
    assert book.latest(21.0 - MARGIN_S + 0.01) is None, "it expires"
    book.refreshing(two)
    assert book.latest(2.0) is None, "it is being replaced: an older one is not the latest"
    book.issued(one, tokens(3), 3.0)
    assert (token := book.latest(3.0)) is not None and token.chain is one
    book.revoking([one])
    assert book.latest(3.5) is None


def test_a_revoked_chain_stays_revoked_whatever_comes_late() -> None:
    book = ledger()
    chain = new(book)
    book.issued(chain, tokens(1), 0.0)
    book.refreshing(chain)
    book.revoking([chain])
    book.revoked([chain], "consent", 2.0)
    book.issued(chain, tokens(2), 1.9)  # the refresh that was under way
    book.unknown(chain)
    book.refused(chain)
    assert chain.state == "revoked" and chain.revoked_s == 2.0 and chain.kind == "consent"
    assert book.pick(0, 3.0) is None and book.known_revoked() == [chain] and list(book.live()) == []


def test_signatures_name_the_grants_of_the_run_and_only_those() -> None:
    book = ledger()
    chain, seeded = new(book), book.seeded(LIVE[0])
    book.issued(chain, tokens(1), 0.0)
    book.issued(chain, tokens(2), 1.0)
    book.issued(seeded, tokens(3), 1.0)
    assert book.signatures() == {"rsig1": "n-web-1-1", "rsig2": "n-web-1-1"}
    assert signature("ory_rt_a.b") == "b"


def test_the_snapshot_fixes_what_the_copy_holds() -> None:
    book = ledger()
    rotated, untouched, made, later = book.seeded(LIVE[0]), book.seeded(LIVE[1]), new(book), new(book, "n-web-2-1")
    book.issued(rotated, tokens(1), 0.0)
    book.issued(made, tokens(2), 0.0)
    book.snapshot()
    book.issued(rotated, tokens(3), 1.0)
    book.issued(later, tokens(4), 1.0)
    assert rotated.snapshot_gen == rotated.gen - 1 and untouched.snapshot_gen == untouched.gen
    assert made.snapshot_gen == 0 and later.snapshot_gen is None


def test_taking_back_a_consent_finds_what_goes_with_it() -> None:
    book = ledger()
    one, same, other = new(book, "n-a-1"), new(book, "n-a-2"), book.new("n-a-3", POPULATION.clients[1], "somebody", 0)
    assert book.of("somebody", POPULATION.clients[0].client_id) == [one, same]
    assert book.of("somebody") == [one, same, other]
    book.revoked([same], "refresh", 1.0)
    assert book.of("somebody", POPULATION.clients[0].client_id) == [one]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["issue", "refresh", "unknown", "not_done", "refuse", "revoke", "pick"]),
                          st.integers(0, 5)), max_size=60))
def test_a_picked_token_is_always_the_newest_of_a_live_chain(steps: list[tuple[str, int]]) -> None:
    book = ledger()
    chains = [new(book, f"n-{k}-1", f"s{k}") for k in range(6)]
    now_s = 0.0
    for n, (step, k) in enumerate(steps):
        now_s += 1.5
        chain = chains[k]
        if step == "issue":
            book.issued(chain, tokens(n), now_s)
        elif step == "refresh" and chain.usable():
            book.refreshing(chain)
        elif step == "unknown":
            book.unknown(chain)
        elif step == "not_done" and chain.state == "busy":
            book.not_done(chain)
        elif step == "refuse":
            book.refused(chain)
        elif step == "revoke" and chain.state != "revoked":
            book.revoking([chain])
            book.revoked([chain], "refresh", now_s)
        token = book.pick(n * 7919, now_s)
        if token is not None:
            assert token.chain.state == "live" and token is token.chain.access
            assert token.expires_s - now_s >= MARGIN_S
        assert all(chain.state == "revoked" for chain in book.known_revoked())


def revoked(book: Ledger, watchlist: Watchlist, name: str, *, watched: bool = False, now_s: float = 0.0) -> Chain:
    chain = new(book, name, name)
    book.issued(chain, tokens(len(book.chains)), now_s)
    chain.watched = watched
    book.revoked([chain], "refresh", now_s)
    watchlist.add(chain, now_s)
    return chain


def test_what_is_accepted_is_looked_at_again_soon_and_what_is_refused_seldom() -> None:
    book, watchlist = ledger(), Watchlist()
    revoked(book, watchlist, "n-a-1")
    found = watchlist.next(0.0)
    assert found is not None and watchlist.next(0.0) is None
    watch, _ = found
    watchlist.answered(watch, True, 0.1)
    assert watchlist.urgent and watchlist.next(0.1 + HOT_S / 2) is None
    found = watchlist.next(0.1 + HOT_S)
    assert found is not None and found[0] is watch
    watchlist.answered(watch, False, 0.5)
    assert not watchlist.urgent and watchlist.next(0.6) is None
    assert watchlist.next(0.4 + CALM_S) is not None


def test_a_switch_makes_everything_unseen_and_cohorts_come_first() -> None:
    book, watchlist = ledger(), Watchlist()
    plain, cohort = revoked(book, watchlist, "n-a-1"), revoked(book, watchlist, "n-a-2", watched=True)
    for _ in range(2):
        found = watchlist.next(0.0)
        assert found is not None
        watchlist.answered(found[0], False, 0.1)
    assert not watchlist.urgent
    watchlist.switched()
    assert watchlist.urgent
    order = [found[1].chain for _ in range(2) if (found := watchlist.next(0.2))]
    assert order == [cohort, plain]


def test_every_generation_that_the_copy_could_let_in_is_looked_at() -> None:
    book, watchlist = ledger(), Watchlist()
    chain = book.seeded(LIVE[0])
    copied = chain.gen
    book.issued(chain, tokens(1), 0.0)
    book.issued(chain, tokens(2), 1.0)
    book.revoked([chain], "refresh", 2.0)
    watchlist.add(chain, 2.0)
    gens = set()
    for k in range(2):
        found = watchlist.next(2.0 + k)
        assert found is not None
        gens.add(found[1].gen)
        watchlist.answered(found[0], False, 2.0 + k)
    assert gens == {copied, copied + 2}


@pytest.mark.parametrize("grants", [5, 30])
def test_gaps_are_bounded_closely_at_the_rate_of_a_trough(grants: int) -> None:
    """97 looks a second (80 % of 121): each accepted grant again within about half a second."""
    book, watchlist = ledger(), Watchlist()
    for k in range(grants):
        revoked(book, watchlist, f"n-a-{k}", watched=True)
    seen: dict[str, list[float]] = {}
    now_s = 0.0
    while now_s < 6.0:
        now_s += 1 / 97
        found = watchlist.next(now_s)
        if found is not None:
            seen.setdefault(found[1].chain.name, []).append(now_s)
            watchlist.answered(found[0], True, now_s + 0.01)
    widest = max(b - a for times in seen.values() for a, b in pairwise(times))
    assert len(seen) == grants and widest <= 0.5
