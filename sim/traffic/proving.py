"""The verify step's questions to the API, asked as ordinary ops and judged like them.

Every grant that was revoked: each generation of its tokens is introspected (harmless, refresh
tokens too), then those that were live at the copy or since are refreshed, newest first. Older ones were
rotated away before it; and Hydra ends a whole chain at the first rotated token it is shown, so
what it says to the next proves nothing. A sample of grants that nobody touched is refreshed
and introspected, and remembered consents are put to use. Nothing here judges.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Iterator
from random import Random
from typing import TYPE_CHECKING, Any

from sim.clock import LiveEnvironment
from sim.crowd import LOOK_S
from sim.history.op import TAKE_CONSENT, token_hash
from sim.rigs.rig import Answer, Browser
from sim.traffic.acts import Acts, Reading, refusal
from sim.traffic.arrivals import rng
from sim.traffic.ledger import Chain, Ledger
from sim.traffic.watching import Look

if TYPE_CHECKING:
    from sim.traffic.minting import Minter
    from sim.traffic.population import Population

ABREAST = 4
"""Measured: eight at a time took all of two cores and made the traffic wait; four leave it its share."""
PATIENCE_S = 30.0
"""Assumption: a link that is slow for good must not keep the verify step from its end: a lane waits so long in all."""
CONSENTS = 30
"""Assumption: so many remembered consents are put to use through the browser."""


def drawn(by: Random, count: int) -> Iterator[int]:
    """0 to count - 1 in an order of chance, each when it is asked for (Fisher and Yates, without the list).

    Who takes a few of a million pays for those: shuffling all stood the sender still for 0.7 s.
    """
    moved: dict[int, int] = {}
    for n in range(count):
        k = by.randrange(n, count)
        yield moved.get(k, k)
        moved[k] = moved.pop(n, n)


class Proving:
    """Asks through the clients' own links; processes are `verify-1` … `verify-4`.

    While the clients wait for their answers (more than `crowd` requests under way) it asks nothing: what the
    harness adds must not be what breaks a run.
    """

    def __init__(self, env: LiveEnvironment, acts: Acts, ledger: Ledger, population: Population, minter: Minter,
                 *, seed: int, crowd: int) -> None:
        self._env, self._acts, self._ledger = env, acts, ledger
        self._population, self._minter, self._seed = population, minter, seed
        self._crowd = crowd
        self._patience_s = PATIENCE_S * ABREAST

    async def prove(self, *, revoked: Iterable[str], sample: int) -> dict[str, Any]:
        """Ask everything; the figures say how much was asked.

        `sample_bound` is what the sample excludes with 95 % confidence if nothing in it failed:
        the share of bad grants that could be missed (1 - 0.05^(1/n)).
        """
        chains = [self._ledger.chains[name] for name in revoked if name in self._ledger.chains]
        await self._abreast(self._dead(chain) for chain in chains)
        good = self._untouched(sample)
        await self._abreast(self._alive(n) for n in good)
        consents = self._remembered()
        await self._abreast(self._consented(k, n) for k, n in enumerate(consents, start=1))
        bound = 1 - 0.05 ** (1 / len(good)) if good else 1.0
        return {"revoked_grants": len(chains), "sampled": len(good), "sample_bound": round(bound, 5),
                "consents": len(consents)}

    async def _abreast(self, work: Iterable[Coroutine[Any, Any, None]]) -> None:
        """Run coroutines some at a time, in order."""
        queue = iter(list(work))
        lanes = [asyncio.ensure_future(self._lane(queue)) for _ in range(ABREAST)]
        try:
            await asyncio.gather(*lanes)
        finally:
            for lane in lanes:
                lane.cancel()
            for left in queue:
                left.close()

    async def _lane(self, queue: Any) -> None:
        for work in queue:
            await self._gives_way()
            await work

    async def _gives_way(self) -> None:
        while self._env.in_flight > self._crowd and self._patience_s > 0:
            self._patience_s -= LOOK_S
            await asyncio.sleep(LOOK_S)

    async def _dead(self, chain: Chain) -> None:
        """Every token of a revoked grant: introspected; then the young ones refreshed, newest first."""
        tokens = dict(chain.refresh)
        if chain.index is not None:
            grant = self._population.grants[chain.index]
            for gen in range(grant.generations):
                tokens.setdefault(gen, self._minter.refresh(grant, gen))
        newest_first = sorted(tokens.items(), reverse=True)
        for gen, token in newest_first:
            await self._gives_way()
            await self._acts.look("verify-1", self._env.wall(), Look(chain, token, "refresh", gen), None)
        if chain.access is not None:
            await self._acts.look("verify-1", self._env.wall(),
                                  Look(chain, chain.access.value, "access", chain.access.gen), None)
        for gen, token in newest_first:
            if chain.snapshot_gen is not None and gen < chain.snapshot_gen:
                break
            await self._gives_way()
            # a chain of its own: the ledger must not take an answer for the owner's
            tried = Chain(chain.name, chain.client, chain.subject, index=None, gen=gen, born_s=self._env.wall())
            tried.refresh[gen] = token
            await self._acts.refresh("verify-2", self._env.wall(), tried)

    async def _alive(self, n: int) -> None:
        """A good grant: refreshed, and what it got is introspected."""
        chain = self._ledger.seeded(n)
        got = await self._acts.refresh("verify-3", self._env.wall(), chain)
        if got.kind == "ok" and chain.access is not None:
            await self._acts.introspect("verify-3", self._env.wall(), chain.access)

    async def _consented(self, k: int, n: int) -> None:
        """A person with a remembered consent authorizes again: the page must not be shown."""
        grant = self._population.grants[n]
        chain = self._ledger.seeded(n)
        made = self._ledger.new(f"n-verify-{k}", chain.client, grant.subject, self._env.wall())

        def read(answer: Answer) -> Reading:
            if "code" not in answer.body:
                return refusal(answer)
            return "ok", {"code": token_hash(str(answer.body["code"])),
                          "skipped_login": answer.body.get("skipped_login"),
                          "skipped_consent": answer.body.get("skipped_consent")}, None

        scope = grant.scope
        await self._acts.act("verify-4", "authorize", self._env.wall(), self._acts.clients.authorize(
            chain.client, Browser(grant.subject), scope=scope, prompt=None, timeout_s=self._acts.timeout_s),
            read, made.name, None, {"scope": scope, "remembered": True, "consent_of": grant.name})

    def _untouched(self, sample: int) -> list[int]:
        """Live grants that no actor ever used, chosen by the seed."""
        chosen: list[int] = []
        for n in drawn(rng(self._seed, "verify", "sample"), len(self._population.grants)):
            if len(chosen) >= sample:
                break
            grant = self._population.grants[n]
            if grant.state == "live" and grant.name not in self._ledger.chains:
                chosen.append(n)
        return chosen

    def _remembered(self) -> list[int]:
        """Grants whose consent was remembered and not taken back, of web clients."""
        gone = {(chain.subject, chain.client.client_id) for chain in self._ledger.known_revoked()
                if chain.kind in TAKE_CONSENT}
        chosen: list[int] = []
        for n in drawn(rng(self._seed, "verify", "consents"), len(self._population.grants)):
            if len(chosen) >= CONSENTS:
                break
            grant = self._population.grants[n]
            usable = grant.state == "live" and grant.remembered and grant.kind == "web" and not grant.logged_out
            if usable and (grant.subject, grant.client_id) not in gone:
                chosen.append(n)
        return chosen

