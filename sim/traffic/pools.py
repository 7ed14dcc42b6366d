"""Who gets which grant: disjoint pools, so that no two actors ever use one chain.

Hydra 1.11 kills a whole chain when a refresh token is used twice, so a chain has one owner.
Pools are cut by subject: taking back all of a subject's grants then hits nobody's session.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from sim.history.op import TAKE_CONSENT
from sim.traffic.arrivals import rng
from sim.traffic.intents import How

if TYPE_CHECKING:
    from sim.traffic.population import Population

SESSIONS, PEOPLE, GOOD = 0.40, 0.12, 0.08
"""Assumption: shares of subjects whose grants are used, who log in anew, and whose grants
nobody touches (known-good); the rest is there to be revoked, as most of a provider's grants idle."""


WHOLLY = 0.10
"""Assumption: share of subjects kept for revocations of everything they gave."""
FEW = 4
"""Assumption: below so many people, visitors are more important than cohorts."""


class Pools:
    """The population's live grants, shuffled by the seed and shared out."""

    def __init__(self, population: Population, seed: int) -> None:
        self._population = population
        self._by_kind: dict[str, list[str]] = {}
        for client in population.clients:
            self._by_kind.setdefault(client.kind, []).append(client.client_id)
        kind_of = {client.client_id: client.kind for client in population.clients}
        order = list(range(len(population.grants)))
        rng(seed, "pools", "order").shuffle(order)
        self._chains: dict[str, list[int]] = {"web": [], "cli": [], "mcp": []}
        self.people: list[int] = []
        """Grants whose subjects log in anew."""
        self.good: list[int] = []
        """Grants nobody touches."""
        self._wholly: list[int] = []
        """Grants of subjects that lose all at once."""
        self._singly: list[int] = []
        """Grants that are taken back one consent at a time."""
        self._of_subject: dict[str, list[int]] = {}
        self._taken: set[int] = set()
        salt = f"{seed}|pool|"
        for n in order:
            grant = population.grants[n]
            if grant.state == "abandoned":
                continue
            place = int.from_bytes(sha256((salt + grant.subject).encode()).digest()[:4], "big") / 2**32
            kind, live = kind_of[grant.client_id], grant.state == "live"
            if place < SESSIONS:
                if live and kind in self._chains:
                    self._chains[kind].append(n)
            elif place < SESSIONS + PEOPLE:
                if live:
                    self.people.append(n)
                self._of_subject.setdefault(grant.subject, []).append(n)
            elif place < SESSIONS + PEOPLE + GOOD:
                if live:
                    self.good.append(n)
            else:
                if live:
                    (self._wholly if place > 1 - WHOLLY else self._singly).append(n)
                # what is dead already may have a consent, and that goes with the others'
                self._of_subject.setdefault(grant.subject, []).append(n)
        for chains in self._chains.values():
            chains.reverse()

    def clients(self, kind: str) -> list[str]:
        """Registered clients of a persona, in the population's order."""
        return self._by_kind.get(kind, [])

    def name(self, n: int) -> str:
        """The grant's name."""
        return str(self._population.grants[n].name)

    def client_of(self, n: int) -> str:
        """The client a grant was given to."""
        return str(self._population.grants[n].client_id)

    def same(self, person: int, client_id: str) -> list[int]:
        """Grants that the subject of one of `people` gave to a client."""
        grants = self._population.grants
        mine = self._of_subject[grants[person].subject]
        return sorted(n for n in mine if grants[n].client_id == client_id)

    def take_person(self) -> int | None:
        """A person who from now on is nobody else's visitor; None if hardly any are left."""
        grants = self._population.grants
        if len(self.people) < FEW:
            return None
        person = self.people.pop()
        subject = grants[person].subject
        self.people = [n for n in self.people if grants[n].subject != subject]
        return person

    def take_chain(self, persona: str) -> int | None:
        """An unused grant of a client of that persona (or any); None if all are used."""
        for kind in (persona, *self._chains):
            if self._chains[kind]:
                return self._chains[kind].pop()
        return None

    def take_revoked(self, how: How) -> tuple[int, list[int]] | None:
        """A grant to take back and those that go with it; None if all are taken.

        What goes with it is nobody else's from then on, so no two revocations meet.
        """
        grants = self._population.grants
        queue = self._wholly if how == "subject" else self._singly
        while queue:
            n = queue.pop()
            if n in self._taken:
                continue
            grant = grants[n]
            family = [m for m in self._of_subject[grant.subject]
                      if how == "subject" or grants[m].client_id == grant.client_id]
            self._taken.update(family)
            return n, sorted(m for m in family if m != n) if how in TAKE_CONSENT else []
        return None
