"""The replayer: applies captured revocations on the other side. One-shot, repeatable.

It reads the whole queue of one direction each time, takes confirmed intents, settles unknown
ones and those without an outcome from the source's rows, and acts by request_id on the
target's rows. A last look takes away what a refresh under way meanwhile put back.

`--by token` is the plausible mistake instead: it sends the recorded requests again, to the
target's own API, and believes the status.

With REPLAY_HALT_AFTER=N it says {"event": "halted", "message": N} once the N oldest captured revocations
are dealt with, and stands still until somebody kills it: what a fault of that name asks for.

Prints JSON lines: {"event": "progress", "done", "total"} and last {"event": "done", …}; exits 0
only if all was applied, 1 if something was not, 75 if the queue or a database did not answer.
Run: `python -m sim.services.replayer --direction forward|back --by grant|token --workers N [--idle-s S]`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NoReturn

import uvloop
from asyncpg.exceptions import InterfaceError, PostgresError

from sim.services import planted
from sim.services.queue import Queue, QueueDown
from sim.services.replaying import Applied, Case, Collected, Effect
from sim.services.resending import Resender
from sim.services.rows import Rows, Taken
from sim.services.sealing import Unsealable
from sim.services.settings import BadSetting, Direction, Environment, Side

SOURCE: dict[Direction, Side] = {"forward": "blue", "back": "green"}
TARGET: dict[Direction, Side] = {"forward": "green", "back": "blue"}
HALT_AFTER = "REPLAY_HALT_AFTER"
PROGRESS_S = 0.1
BATCH = 500
"""Assumption: five hundred grants a transaction keep its locks short and its scans few."""
RECORDS = 10_000
"""Assumption: nobody reads more of them, and a million would be a line of 200 MB."""
SECOND_LOOK_S = 0.25
"""Assumption: a refresh that began before its token was taken away has committed by then
(Hydra answers in some 20 ms); longer ones are found by the check that follows."""


class Replay:
    """One run over what the queue held."""

    def __init__(self, collected: Collected, target: Rows, source: Rows) -> None:
        self._collected, self._target, self._source = collected, target, source
        self.rows: Counter[str] = Counter()
        self.applied: list[Applied] = []
        self._acted: list[Taken] = []
        self._printed_s = 0.0

    async def run(self, workers: int, *, halt_after: int | None = None) -> list[str]:
        """Apply everything; returns the request_ids that still live on the target (should be none).

        With `halt_after` so many of the oldest and no more; then it stands still for good.
        """
        cases = self._collected.cases()
        total = len(cases)
        self._progress(total)
        is_halting = halt_after is not None and halt_after <= total
        if is_halting:
            cases = cases[:halt_after]
        size = min(BATCH, max(1, -(-len(cases) // workers)))
        pages = [cases[n:n + size] for n in range(0, len(cases), size)]
        if planted.on("drop-page"):
            pages = pages[::2]
        if planted.on("newest-first"):
            pages = pages[-1:]
        batches = iter(pages)

        async def work() -> None:
            for batch in batches:
                await self._together(batch)
                self._progress(total)

        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(work())
        if is_halting:
            await stand_still(len(cases))
        return await self._second_look()

    async def _together(self, batch: list[Case]) -> None:
        acting: list[Case] = []
        taken: list[Taken] = []
        for case in batch:
            if case.action == "skip":
                self._record(case, "skipped", case.why)
            elif (names := await self._settled(case)) is None:
                self._record(case, "skipped", f"{case.why}; lives on the source")
            else:
                acting.append(case)
                taken.append((case.intent, names))
        changed = await self._target.revoke(taken)
        self.rows.update({table: len(names) for table, names in changed.items()})
        touched = {name for names in changed.values() for name in names}
        self._acted += taken
        for case, (_, wanted) in zip(acting, taken, strict=True):
            hit = "" in touched if case.intent.kind == "login" else not touched.isdisjoint(wanted)
            self._record(case, "replayed" if hit else "void", case.why)

    async def _settled(self, case: Case) -> list[str] | None:
        """The grants to take away; None if the source's rows say that nothing was revoked."""
        names = case.intent.request_ids
        if case.action != "settle":
            return names
        alive = await self._source.alive([(case.intent, names)])
        if case.intent.kind == "refresh" or case.intent.has_refresh:
            # Asked for by either token, Hydra ends the refresh tokens first and the access tokens after them, in two
            # transactions. Whose request was cut off between the two was told nothing, and hears 200 when they try
            # again by the refresh token: it is unknown by then. A grant without one goes by a single delete.
            alive &= await self._source.refreshable(names)
        left = [] if "" in alive else [name for name in names if name not in alive]
        return None if alive and not left else left

    async def _second_look(self) -> list[str]:
        if not self._acted:
            return []
        await asyncio.sleep(SECOND_LOOK_S)
        if not await self._target.alive(self._acted, codes=True):
            return []
        again = await self._target.revoke(self._acted)
        self.rows.update({table: len(names) for table, names in again.items()})
        return sorted(await self._target.alive(self._acted, codes=True))

    def _record(self, case: Case, effect: Effect, why: str) -> None:
        self.applied.append(Applied(case.intent.id, case.intent.kind, case.intent.request_ids,
                                    case.outcome or "none", effect, why))

    def _progress(self, total: int) -> None:
        now_s = time.monotonic()
        if now_s - self._printed_s >= PROGRESS_S or len(self.applied) == total:
            self._printed_s = now_s
            say({"event": "progress", "done": len(self.applied), "total": total})


def summary(collected: Collected, applied: Sequence[Applied], rows: Counter[str], still: list[str]) -> dict[str, Any]:
    """The last line: counts, the memory it took, and one record for each intent, of the oldest RECORDS."""
    effects = Counter(a.effect for a in applied)
    said = Counter(a.outcome for a in applied)
    acted = {r for a in applied if a.effect != "skipped" for r in a.request_ids}
    return {
        "event": "done", "captured": len(collected.intents), "confirmed": said["confirmed"],
        "refused": said["refused"], "unknown_settled": said["unknown"], "late": said["none"],
        "replayed": effects["replayed"], "void": effects["void"], "skipped": effects["skipped"],
        "duplicates": collected.duplicates, "unexpected": collected.unexpected, "rows": dict(rows),
        "request_ids": len(acted), "still_alive": still, "records": [asdict(a) for a in applied[:RECORDS]],
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def say(line: dict[str, Any]) -> None:
    """One JSON line on stdout, at once."""
    print(json.dumps(line, separators=(",", ":")), flush=True)


async def stand_still(message: int) -> NoReturn:
    """So many messages are applied: say it, and do nothing more."""
    say({"event": "halted", "message": message})
    await asyncio.get_running_loop().create_future()
    raise AssertionError("unreachable")


async def replay(direction: Direction, by: str, workers: int, idle_s: float) -> int:
    """The whole job; returns the exit code. Raises BadSetting and Unsealable."""
    environment = Environment()
    queue = Queue(environment.text("REPLAY_QUEUE"))
    halt_after = int(environment.number(HALT_AFTER, 0)) if environment.text(HALT_AFTER, "") else None
    collected = Collected()
    target = source = None
    try:
        await queue.ensure()
        async for message in queue.read(direction, idle_s=idle_s):
            collected.take(message.subject, message.data)
        if by == "token":
            cases = collected.cases()
            async with Resender(environment, TARGET[direction]) as resender:
                if halt_after is not None and halt_after <= len(cases):
                    await resender.run(cases[:halt_after], workers)
                    await stand_still(halt_after)
                applied, failed = await resender.run(cases, workers)
            say(summary(collected, applied, Counter(), []))
            return 1 if failed or collected.unexpected else 0
        target = await Rows.open(environment.text(f"REPLAY_{TARGET[direction].upper()}_DSN"), connections=workers)
        source = await Rows.open(environment.text(f"REPLAY_{SOURCE[direction].upper()}_DSN"), connections=1)
        work = Replay(collected, target, source)
        still = await work.run(workers, halt_after=halt_after)
        say(summary(collected, work.applied, work.rows, still))
        return 1 if still or collected.unexpected else 0
    except* (QueueDown, PostgresError, InterfaceError, OSError, TimeoutError) as group:
        say({"event": "failed", "why": "; ".join(type(e).__name__ for e in group.exceptions)})
    finally:
        await queue.close()
        for rows in (target, source):
            if rows is not None:
                await rows.close()
    return 75


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and run; see the module."""
    parser = argparse.ArgumentParser(prog="replayer")
    parser.add_argument("--direction", choices=("forward", "back"), required=True)
    parser.add_argument("--by", choices=("grant", "token"), default="grant")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--idle-s", type=float, default=0.3)
    given = parser.parse_args(arguments)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(replay(given.direction, given.by, max(1, given.workers), given.idle_s))
    except (BadSetting, Unsealable) as error:
        print(f"replayer: {error}", file=sys.stderr)
        return 78


if __name__ == "__main__":
    sys.exit(main())
