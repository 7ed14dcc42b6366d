"""What the verify step asks the API of a revoked grant."""

from __future__ import annotations

from itertools import islice
from random import Random
from typing import Any, cast

import pytest

from sim.clock import LiveEnvironment
from sim.traffic.acts import Acts
from sim.traffic.ledger import Chain, Ledger
from sim.traffic.minting import Minter
from sim.traffic.population import Population
from sim.traffic.proving import ABREAST, PATIENCE_S, Proving, drawn
from sim.traffic.watching import Look

POPULATION = Population.draw(3, 200, {"web": 2, "cli": 1, "mcp": 1, "service": 1})
MINTER = Minter("a system secret of a test", 3)
CROWD = 16


def test_an_order_of_chance_has_each_once_and_costs_what_is_taken_of_it() -> None:
    for count in (0, 1, 2, 50):
        assert sorted(drawn(Random(count), count)) == list(range(count))
    firsts = {next(drawn(Random(seed), 5)) for seed in range(100)}
    assert firsts == set(range(5))
    few = list(islice(drawn(Random(1), 10**12), 1000))
    assert len(set(few)) == 1000 and few == list(islice(drawn(Random(1), 10**12), 1000))


class Asked:
    """Writes down what is asked."""

    def __init__(self) -> None:
        self.looks: list[int] = []
        self.refreshes: list[int] = []

    async def look(self, actor: str, due_s: float, look: Look, watch: object) -> Any:
        if look.kind == "refresh":
            self.looks.append(look.gen)

    async def refresh(self, actor: str, due_s: float, chain: Chain) -> Any:
        self.refreshes.append(chain.gen)


async def prove(book: Ledger, name: str, env: LiveEnvironment | None = None) -> Asked:
    asked = Asked()
    proving = Proving(env or LiveEnvironment(), cast(Acts, asked), book, POPULATION, MINTER, seed=3, crowd=CROWD)
    proving._remembered = list  # type: ignore[method-assign]
    figures = await proving.prove(revoked=[name], sample=0)
    assert figures["revoked_grants"] == 1
    return asked


async def test_every_generation_is_looked_at_and_those_alive_at_the_copy_or_since_are_refreshed() -> None:
    book = Ledger(POPULATION, MINTER)
    index = next(n for n, grant in enumerate(POPULATION.grants) if grant.state == "live" and grant.generations >= 3)
    chain = book.seeded(index)
    at_copy = chain.gen
    chain.gen += 1
    chain.refresh[chain.gen] = "rotated-after-the-copy.sig"
    asked = await prove(book, chain.name)
    assert asked.looks == list(range(at_copy + 1, -1, -1))
    assert asked.refreshes == [at_copy + 1, at_copy]


async def test_of_a_grant_made_since_the_copy_all_are_refreshed() -> None:
    book = Ledger(POPULATION, MINTER)
    chain = book.new("n-web-1-1", POPULATION.clients[0], "somebody", 0.0)
    chain.gen, chain.refresh = 2, {0: "a.a", 1: "b.b", 2: "c.c"}
    asked = await prove(book, chain.name)
    assert asked.refreshes == [2, 1, 0]


class Crowded(LiveEnvironment):
    """Clients wait for their answers until it has been looked at so often."""

    def __init__(self, looks: int) -> None:
        super().__init__()
        self.left = looks

    @property
    def in_flight(self) -> int:
        self.left -= 1
        return CROWD + 1 if self.left > 0 else 3


async def test_it_gives_way_while_clients_wait_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("sim.traffic.proving.asyncio.sleep", sleep)
    book = Ledger(POPULATION, MINTER)
    chain = book.new("n-web-1-1", POPULATION.clients[0], "somebody", 0.0)
    chain.gen, chain.refresh = 0, {0: "a.a"}
    asked = await prove(book, chain.name, Crowded(11))
    assert len(slept) == 10 and asked.looks == [0]
    asked = await prove(book, chain.name, Crowded(1_000_000))
    assert sum(slept[10:]) == pytest.approx(PATIENCE_S * ABREAST, abs=0.1) and asked.refreshes == [0]
