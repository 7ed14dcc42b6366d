"""Coalescing: a refresh and its retries are one exchange with Hydra.

From 1.10 on Hydra kills a whole chain when a rotated refresh token comes again, and a client
whose answer was lost can't help but retry. So the edge joins equal refreshes under way and
keeps the answer for a short time. The rules are in `Coalescing`, without I/O; `Coalescer`
adds the task that talks to Hydra and outlives the client.

A kept answer holds tokens: it lives in this process's memory only, for `keep_s`.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from sim.services import planted
from sim.services.forms import asking_client
from sim.services.upstream import Reply

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


@dataclass(slots=True, eq=False)
class Entry:
    """One exchange: under way while `kept_until_s` is None, then kept until that instant."""

    key: bytes
    client: str
    presented: str = field(repr=False)
    exchange: asyncio.Future[Reply] | None = field(default=None, repr=False)
    access: str = field(default="", repr=False)
    refresh: str = field(default="", repr=False)
    subject: str | None = None
    """Whose tokens, as the ID token says; None if there was none."""
    kept_until_s: float | None = None


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
        entry = Entry(key, client, presented)
        self._entries[key] = entry
        self._index(presented, key)
        return entry

    def settle(self, entry: Entry, status: int, body: bytes, now_s: float) -> None:
        """The exchange has its answer: keep a 200 with a successor, forget everything else.

        A refusal is not kept either: Hydra says invalid_client also when its database stumbles.
        """
        if self._entries.get(entry.key) is not entry:
            return  # void since
        tokens = _tokens(body) if status == 200 else None
        if tokens is None or self._keep_s <= 0:
            self._drop(entry)
            return
        entry.access, entry.refresh, entry.subject = tokens
        entry.kept_until_s = now_s + self._keep_s
        self._index(entry.access, entry.key)
        self._index(entry.refresh, entry.key)
        self._entries.move_to_end(entry.key)

    def fail(self, entry: Entry) -> None:
        """The exchange was lost: nobody knows, so nothing is kept."""
        if self._entries.get(entry.key) is entry:
            self._drop(entry)

    def present(self, refresh_token: str) -> None:
        """A refresh token is presented: whoever holds it has the answer it came in, that one is void."""
        for entry in self._holding(refresh_token):
            if entry.refresh == refresh_token:
                self._drop(entry)

    def revoke_token(self, token: str, client: str) -> None:
        """`client` revokes `token`: void what presented or answered it, and its exchanges under way."""
        for entry in self._holding(token):
            self._drop(entry)
        for entry in [e for e in self._entries.values() if e.kept_until_s is None and e.client == client]:
            self._drop(entry)

    def revoke_subject(self, subject: str, client: str | None) -> None:
        """All of `subject` is revoked (at `client` alone if given): void its entries and all of unknown subject."""
        for entry in [e for e in self._entries.values()
                      if e.subject in (None, subject) and client in (None, e.client)]:
            self._drop(entry)

    def switch(self) -> None:
        """The route changed: everything is void."""
        self._entries.clear()
        self._by_token.clear()

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


class Coalescer:
    """Runs the exchanges of `Coalescing`. Owned by the edge; only touched from its loop."""

    def __init__(self, *, keep_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.rules = Coalescing(keep_s=keep_s)
        self._clock = clock
        self._under_way: set[asyncio.Task[None]] = set()
        self.joined = 0
        """How many refreshes were answered by another one's exchange."""

    def join(self, authorization: str | None, form: dict[str, str], epoch: int,
             exchange: Callable[[], Awaitable[Reply]]) -> tuple[asyncio.Future[Reply], bool]:
        """What will be the answer to one refresh, and whether another request's exchange gives it.

        `exchange` is started at most once per entry, as a task of its own; what it raises stands in the
        future. Several requests may wait for it: shield it.
        """
        now_s = self._clock()
        self.rules.present(form["refresh_token"])
        key = coalescing_key(authorization, form, epoch)
        entry = self.rules.find(key, now_s)
        is_joined = entry is not None
        if entry is None:
            entry = self.rules.begin(key, client=asking_client(authorization, form),
                                     presented=form["refresh_token"], now_s=now_s)
            entry.exchange = asyncio.get_running_loop().create_future()
            entry.exchange.add_done_callback(_seen)
            task = asyncio.create_task(self._run(entry, exchange))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        else:
            self.joined += 1
        assert entry.exchange is not None
        return entry.exchange, is_joined

    async def _run(self, entry: Entry, exchange: Callable[[], Awaitable[Reply]]) -> None:
        assert entry.exchange is not None
        try:
            reply = await exchange()
        except BaseException as error:
            if not planted.on("keep-failure"):
                self.rules.fail(entry)
            if isinstance(error, Exception):
                entry.exchange.set_exception(error)
                return
            entry.exchange.cancel()
            raise
        self.rules.settle(entry, reply.status, reply.body, self._clock())
        entry.exchange.set_result(reply)

    async def close(self) -> None:
        """Cancel what is still under way."""
        for task in list(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)


def _seen(future: asyncio.Future[Reply]) -> None:
    """Every client may have gone: an exception nobody fetched is no news for the log."""
    if not future.cancelled():
        future.exception()
