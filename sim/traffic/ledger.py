"""What every client knows: chains, their tokens by generation, and what became of them.

The ledger believes only answers. After a refresh that timed out nobody knows which token is
the newest, so the chain is `uncertain` and counts neither as good nor as revoked. Tokens stay
in memory; whoever writes takes hashes and names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from sim.history.op import token_hash
from sim.rigs.rig import Answer, Client
from sim.traffic.minting import Minter, signature

if TYPE_CHECKING:
    from sim.traffic.population import Population

State = Literal["live", "busy", "uncertain", "revoking", "revoked", "dead"]
"""live: usable; busy: a refresh is under way; uncertain: a refresh or revoke had no answer;
revoking: a revocation is under way; revoked: acknowledged; dead: refused by Hydra."""

MARGIN_S = 2.0
"""Source: DESIGN, point 4: within 2 s of its expiry a token may be active or not."""


class Token:
    """One access token; `at` is its place in the pool of tokens that resource servers see."""

    __slots__ = ("at", "chain", "expires_s", "gen", "hash", "value")

    def __init__(self, value: str, chain: Chain, gen: int, expires_s: float) -> None:
        self.value, self.chain, self.gen, self.expires_s = value, chain, gen, expires_s
        self.hash = token_hash(value)
        self.at = -1


class Chain:
    """One access and refresh lineage. Its owner alone uses it; probers only look."""

    __slots__ = ("access", "born_s", "client", "code", "gen", "index", "kind", "name", "refresh", "revoked_s",
                 "same", "snapshot_gen", "state", "subject", "verifier", "watched")

    def __init__(self, name: str, client: Client, subject: str, *, index: int | None, gen: int,
                 born_s: float) -> None:
        self.name, self.client, self.subject, self.index = name, client, subject, index
        self.gen = gen
        """Newest generation whose tokens are known."""
        self.refresh: dict[int, str] = {}
        """Refresh token by generation; only those of use: all of the run's, the newest seeded one."""
        self.access: Token | None = None
        self.state: State = "live"
        self.snapshot_gen: int | None = gen if index is not None else None
        """Generation that the copy holds; None = the copy does not know this grant."""
        self.revoked_s: float | None = None
        self.kind: str | None = None
        """How it was revoked: access, refresh, consent or subject."""
        self.born_s = born_s
        self.watched = False
        """True = a cohort's: probed so often that a gap is bounded closely."""
        self.code: str | None = None
        """A code not redeemed, with its `verifier`."""
        self.verifier = ""
        self.same: list[int] = []
        """Of a grant made in the run: the population's grants that share its consent."""

    @property
    def newest(self) -> str | None:
        """The newest refresh token known."""
        return self.refresh.get(self.gen)

    def usable(self) -> bool:
        """Whether its owner may go on with it."""
        return self.state == "live"


class Ledger:
    """Every chain of a run that anybody touched, by name."""

    def __init__(self, population: Population, minter: Minter) -> None:
        self._population, self._minter = population, minter
        self.clients: dict[str, Client] = {client.client_id: client for client in population.clients}
        self.chains: dict[str, Chain] = {}
        self._of_subject: dict[str, list[Chain]] = {}
        self._pool: list[Token] = []
        self._latest: Token | None = None
        self._revoked: list[Chain] = []
        self._signatures: dict[str, str] = {}
        self.id_tokens: list[tuple[str, str, str | None]] = []
        """(grant, ID token, stack it came from): the first and the last of each stack."""

    # ---- finding

    def seeded(self, index: int) -> Chain:
        """The chain of the population's grant number `index`; made on first sight."""
        grant = self._population.grants[index]
        known = self.chains.get(grant.name)
        if known is not None:
            return known
        newest = grant.generations - 1
        chain = Chain(grant.name, self.clients[grant.client_id], grant.subject, index=index, gen=newest,
                      born_s=0.0)
        if newest >= 0:  # a code never redeemed has no tokens
            chain.refresh[newest] = self._minter.refresh(grant, newest)
        self._add(chain)
        return chain

    def subject(self, index: int) -> str:
        """The subject of the population's grant number `index`."""
        return str(self._population.grants[index].subject)

    def seeded_access(self, chain: Chain) -> str | None:
        """The seeded access token of a seeded chain (mostly expired), if it was never refreshed."""
        if chain.index is None or chain.access is not None or chain.gen != chain.snapshot_gen:
            return None
        return self._minter.access(self._population.grants[chain.index], chain.gen)

    def new(self, name: str, client: Client, subject: str, now_s: float) -> Chain:
        """A grant made in the run, before it has tokens."""
        chain = Chain(name, client, subject, index=None, gen=-1, born_s=now_s)
        self._add(chain)
        return chain

    def of(self, subject: str, client_id: str | None = None) -> list[Chain]:
        """Every known chain of a subject (with one client) that is not yet over."""
        return [chain for chain in self._of_subject.get(subject, ())
                if (client_id is None or chain.client.client_id == client_id)
                and chain.state not in ("revoked", "dead")]

    def live(self) -> Iterator[Chain]:
        """Chains that are usable for sure."""
        return (chain for chain in self.chains.values() if chain.usable() and chain.gen >= 0)

    def known_revoked(self) -> list[Chain]:
        """Chains whose revocation was acknowledged, in that order."""
        return self._revoked

    def signatures(self) -> dict[str, str]:
        """Refresh-token signature → grant name, of every grant made in the run."""
        return self._signatures

    def owners(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """(subject, client) of grants that are known."""
        known = (self.chains[name] for name in names if name in self.chains)
        return sorted({(chain.subject, chain.client.client_id) for chain in known})

    def pick(self, number: int, now_s: float) -> Token | None:
        """A live access token, chosen by a number of the plan; None if there is none."""
        while self._pool:
            token = self._pool[number % len(self._pool)]
            if token.expires_s - now_s >= MARGIN_S and token.chain.state == "live":
                return token
            self._drop(token)
        return None

    def latest(self, now_s: float) -> Token | None:
        """The access token that was issued last, if it lives and nobody has begun to replace it."""
        token = self._latest
        if token is None or token.at < 0 or token.expires_s - now_s < MARGIN_S or token.chain.state != "live":
            return None
        return token

    # ---- what answers say

    def issued(self, chain: Chain, answer: Answer, sent_s: float) -> None:
        """A token answer: the chain has a new generation."""
        body = answer.body
        chain.gen += 1
        if isinstance(refresh := body.get("refresh_token"), str):
            chain.refresh[chain.gen] = refresh
            if chain.index is None:
                self._signatures[signature(refresh)] = chain.name
        if chain.access is not None:
            self._drop(chain.access)
        chain.access = Token(str(body["access_token"]), chain, chain.gen,
                             sent_s + float(body.get("expires_in") or 0.0))
        if isinstance(id_token := body.get("id_token"), str):
            self._keep_id_token(chain.name, id_token, answer.route)
        if chain.state not in ("revoked", "revoking"):
            self._live(chain)

    def refreshing(self, chain: Chain) -> None:
        """A refresh is about to be sent: until its answer nobody knows which token counts."""
        chain.state = "busy"
        if chain.access is not None:
            self._drop(chain.access)

    def not_done(self, chain: Chain) -> None:
        """What was tried surely did not happen: the chain is as it was."""
        self._live(chain)

    def unknown(self, chain: Chain) -> None:
        """A refresh or revoke had no answer: the chain's state is uncertain from now on."""
        if chain.state != "revoked":
            chain.state = "uncertain"

    def refused(self, chain: Chain) -> None:
        """Hydra refused the chain's newest token: it is over."""
        if chain.state not in ("revoked", "revoking"):
            chain.state = "dead"

    def revoking(self, chains: list[Chain]) -> None:
        """A revocation of these is about to be sent."""
        for chain in chains:
            chain.state = "revoking"
            if chain.access is not None:
                self._drop(chain.access)

    def revoked(self, chains: list[Chain], kind: str, now_s: float) -> None:
        """A revocation was acknowledged."""
        for chain in chains:
            chain.state, chain.kind, chain.revoked_s = "revoked", kind, now_s
            self._revoked.append(chain)

    def snapshot(self) -> None:
        """The copy's data is fixed now: remember what each chain's newest generation is."""
        for chain in self.chains.values():
            if chain.state not in ("revoked", "dead"):
                chain.snapshot_gen = chain.gen if chain.gen >= 0 or chain.code else None

    def stateless(self, name: str, client: Client, answer: Answer, sent_s: float) -> Token:
        """A service's token: a chain of one generation, forgotten when it expires."""
        chain = Chain(name, client, client.client_id, index=None, gen=0, born_s=sent_s)
        chain.access = Token(str(answer.body["access_token"]), chain, 0,
                             sent_s + float(answer.body.get("expires_in") or 0.0))
        self._put(chain.access)
        return chain.access

    # ---- inside

    def _add(self, chain: Chain) -> None:
        self.chains[chain.name] = chain
        self._of_subject.setdefault(chain.subject, []).append(chain)

    def _live(self, chain: Chain) -> None:
        chain.state = "live"
        if chain.access is not None and chain.access.at < 0:
            self._put(chain.access)

    def _put(self, token: Token) -> None:
        token.at = len(self._pool)
        self._pool.append(token)
        self._latest = token

    def _drop(self, token: Token) -> None:
        """Take a token out of the pool; the last one takes its place."""
        if token.at < 0:
            return
        last = self._pool.pop()
        if last is not token:
            self._pool[token.at], last.at = last, token.at
        token.at = -1

    def _keep_id_token(self, grant: str, id_token: str, route: str | None) -> None:
        mine = [kept for kept in self.id_tokens if kept[2] == route]
        if len(mine) >= 2:
            self.id_tokens.remove(mine[-1])
        self.id_tokens.append((grant, id_token, route))


def secret_hash(body: dict[str, Any], key: str) -> str | None:
    """The history's name of a token in an answer; None if there is none."""
    value = body.get(key)
    return token_hash(value) if isinstance(value, str) else None
