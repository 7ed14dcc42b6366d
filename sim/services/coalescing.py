"""Coalescing: a refresh and its retries are one exchange with Hydra.

From 1.10 on Hydra kills a whole chain when a rotated refresh token comes again, and a client
whose answer was lost can't help but retry. So the edge joins equal refreshes under way and
keeps the answer for a short time. The rules are in `Coalescing`, without I/O; `Coalescer`
adds the task that talks to Hydra and outlives the client, and asks the other edges' answers
where they are shared.

A kept answer holds tokens: it lives in this process's memory only, for `keep_s` (and sealed in
the queue's, if shared). What finds it knows tokens and people by their digests.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from math import ceil
from typing import Any, Literal

from sim.services import planted
from sim.services.forms import asking_client
from sim.services.shared_answers import SharedAnswers
from sim.services.upstream import Reply

NAMING_S = 0.2
"""Assumption: who is behind a token is read by index within milliseconds; a revocation waits no longer for it."""
ENTRIES_MAX = 4096
"""Assumption: 400 refreshes/s kept for 10 s; some 3 kB each, so 12 MB at most."""

_AUTHENTICATION = ("client_id", "client_secret", "client_assertion", "client_assertion_type")


def coalescing_key(authorization: str | None, form: dict[str, str], epoch: int) -> bytes:
    """Names an exchange: client with its authentication material, token, scope, audience, route epoch."""
    parts = [authorization or "", *(form.get(name, "") for name in _AUTHENTICATION), form["refresh_token"],
             " ".join(sorted(form.get("scope", "").split())), form.get("audience", ""), str(epoch)]
    if planted.on("coalesce-across-clients"):
        parts = parts[-3:]
    return sha256(b"".join(b"%d:%b" % (len(raw), raw) for raw in (part.encode() for part in parts))).digest()


def digest(text: str) -> str:
    """A token or a person by name, without saying it."""
    return sha256(text.encode()).hexdigest()


@dataclass(slots=True, eq=False)
class Entry:
    """One exchange: under way while `kept_until_s` is None, then kept until that instant.

    `presented`, `access`, `refresh` and `subject` are digests.
    """

    key: bytes
    client: str
    presented: str = field(repr=False)
    exchange: asyncio.Future[Reply] | None = field(default=None, repr=False)
    access: str = field(default="", repr=False)
    refresh: str = field(default="", repr=False)
    subject: str | None = None
    """Whose tokens, as the ID token says or the rows do; None as long as nobody has said it."""
    kept_until_s: float | None = None
    theirs: bool = False
    """Another edge's exchange gave the answer."""
    answered_s: float = 0.0
    """When Hydra gave it."""
    naming: asyncio.Task[None] | None = field(default=None, repr=False)
    """Finds out whose tokens they are."""


@dataclass(frozen=True, slots=True)
class Void:
    """Why answers are void. Tokens and people are digests, so other edges may be told."""

    kind: Literal["presented", "token", "subject", "switch"]
    token: str = ""
    client: str = ""
    """Empty: of any client."""
    subject: str = ""


def presented(refresh_token: str) -> Void:
    """A refresh token is presented: whoever holds it has the answer it came in."""
    return Void("presented", token=digest(refresh_token))


def token_revoked(token: str, client: str, subject: str | None = None) -> Void:
    """`client` revokes a token of `subject`: what presented or answered it is void, and their exchanges under way.

    The token may be of another generation of the chain under way; without `subject` everybody's at that client.
    """
    return Void("token", token=digest(token), client=client, subject=digest(subject) if subject else "")


def subject_revoked(subject: str, client: str | None) -> Void:
    """All of `subject` is revoked (at `client` alone if given): its entries are void, and all of unknown subject."""
    return Void("subject", subject=digest(subject), client=client or "")


SWITCHED = Void("switch")
"""The route changed: everything is void."""


class Coalescing:
    """Which exchange answers which refresh. Pure: time is an argument, nothing waits.

    Invariants: a key has at most one entry; what is void is not found again; a kept entry has an
    answer with status 200 and a successor.
    """

    def __init__(self, *, keep_s: float, entries_max: int = ENTRIES_MAX) -> None:
        self._keep_s, self._entries_max = keep_s, entries_max
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()
        self._by_token: dict[str, set[bytes]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, key: bytes, now_s: float) -> Entry | None:
        """The entry that may answer `key` now."""
        entry = self._entries.get(key)
        if entry is not None and entry.kept_until_s is not None and entry.kept_until_s <= now_s:
            self._drop(entry)
            return None
        return entry

    def begin(self, key: bytes, *, client: str, presented: str, now_s: float) -> Entry:
        """An exchange starts; the oldest kept ones go if there are too many."""
        self._expire(now_s)
        entry = Entry(key, client, digest(presented))
        self._entries[key] = entry
        self._index(entry.presented, key)
        return entry

    def settle(self, entry: Entry, status: int, body: bytes, now_s: float) -> bool:
        """The exchange has its answer: keep a 200 with a successor, forget everything else. True if it is kept.

        A refusal is not kept either: Hydra says invalid_client also when its database stumbles.
        """
        if self._entries.get(entry.key) is not entry:
            return False  # void since
        tokens = _tokens(body) if status == 200 else None
        if tokens is None or self._keep_s <= 0:
            self._drop(entry)
            return False
        access, refresh, subject = tokens
        entry.access, entry.refresh = digest(access), digest(refresh)
        if subject is not None:
            entry.subject = digest(subject)
        entry.kept_until_s = now_s + self._keep_s
        self._index(entry.access, entry.key)
        self._index(entry.refresh, entry.key)
        self._entries.move_to_end(entry.key)
        return True

    def unnamed(self) -> list[Entry]:
        """Entries of which nobody has said yet whose tokens they hold."""
        return [entry for entry in self._entries.values() if entry.subject is None]

    def name(self, entry: Entry, subject: str) -> None:
        """Somebody has said whose tokens an entry holds: others' revocations void it no more."""
        if self._entries.get(entry.key) is entry:
            entry.subject = digest(subject)

    def fail(self, entry: Entry) -> None:
        """The exchange was lost: nobody knows, so nothing is kept."""
        if self._entries.get(entry.key) is entry:
            self._drop(entry)

    def void(self, what: Void) -> list[bytes]:
        """Forget every answer that `what` makes void; their keys."""
        dropped = self._voided(what)
        for entry in dropped:
            self._drop(entry)
        return [entry.key for entry in dropped]

    def _voided(self, what: Void) -> list[Entry]:
        entries = list(self._entries.values())
        if what.kind == "switch":
            return entries
        if what.kind == "presented":
            return [entry for entry in self._holding(what.token) if entry.refresh == what.token]
        if what.kind == "token":
            held = self._holding(what.token)
            return [*held, *(e for e in entries if e.kept_until_s is None and e.client == what.client
                             and (not what.subject or e.subject in (None, what.subject)) and e not in held)]
        return [e for e in entries if e.subject in (None, what.subject) and what.client in ("", e.client)]

    def _holding(self, token: str) -> list[Entry]:
        return [self._entries[key] for key in self._by_token.get(token, ())]

    def _index(self, token: str, key: bytes) -> None:
        if token:
            self._by_token.setdefault(token, set()).add(key)

    def _drop(self, entry: Entry) -> None:
        del self._entries[entry.key]
        for token in {entry.presented, entry.access, entry.refresh} - {""}:
            keys = self._by_token[token]
            keys.discard(entry.key)
            if not keys:
                del self._by_token[token]

    def _expire(self, now_s: float) -> None:
        while self._entries:
            entry = next(iter(self._entries.values()))
            is_old = entry.kept_until_s is not None and entry.kept_until_s <= now_s
            if not is_old and len(self._entries) < self._entries_max:
                return
            self._drop(entry)


def _tokens(body: bytes) -> tuple[str, str, str | None] | None:
    """(access, refresh, subject) of a token answer; None if it has no successor."""
    try:
        answer: Any = json.loads(body)
        access, refresh = answer["access_token"], answer["refresh_token"]
    except (ValueError, KeyError, TypeError):
        return None
    if not (isinstance(access, str) and isinstance(refresh, str) and refresh):
        return None
    return access, refresh, _subject(answer.get("id_token"))


def aged(reply: Reply, age_s: float) -> Reply:
    """A kept answer as it must be given out now: its access token lives `age_s` seconds less than it said."""
    try:
        answer: Any = json.loads(reply.body)
        lives_s = answer["expires_in"]
    except (ValueError, KeyError, TypeError):
        return reply
    if not isinstance(lives_s, int) or age_s < 1:
        return reply
    return replace(reply, body=json.dumps({**answer, "expires_in": max(0, lives_s - ceil(age_s))}).encode())


def _subject(id_token: object) -> str | None:
    """`sub` of an ID token that Hydra just gave us; not verified, it only narrows what is void."""
    if not isinstance(id_token, str) or id_token.count(".") != 2:
        return None
    payload = id_token.split(".")[1]
    try:
        subject = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"]
    except (ValueError, KeyError, TypeError):
        return None
    return subject if isinstance(subject, str) else None


Whose = Callable[[str], Awaitable[str | None]]
"""Refresh token → the person it stands for; None if nobody can say."""


async def _nobody(_: str) -> str | None:
    return None


class Coalescer:
    """Runs the exchanges of `Coalescing`. Owned by the edge; only touched from its loop."""

    def __init__(self, *, keep_s: float, clock: Callable[[], float] = time.monotonic,
                 shared: SharedAnswers | None = None) -> None:
        self.rules = Coalescing(keep_s=keep_s)
        self._clock, self._shared = clock, shared
        self._under_way: set[asyncio.Task[None]] = set()
        self.joined = 0
        """How many refreshes were answered by another one's exchange."""
        if shared is not None:
            shared.on_void = self._told

    async def refresh(self, authorization: str | None, form: dict[str, str], epoch: int,
                      exchange: Callable[[], Awaitable[Reply]], whose: Whose = _nobody,
                      joins: Callable[[], None] = lambda: None) -> tuple[Reply, bool]:
        """The answer to one refresh, and whether another request's exchange gave it.

        `exchange` is started at most once per entry, as a task of its own. `whose` is asked for the person
        behind a new refresh token if the answer has no ID token. `joins` is called before a wait for another
        request's exchange, which may yet fail. Raises what `exchange` raises.
        """
        await self.void(presented(form["refresh_token"]))
        now_s = self._clock()
        key = coalescing_key(authorization, form, epoch)
        entry = self.rules.find(key, now_s)
        is_joined = entry is not None
        if entry is None:
            entry = self.rules.begin(key, client=asking_client(authorization, form),
                                     presented=form["refresh_token"], now_s=now_s)
            entry.exchange = asyncio.get_running_loop().create_future()
            entry.exchange.add_done_callback(_seen)
            entry.naming = self._start(self._name(entry, form["refresh_token"], whose))
            self._start(self._run(entry, exchange))
        assert entry.exchange is not None
        if is_joined:
            joins()
        reply = await asyncio.shield(entry.exchange)
        if not (is_joined or entry.theirs):
            return reply, False
        self.joined += 1
        return aged(reply, self._clock() - entry.answered_s), True

    async def void(self, what: Void) -> None:
        """Forget what is void, here and at the other edges."""
        dropped = await self._voided(what)
        if self._shared is not None:
            await self._shared.void(asdict(what), dropped)

    async def _told(self, told: dict[str, str]) -> list[bytes]:
        """Another edge says what is void; the keys that this one drops."""
        return await self._voided(Void(**told))  # type: ignore[arg-type]  # an edge's own words

    async def _voided(self, what: Void) -> list[bytes]:
        """A revocation waits until it is known whose tokens are under way: it is to void nobody else's."""
        naming = [e.naming for e in self.rules.unnamed() if e.naming is not None and not e.naming.done()]
        if what.kind in ("token", "subject") and naming:
            await asyncio.wait(naming, timeout=NAMING_S)
        return self.rules.void(what)

    async def _name(self, entry: Entry, presented: str, whose: Whose) -> None:
        """By the presented token, or by the new one if Hydra was quicker."""
        assert entry.exchange is not None
        subject = await whose(presented)
        if subject is None:
            with contextlib.suppress(Exception):  # a lost exchange is `_run`'s to tell
                tokens = _tokens((await asyncio.shield(entry.exchange)).body)
                subject = await whose(tokens[1]) if tokens is not None else None
        if subject:
            self.rules.name(entry, subject)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def _run(self, entry: Entry, exchange: Callable[[], Awaitable[Reply]]) -> None:
        assert entry.exchange is not None
        try:
            if self._shared is None:
                reply = await exchange()
                entry.answered_s = self._clock()
            else:
                reply, age_s = await self._shared.once(entry.key, exchange)
                entry.theirs, entry.answered_s = age_s is not None, self._clock() - (age_s or 0.0)
        except BaseException as error:
            if not planted.on("keep-failure"):
                self.rules.fail(entry)
            if isinstance(error, Exception):
                entry.exchange.set_exception(error)
                return
            entry.exchange.cancel()
            raise
        is_kept = self.rules.settle(entry, reply.status, reply.body, self._clock())
        entry.exchange.set_result(reply)
        if self._shared is not None and not is_kept:
            await self._shared.forget(entry.key)

    async def close(self) -> None:
        """Cancel what is still under way."""
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)


def _seen(future: asyncio.Future[Reply]) -> None:
    """Every client may have gone: an exception nobody fetched is no news for the log."""
    if not future.cancelled():
        future.exception()
