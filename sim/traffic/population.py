"""Who there is: clients, people and the grants between them, all fixed by a seed.

Pure: the same seed gives the same population in every process, whatever its hash seed. Faker
makes one pool of identities and is not asked again; 200,000 grants are a few packed arrays,
and a `Grant` is made when it is looked at. No token is in here: `sim.traffic.minting` derives
them, `sim.rigs.real.seed` writes both into blue's database.

    population = Population.draw(10, 20_000, {"web": 40, "cli": 20, "mcp": 20, "service": 20})
    grant = population.grants[7]
    population.live_grants_by_kind()["mcp"]     # indexes into population.grants
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import accumulate
from random import Random
from typing import Final, Literal, NamedTuple, overload

import msgspec

from sim.rigs.rig import Client
from sim.traffic.identities import Identity, draw_identities

Kind = Literal["web", "cli", "mcp", "service"]
State = Literal["live", "expired", "revoked", "code", "abandoned"]
"""live: its newest refresh token is good. expired: its refresh token ran out, the rows are
still there. revoked: its token or its consent was taken back. code: consent given, code never
redeemed. abandoned: the person went away before there was a code."""

LeftAt = Literal["login", "consent", "return"]
"""Where somebody went away: the login page, the consent page, or after it, on the way back."""
RevokedBy = Literal["token", "consent"]
"""token: its refresh rows are inactive, its consent is as it was. consent: no row is left but
the login's. Source: the rows that 1.11.10 itself left (tests/real/test_seed.py)."""

KINDS: Final[tuple[Kind, ...]] = ("web", "cli", "mcp", "service")
STATES: Final[tuple[State, ...]] = ("live", "expired", "revoked", "code", "abandoned")

STATE_SHARES: Final[dict[State, float]] = {
    "live": 0.83, "expired": 0.06, "revoked": 0.05, "code": 0.02, "abandoned": 0.04}
"""Assumption: most of a provider's grants live; what died stays in the tables, because nobody
runs the janitor while a migration is being prepared."""
KIND_SHARES: Final[dict[Kind, float]] = {"web": 0.50, "cli": 0.25, "mcp": 0.25}
"""Assumption: half of the grants are browser apps'; services have no users."""
LOGGED_OUT: Final = 0.03
"""Assumption: share of people whose browser session was ended while their offline grants live on;
Hydra 1.x then has consents without a login (HYDRA section 3, class 3)."""
LOGIN_REMEMBERED: Final = 0.70
"""Assumption: share of logins with "stay signed in"."""
CONSENT_REMEMBERED: Final = 0.60
"""Assumption: share of consents with "don't ask again"."""
SAME_BROWSER: Final = 0.60
"""Assumption: share of further grants that a remembered browser session spares the login."""
SAME_CLIENT: Final = 0.25
"""Assumption: share of further grants that go to a client that already has one."""
MORE_GRANTS: Final = 0.55
"""Assumption: chance of one more grant for the same person: 2.2 on average."""
MORE_GENERATIONS: Final = 0.60
"""Assumption: chance of one more refresh: a chain has 2.4 generations on average."""
GAP: Final = 0.05
"""Assumption: refresh lifetimes between two refreshes of a chain, on average half of it."""
MOST_GRANTS, MOST_GENERATIONS = 12, 8
"""Assumption: bounds of the two tails."""
IN_USE: Final = 0.10
"""Assumption: share of live grants whose access token has not run out when blue is loaded."""
OPENID: Final[dict[Kind, float]] = {"web": 1.0, "cli": 0.5, "mcp": 0.0}
"""Assumption: share of grants with an ID token; browser apps log people in, agents don't."""
LEFT_AT: Final[dict[LeftAt, float]] = {"login": 0.60, "consent": 0.35, "return": 0.05}
"""Assumption: most who leave do so at the login page."""
REVOKED_BY: Final[dict[RevokedBy, float]] = {"token": 0.60, "consent": 0.40}
"""Assumption: apps sign out by token more often than people take back consents."""
OLDEST, EXPIRED_FROM, EXPIRED_TO = 0.90, 1.05, 1.60
"""Assumption: ages in refresh lifetimes: live grants were used within 0.9 of one, so that none
dies in a run or in a day of lying in the cache; expired ones ran out not long ago."""
SERVICE_TOKENS: Final = 0.05
"""Assumption: access tokens of services in the tables, by grant."""

SCOPES: Final[dict[Kind, str]] = {
    "web": "openid offline profile email",
    "cli": "openid offline api.read api.write",
    "mcp": "offline tools.read tools.call",
    "service": "api.read api.write",
}
"""What a client may ask for, blank-separated; `offline` gives the refresh token."""


class Grant(msgspec.Struct, frozen=True, gc=False):
    """One person's grant to one client, as it stands when blue is loaded."""

    index: int
    """Place in `Population.grants`."""
    name: str
    """Its request_id = consent challenge; 32 hex digits."""
    subject: str
    client_id: str
    kind: Kind
    """The client's kind; never `service`."""
    state: State
    generations: int
    """How many refresh tokens its chain has had: generations 0 … n-1, the newest active if live."""
    remembered: bool
    """The consent was given with "don't ask again"."""
    consent_skipped: bool
    """The consent page was not shown: an earlier remembered consent to this client held."""
    login_remembered: bool
    """The browser session was to be kept."""
    login_skipped: bool
    """The login page was not shown: a remembered browser session held."""
    logged_out: bool
    """Its browser session is gone, so its consent has no login any more (class 3)."""
    openid: bool
    """An ID token was asked for."""
    in_use: bool
    """Its access token has not run out when blue is loaded."""
    left_at: LeftAt | None
    """Only of `abandoned`."""
    revoked_by: RevokedBy | None
    """Only of `revoked`."""
    session: int
    """Index of the grant whose login began the browser session this one used."""
    age: float
    """How long ago its newest tokens were issued, in refresh lifetimes; if `in_use`, in access
    lifetimes (of a code: in code lifetimes)."""
    span: float
    """How much earlier its first tokens were issued, in refresh lifetimes."""

    @property
    def scope(self) -> str:
        """What was granted, blank-separated."""
        granted = SCOPES[self.kind]
        return granted if self.openid else granted.removeprefix("openid ")


_REMEMBERED, _CONSENT_SKIPPED, _LOGIN_REMEMBERED, _LOGIN_SKIPPED, _LOGGED_OUT, _OPENID, _IN_USE = (
    1 << bit for bit in range(7))
_LEFT_AT: Final = tuple(LEFT_AT)
_REVOKED_BY: Final = tuple(REVOKED_BY)


class Grants(Sequence[Grant]):
    """All grants, packed; indexing makes a `Grant`. About 25 bytes each."""

    def __init__(self, seed: int, clients: list[Client], people: list[Identity]) -> None:
        self._seed, self._clients, self._people = seed, clients, people
        self.client = array("H")
        self.person = array("I")
        self.state = array("B")
        self.generations = array("B")
        self.flags = array("B")
        self.session = array("I")
        self.way = array("B")
        """Place in LEFT_AT or REVOKED_BY; 0 for other states."""
        self.age = array("f")
        self.span = array("f")

    def __len__(self) -> int:
        return len(self.state)

    @overload
    def __getitem__(self, index: int) -> Grant: ...
    @overload
    def __getitem__(self, index: slice) -> list[Grant]: ...
    def __getitem__(self, index: int | slice) -> Grant | list[Grant]:
        if isinstance(index, slice):
            return [self[n] for n in range(*index.indices(len(self)))]
        n = index + len(self) if index < 0 else index
        flags, client = self.flags[n], self._clients[self.client[n]]
        state, way = STATES[self.state[n]], self.way[n]
        return Grant(
            index=n, name=self.name(n), subject=self.subject(n), client_id=client.client_id, kind=client.kind,
            state=state, generations=self.generations[n],
            remembered=bool(flags & _REMEMBERED), consent_skipped=bool(flags & _CONSENT_SKIPPED),
            login_remembered=bool(flags & _LOGIN_REMEMBERED), login_skipped=bool(flags & _LOGIN_SKIPPED),
            logged_out=bool(flags & _LOGGED_OUT), openid=bool(flags & _OPENID), in_use=bool(flags & _IN_USE),
            left_at=_LEFT_AT[way] if state == "abandoned" else None,
            revoked_by=_REVOKED_BY[way] if state == "revoked" else None,
            session=self.session[n], age=self.age[n], span=self.span[n])

    def __iter__(self) -> Iterator[Grant]:
        return (self[n] for n in range(len(self)))

    def name(self, n: int) -> str:
        """The request_id of grant number `n`."""
        return identifier(self._seed, "grant", n)

    def subject(self, n: int) -> str:
        """The subject of grant number `n`: a user name of the pool, made unique by a number."""
        person = self.person[n]
        return f"{self._people[person % len(self._people)].user_name}.{person}"

    def feed(self, update: Callable[[bytes], None]) -> None:
        """Give everything the grants consist of to `update`."""
        update(msgspec.json.encode(self._people))
        for packed in (self.client, self.person, self.state, self.generations, self.flags, self.way, self.session,
                       self.age, self.span):
            update(packed.tobytes())

    def identity(self, n: int) -> Identity:
        """Who gave grant number `n`: the claims of their ID token."""
        return self._people[self.person[n] % len(self._people)]


class Population:
    """Clients, people and grants of one seed. Made by `draw`; never changed afterwards."""

    def __init__(self, seed: int, clients: list[Client], grants: Grants) -> None:
        self.seed = seed
        self.clients = clients
        self.grants = grants
        self.service_tokens = round(len(grants) * SERVICE_TOKENS) if self.of_kind("service") else 0
        """Access tokens that services got by themselves: rows without a person or a grant."""

    @staticmethod
    def draw(seed: int, grants: int, clients: Mapping[str, int]) -> Population:
        """The population of a seed: `grants` grants to `clients` = {kind: how many}.

        Raises ValueError if no client could have a user.
        """
        registered = draw_clients(seed, clients)
        if not any(client.kind != "service" for client in registered):
            raise ValueError("no client has users: web, cli and mcp are all 0")
        people = draw_identities(rng(seed, "identities"))
        packed = Grants(seed, registered, people)
        _Drawing(seed, packed, registered).fill(grants)
        return Population(seed, registered, packed)

    def of_kind(self, kind: str) -> list[Client]:
        """The clients of a kind."""
        return [client for client in self.clients if client.kind == kind]

    def client(self, client_id: str) -> Client:
        """A client by its id; raises KeyError."""
        for client in self.clients:
            if client.client_id == client_id:
                return client
        raise KeyError(client_id)

    def live_grants_by_kind(self) -> dict[Kind, list[int]]:
        """Indexes of the live grants by their client's kind."""
        found: dict[Kind, list[int]] = {"web": [], "cli": [], "mcp": []}
        live, grants = STATES.index("live"), self.grants
        kinds = [client.kind for client in self.clients]
        for n, state in enumerate(grants.state):
            if state == live:
                found[kinds[grants.client[n]]].append(n)
        return found

    def fingerprint(self) -> str:
        """16 hex digits of all of it: two populations with the same one are the same."""
        digest = sha256(f"{self.seed}|{self.service_tokens}".encode())
        digest.update(msgspec.json.encode(self.clients))
        self.grants.feed(digest.update)
        return digest.hexdigest()[:16]

    def people(self) -> int:
        """How many different subjects there are."""
        return self.grants.person[-1] + 1 if len(self.grants) else 0


class _Life(NamedTuple):
    state: State
    in_use: bool
    age: float

    def order(self) -> tuple[bool, float]:
        """Sorts the oldest first."""
        return self.in_use, -self.age


class _Drawing:
    """Draws grants person by person: who logs in again meets what they left before."""

    def __init__(self, seed: int, grants: Grants, clients: list[Client]) -> None:
        self._grants = grants
        self._clients = clients
        self._random = rng(seed, "grants")
        self._of_kind = {kind: [n for n, client in enumerate(clients) if client.kind == kind] for kind in KIND_SHARES}
        self._kinds = [kind for kind in KIND_SHARES if self._of_kind[kind]]
        self._kind_bounds = list(accumulate(KIND_SHARES[kind] for kind in self._kinds))
        # Assumption: a few clients have most of the users (weight 1/rank).
        self._client_bounds = {kind: list(accumulate(1 / rank for rank in range(1, len(found) + 1)))
                               for kind, found in self._of_kind.items()}
        self._state_bounds = list(accumulate(STATE_SHARES.values()))

    def fill(self, count: int) -> None:
        person = 0
        while len(self._grants) < count:
            self._one_person(person, min(self._tail(MORE_GRANTS, MOST_GRANTS), count - len(self._grants)))
            person += 1

    def _one_person(self, person: int, count: int) -> None:
        random, grants = self._random.random, self._grants
        # Oldest first, so that who skips a login has met it before.
        lives = sorted((self._one_life() for _ in range(count)), key=_Life.order)
        logged_out = random() < LOGGED_OUT
        session: int | None = None
        remembered_by: set[int] = set()
        mine: list[int] = []
        began = lives[0].age + 1.0
        for life in lives:
            n = len(grants)
            client = mine[int(random() * len(mine))] if mine and random() < SAME_CLIENT else self._any_client()
            mine.append(client)
            left, revoked = life.state == "abandoned", life.state == "revoked"
            flags, own, way = 0, n, self._way(life.state)
            at_login = left and _LEFT_AT[way] == "login"
            if session is not None and not at_login and random() < SAME_BROWSER:
                flags, own = _LOGIN_SKIPPED | _LOGIN_REMEMBERED, session
            elif not at_login and random() < LOGIN_REMEMBERED:
                flags, session = _LOGIN_REMEMBERED, n
            if not left and client in remembered_by:
                flags |= _CONSENT_SKIPPED | _REMEMBERED
            elif not left and random() < CONSENT_REMEMBERED:
                flags |= _REMEMBERED
                if not revoked:
                    remembered_by.add(client)
            if random() < OPENID.get(self._clients[client].kind, 0.0):
                flags |= _OPENID
            if life.in_use:
                flags |= _IN_USE
            if logged_out and not at_login:
                flags |= _LOGGED_OUT
            has_chain = life.state in ("live", "expired", "revoked")
            generations = self._tail(MORE_GENERATIONS, MOST_GENERATIONS) if has_chain else 0
            ago = 0.0 if life.in_use else life.age
            span = min(random() * (generations - 1) * GAP, began - ago) if generations > 1 else 0.0
            began = ago + span
            grants.client.append(client)
            grants.person.append(person)
            grants.state.append(STATES.index(life.state))
            grants.generations.append(generations)
            grants.flags.append(flags)
            grants.way.append(way)
            grants.session.append(own)
            grants.age.append(life.age)
            grants.span.append(span)

    def _one_life(self) -> _Life:
        random = self._random.random
        state = STATES[_pick(self._state_bounds, random())]
        in_use = state in ("live", "code") and random() < IN_USE
        age = random()
        if state == "expired":
            age = EXPIRED_FROM + age * (EXPIRED_TO - EXPIRED_FROM)
        elif not in_use:
            age *= OLDEST
        return _Life(state, in_use, age)

    def _way(self, state: State) -> int:
        shares = {"abandoned": LEFT_AT.values(), "revoked": REVOKED_BY.values()}.get(state)
        return _pick(list(accumulate(shares)), self._random.random()) if shares is not None else 0

    def _any_client(self) -> int:
        kind = self._kinds[_pick(self._kind_bounds, self._random.random())]
        return self._of_kind[kind][_pick(self._client_bounds[kind], self._random.random())]

    def _tail(self, more: float, most: int) -> int:
        """1, 2, 3 … with chance `more` of going on, at most `most`."""
        n = 1
        while n < most and self._random.random() < more:
            n += 1
        return n


def draw_clients(seed: int, counts: Mapping[str, int]) -> list[Client]:
    """Clients by kind, in a fixed order; web and service have a secret, cli and mcp are public.

    Raises ValueError for an unknown kind.
    """
    unknown = set(counts) - set(KINDS)
    if unknown:
        raise ValueError(f"unknown kinds of clients: {', '.join(sorted(unknown))}")
    made = []
    for kind in KINDS:
        for n in range(1, counts.get(kind, 0) + 1):
            confidential = kind in ("web", "service")
            secret = sha256(f"{seed}|client|{kind}|{n}|secret".encode()).hexdigest()[:32] if confidential else None
            redirect = "" if kind == "service" else f"https://{kind}-{n}.client.rehearse.test/callback"
            made.append(Client(f"{kind}-{n}", kind, redirect, secret, SCOPES[kind]))
    return made


def rng(seed: int, purpose: str) -> Random:
    """The generator of one purpose of a seed; no builtin hash, so the same in every process."""
    return Random(int.from_bytes(sha256(f"{seed}|population|{purpose}".encode()).digest()[:16], "big"))


def identifier(seed: int, purpose: str, n: int) -> str:
    """32 hex digits, as Hydra's challenges have them; the same for the same arguments."""
    return sha256(f"{seed}|{purpose}|{n}".encode()).hexdigest()[:32]


def _pick(bounds: list[float], number: float) -> int:
    """The place of `number` (0 … 1) among cumulated weights."""
    return min(bisect_right(bounds, number * bounds[-1]), len(bounds) - 1)
