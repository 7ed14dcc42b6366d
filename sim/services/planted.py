"""Planted bugs: known defects that the checks must find, for `rehearse bench recall` and nothing else.

A checker that has never been seen to say no proves nothing. Each bug here is a documented class of
defect, switched on by one environment variable in the processes of one run; at the place where it
bites stands one line that asks `on(name)`. Without the variable all of them are off.

The variable is no setting: a rehearsal that finds it without having been started by the bench
refuses to run, and so does a stack file that holds it. A run with a bug planted says so in its
environment.json, its history, its verdict and its report.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeVar

VARIABLE = "REHEARSE_PLANTED"
_T = TypeVar("_T")


class Bug(NamedTuple):
    """One defect and what must notice it."""

    part: str
    does: str
    """What is wrong, as its post-mortem would put it."""
    expects: str
    """The check that must be BROKEN."""
    stage: str = "recall"
    """The scenario of scenarios/bench/ in which it shows: some defects need a fault to matter."""


BUGS: dict[str, Bug] = {
    "lose-capture": Bug("capture", "one revocation in three is never put in the queue, and acknowledged", "revocation"),
    "acknowledge-early": Bug("capture", "a revocation is acknowledged before the queue has stored it",
                             "revocation", "recall-queue-cut"),
    "fail-open": Bug("capture", "what can't be stored is let through although fail_closed is set",
                     "revocation", "recall-queue-cut"),
    "forward-first": Bug("capture", "Hydra is asked before the grants are resolved, and then their rows are gone",
                         "revocation"),
    "resolve-access-only": Bug("capture", "only access tokens are looked up: a refresh token names no grant",
                               "revocation"),
    "take-nothing": Bug("taking", "what only blue could resolve is acknowledged on green and left alive there",
                        "revocation"),
    "coalesce-across-clients": Bug("coalescing", "the key names neither client nor token: one client gets another's "
                                   "tokens", "token_continuity"),
    "keep-failure": Bug("coalescing", "a failed exchange is kept and given to the retry too", "availability",
                        "recall-edge-cut"),
    "forget-waiter": Bug("buffering", "one request in three that waited at the edge is never released", "availability",
                         "recall-held"),
    "stray-route": Bug("edge", "two percent of the requests go to blue after the cutover", "availability"),
    "forget-login": Bug("cutover", "login-consent is forgotten at the switch and goes on asking blue",
                        "login_continuity"),
    "slow-green": Bug("edge", "one request in ten to green waits a second at the edge", "latency"),
    "newest-first": Bug("replayer", "replays newest first and keeps the highest sequence as its mark: what is older "
                        "counts as done", "replay_queue"),
    "drop-page": Bug("replayer", "every second page of captured revocations is skipped", "replay_queue"),
    "keep-consent": Bug("replayer", "a consent taken back loses its tokens and not its own row", "revocation"),
    "flip-flag": Bug("copy", "a flag of five rows is turned round on the way", "data_equality"),
    "lose-rows": Bug("copy", "five rows do not arrive", "data_equality"),
    "delete-unwritten": Bug("cleanup", "five rows are deleted and the manifest does not name them", "data_equality"),
    "lose-index": Bug("migration", "an index of the new schema is missing afterwards", "data_equality"),
    "repair-half": Bug("repair", "twenty consents keep the wrong mark, and its count says none does",
                       "consent_continuity"),
    "cleanup-unguarded": Bug("authz", "the cleanup job runs without its guard", "cleanup_safety", "recall-no-repair"),
}
"""Name → bug. Coalescing, capture and replay first: they decide whether a revoked app gets in."""


def now() -> str:
    """The bug planted in this process, or ''."""
    return os.environ.get(VARIABLE, "")


def on(name: str) -> bool:
    """Is this bug planted? Raises KeyError for one that nobody lists, for nobody would ever try it."""
    return bool(BUGS[name]) and now() == name


def environment() -> dict[str, str]:
    """What a service or job needs to have the same bug; {} without one."""
    return {VARIABLE: now()} if now() else {}


_counts: Counter[str] = Counter()


def every(name: str, n: int) -> bool:
    """True for each n-th time this is asked while the bug is planted."""
    if not on(name):
        return False
    _counts[name] += 1
    return _counts[name] % n == 0


# ---- bugs that are more than a condition


async def already(work: Callable[[], Awaitable[_T]]) -> Callable[[], Awaitable[_T]]:
    """forward-first: do it now; whoever asks for it later gets what came of it."""
    done = await work()

    async def again() -> _T:
        return done

    return again


def unawaited(publish: Callable[..., Awaitable[int]]) -> Callable[..., Awaitable[int]]:
    """acknowledge-early: say it is stored and store it behind the caller's back.

    What the queue refuses is lost, and its outcome (`<id>.outcome`) with it.
    """
    storing: dict[str, asyncio.Task[int]] = {}

    async def at_once(subject: str, data: bytes, *, id: str) -> int:
        intent = storing.get(id.partition(".")[0])

        async def later() -> int:
            if intent is not None:
                await intent
            return await publish(subject, data, id=id)

        storing[id] = asyncio.create_task(later())
        storing[id].add_done_callback(_seen)
        return len(storing)

    return at_once


def _seen(task: asyncio.Task[Any]) -> None:
    """Nobody waits for it: its failure is no news for the log."""
    if not task.cancelled():
        task.exception()
