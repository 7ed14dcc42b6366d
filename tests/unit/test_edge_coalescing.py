"""Coalescing: which exchange may answer which refresh."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from multidict import CIMultiDict

from sim.services.coalescing import (
    SWITCHED,
    Coalescer,
    Coalescing,
    Entry,
    coalescing_key,
    digest,
    presented,
    subject_revoked,
    token_revoked,
)
from sim.services.upstream import Lost, Reply

KEEP_S = 10.0


def answer(refresh: str, access: str = "", subject: str | None = None) -> bytes:
    body = {"access_token": access or f"a-{refresh}", "refresh_token": refresh}
    if subject is not None:
        claims = base64.urlsafe_b64encode(json.dumps({"sub": subject}).encode()).rstrip(b"=").decode()
        body["id_token"] = f"e30.{claims}.sig"
    return json.dumps(body).encode()


def reply(refresh: str, status: int = 200) -> Reply:
    return Reply(status, CIMultiDict(), answer(refresh))


def form(token: str, **more: str) -> dict[str, str]:
    return {"grant_type": "refresh_token", "refresh_token": token, **more}


def test_the_key_holds_what_makes_an_exchange_another() -> None:
    base = coalescing_key("Basic x", form("t"), 1)
    assert base == coalescing_key("Basic x", form("t"), 1)
    others = [coalescing_key("Basic y", form("t"), 1), coalescing_key(None, form("t"), 1),
              coalescing_key("Basic x", form("u"), 1), coalescing_key("Basic x", form("t", scope="a"), 1),
              coalescing_key("Basic x", form("t", audience="a"), 1), coalescing_key("Basic x", form("t"), 2),
              coalescing_key("Basic x", form("t", client_id="c"), 1),
              coalescing_key("Basic x", form("t", client_secret="s"), 1)]
    assert len({base, *others}) == 9
    assert coalescing_key("Basic x", form("t", scope="a b"), 1) == coalescing_key("Basic x", form("t", scope="b  a"), 1)
    # fields can't run into each other
    assert coalescing_key("Basic x", form("t", scope="a", audience=""), 1) != \
        coalescing_key("Basic x", form("t", scope="", audience="a"), 1)


@pytest.mark.parametrize(("status", "is_kept"), [(200, True), (400, False), (401, False), (429, False), (500, False),
                                                 (502, False), (503, False)])
def test_only_a_200_is_kept(status: int, is_kept: bool) -> None:
    rules = Coalescing(keep_s=KEEP_S)
    entry = rules.begin(b"k", client="c", presented="t", now_s=0)
    rules.settle(entry, status, answer("u"), 1)
    assert (rules.find(b"k", 2) is not None) is is_kept


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b'{"access_token": "a"}', b'{"refresh_token": "r"}'])
def test_a_200_without_successor_is_not_kept(body: bytes) -> None:
    rules = Coalescing(keep_s=KEEP_S)
    rules.settle(rules.begin(b"k", client="c", presented="t", now_s=0), 200, body, 1)
    assert rules.find(b"k", 1) is None


def kept(rules: Coalescing, token: str, successor: str, client: str = "c", subject: str | None = None) -> bytes:
    key = token.encode()
    rules.settle(rules.begin(key, client=client, presented=token, now_s=0), 200, answer(successor, subject=subject), 0)
    return key


def test_an_entry_ends_with_its_time() -> None:
    rules = Coalescing(keep_s=KEEP_S)
    key = kept(rules, "t", "u")
    assert rules.find(key, KEEP_S - 0.001) is not None
    assert rules.find(key, KEEP_S) is None and len(rules) == 0


def test_presenting_the_successor_voids_and_presenting_the_token_does_not() -> None:
    rules = Coalescing(keep_s=KEEP_S)
    key = kept(rules, "t", "u")
    rules.void(presented("t"))
    assert rules.find(key, 1) is not None
    rules.void(presented("u"))
    assert rules.find(key, 1) is None


@pytest.mark.parametrize("revoked", ["t", "u", "a-u"])
def test_revoking_any_token_of_the_exchange_voids_it(revoked: str) -> None:
    rules = Coalescing(keep_s=KEEP_S)
    key, other = kept(rules, "t", "u"), kept(rules, "x", "y")
    rules.void(token_revoked(revoked, "c"))
    assert rules.find(key, 1) is None and rules.find(other, 1) is not None


def test_a_revoke_voids_what_the_client_has_under_way() -> None:
    rules = Coalescing(keep_s=KEEP_S)
    mine = rules.begin(b"m", client="c", presented="t", now_s=0)
    other = rules.begin(b"o", client="d", presented="v", now_s=0)
    rules.void(token_revoked("an older access token of that chain", "c"))
    rules.settle(mine, 200, answer("u"), 1)
    rules.settle(other, 200, answer("w"), 1)
    assert rules.find(b"m", 1) is None and rules.find(b"o", 1) is not None


def test_revoking_a_subject_voids_its_entries_and_unknown_ones() -> None:
    rules = Coalescing(keep_s=KEEP_S)
    ann, bob = kept(rules, "t", "u", subject="ann"), kept(rules, "v", "w", subject="bob")
    nobody, elsewhere = kept(rules, "x", "y"), kept(rules, "p", "q", client="d", subject="ann")
    rules.void(subject_revoked("ann", "c"))
    assert [rules.find(k, 1) is not None for k in (ann, bob, nobody, elsewhere)] == [False, True, False, True]
    rules.void(subject_revoked("ann", None))
    assert rules.find(elsewhere, 1) is None


def test_the_oldest_go_when_there_are_too_many() -> None:
    rules = Coalescing(keep_s=KEEP_S, entries_max=3)
    keys = [kept(rules, f"t{n}", f"u{n}") for n in range(5)]
    assert [rules.find(k, 1) is not None for k in keys] == [False, False, True, True, True]


class CoalescingMachine(RuleBasedStateMachine):
    """Against a plain model: which answers may still be given out."""

    def __init__(self) -> None:
        super().__init__()
        self.rules = Coalescing(keep_s=KEEP_S, entries_max=1000)
        self.now_s = 0.0
        self.under_way: list[Entry] = []
        self.kept: dict[bytes, tuple[Entry, float]] = {}
        self.void: set[int] = set()
        self.all: list[Entry] = []  # keeps every id() of `void` in use

    @rule(token=st.integers(0, 5), client=st.sampled_from("cd"))
    def refresh(self, token: int, client: str) -> None:
        name = f"t{token}"
        self.rules.void(presented(name))
        for key, (entry, _) in list(self.kept.items()):
            if entry.refresh == digest(name):
                del self.kept[key]
        key = f"{client}{name}".encode()
        found = self.rules.find(key, self.now_s)
        expected = next((e for e in self.under_way if e.key == key and id(e) not in self.void), None)
        if key in self.kept and self.kept[key][1] > self.now_s:
            expected = self.kept[key][0]
        assert found is expected
        if found is None:
            self.under_way.append(self.rules.begin(key, client=client, presented=name, now_s=self.now_s))
            self.all.append(self.under_way[-1])

    @precondition(lambda self: self.under_way)
    @rule(which=st.integers(0, 50), status=st.sampled_from([200, 200, 200, 400, 401, 500, 503]),
          successor=st.integers(0, 8), subject=st.sampled_from(["ann", "bob", None]))
    def answered(self, which: int, status: int, successor: int, subject: str | None) -> None:
        entry = self.under_way.pop(which % len(self.under_way))
        self.rules.settle(entry, status, answer(f"t{successor}", f"a{successor}", subject), self.now_s)
        if status == 200 and id(entry) not in self.void:
            self.kept[entry.key] = (entry, self.now_s + KEEP_S)

    @precondition(lambda self: self.under_way)
    @rule(which=st.integers(0, 50))
    def lost(self, which: int) -> None:
        self.rules.fail(self.under_way.pop(which % len(self.under_way)))

    @rule(token=st.integers(0, 8), is_access=st.booleans(), client=st.sampled_from("cd"))
    def revoke(self, token: int, is_access: bool, client: str) -> None:
        name = f"{'a' if is_access else 't'}{token}"
        self.rules.void(token_revoked(name, client))
        for key, (entry, _) in list(self.kept.items()):
            if digest(name) in (entry.presented, entry.access, entry.refresh):
                del self.kept[key]
        self.void |= {id(e) for e in self.under_way if e.client == client or e.presented == digest(name)}

    @rule(subject=st.sampled_from(["ann", "bob"]), client=st.sampled_from(["c", "d", None]))
    def revoke_subject(self, subject: str, client: str | None) -> None:
        self.rules.void(subject_revoked(subject, client))
        for key, (entry, _) in list(self.kept.items()):
            if entry.subject in (None, digest(subject)) and client in (None, entry.client):
                del self.kept[key]
        self.void |= {id(e) for e in self.under_way if client in (None, e.client)}

    @rule()
    def switch(self) -> None:
        self.rules.void(SWITCHED)
        self.kept.clear()
        self.void |= {id(e) for e in self.under_way}

    @rule(by_s=st.floats(0, 6))
    def time_passes(self, by_s: float) -> None:
        self.now_s += by_s

    @invariant()
    def nothing_void_is_found(self) -> None:
        for key in {e.key for e in self.under_way} | set(self.kept):
            found = self.rules.find(key, self.now_s)
            if found is not None:
                assert id(found) not in self.void or found.kept_until_s is not None
                assert found.kept_until_s is None or found.kept_until_s > self.now_s


TestCoalescingMachine = CoalescingMachine.TestCase
TestCoalescingMachine.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


async def test_the_exchange_outlives_the_client_and_runs_once() -> None:
    coalescer = Coalescer(keep_s=KEEP_S)
    go, calls = asyncio.Event(), 0

    async def exchange() -> Reply:
        nonlocal calls
        calls += 1
        await go.wait()
        return reply("u")

    first = asyncio.create_task(coalescer.refresh("Basic x", form("t"), 1, exchange))
    await asyncio.sleep(0)
    first.cancel()  # the client left
    second = asyncio.create_task(coalescer.refresh("Basic x", form("t"), 1, exchange))
    await asyncio.sleep(0)
    go.set()
    got, is_joined = await second
    assert (got.status, is_joined, calls, coalescer.joined) == (200, True, 1, 1)


async def test_lost_answers_reach_everybody_and_are_not_kept() -> None:
    coalescer = Coalescer(keep_s=KEEP_S)
    calls = 0

    async def exchange() -> Reply:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0)
        raise Lost("gone", late=False)

    results = await asyncio.gather(*(coalescer.refresh(None, form("t"), 1, exchange) for _ in range(3)),
                                   return_exceptions=True)
    assert all(isinstance(r, Lost) for r in results) and calls == 1
    with pytest.raises(Lost):
        await coalescer.refresh(None, form("t"), 1, exchange)
    assert calls == 2


async def test_the_route_epoch_parts_exchanges() -> None:
    coalescer = Coalescer(keep_s=KEEP_S)

    async def exchange() -> Reply:
        return reply("u")

    await coalescer.refresh(None, form("t"), 1, exchange)
    _, is_joined = await coalescer.refresh(None, form("t"), 2, exchange)
    assert not is_joined


async def test_an_answer_without_id_token_is_not_voided_by_somebody_elses_revocation() -> None:
    """CLI and MCP clients ask for no ID token; people revoke all the time."""
    coalescer, calls = Coalescer(keep_s=KEEP_S), 0

    async def exchange() -> Reply:
        nonlocal calls
        calls += 1
        return reply("u")

    async def whose(token: str) -> str | None:
        return {"u": "ann"}.get(token)

    async def refresh() -> bool:
        return (await coalescer.refresh(None, form("t"), 1, exchange, whose))[1]

    await refresh()
    await asyncio.sleep(0)  # the look for the person comes behind the answer
    await coalescer.void(subject_revoked("bob", None))
    assert await refresh() and calls == 1
    await coalescer.void(subject_revoked("ann", None))
    assert not await refresh() and calls == 2


async def test_who_is_under_way_is_known_before_somebody_elses_revocation_counts() -> None:
    coalescer, go = Coalescer(keep_s=KEEP_S), asyncio.Event()

    async def exchange() -> Reply:
        await go.wait()
        return reply("u")

    async def whose(token: str) -> str | None:
        await asyncio.sleep(0.01)
        return {"t": "ann"}[token]

    first = asyncio.create_task(coalescer.refresh(None, form("t"), 1, exchange, whose))
    await asyncio.sleep(0)
    await coalescer.void(subject_revoked("bob", None))
    await coalescer.void(token_revoked("of-bob", "", "bob"))
    go.set()
    await first
    assert (await coalescer.refresh(None, form("t"), 1, exchange, whose))[1]


async def test_a_revocation_of_the_same_person_voids_what_is_under_way() -> None:
    coalescer, go = Coalescer(keep_s=KEEP_S), asyncio.Event()

    async def exchange() -> Reply:
        await go.wait()
        return reply("u")

    async def whose(token: str) -> str | None:
        return "ann"

    first = asyncio.create_task(coalescer.refresh(None, form("t", client_id="c"), 1, exchange, whose))
    await asyncio.sleep(0)
    await coalescer.void(token_revoked("an older access token of that chain", "c", "ann"))
    go.set()
    await first
    assert not (await coalescer.refresh(None, form("t", client_id="c"), 1, exchange, whose))[1]


async def test_a_kept_answer_says_how_long_its_token_still_lives() -> None:
    now_s = 100.0
    coalescer = Coalescer(keep_s=KEEP_S, clock=lambda: now_s)
    body = json.dumps({**json.loads(answer("u")), "expires_in": 19}).encode()

    async def exchange() -> Reply:
        return Reply(200, CIMultiDict(), body)

    first, _ = await coalescer.refresh(None, form("t"), 1, exchange)
    assert json.loads(first.body)["expires_in"] == 19
    now_s += 5.2
    again, is_joined = await coalescer.refresh(None, form("t"), 1, exchange)
    assert is_joined and json.loads(again.body) == {**json.loads(body), "expires_in": 13}
