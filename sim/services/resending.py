"""Replay by resending: the plausible mistake of scenario 14, done as somebody would do it.

The recorded requests are sent again to the target's own API and a 2xx counts as done. It is
wrong in ways the status hides: a token rotated since the copy is unknown there (200, the older
generation lives on), a migrated consent is not listed (204, nothing revoked), and "all of this
subject" takes what was granted anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType

from multidict import CIMultiDict

from sim.services.replaying import Applied, Case, Effect
from sim.services.sealing import Seal, Unsealable
from sim.services.settings import Environment, Side
from sim.services.upstream import Lost, NotSent, Upstream


class Resender:
    """Sends sealed requests to the target: token revocations to its public listener, deletes to admin.

    Reads REPLAY_<SIDE>_PUBLIC, REPLAY_<SIDE>_ADMIN, REPLAY_<SIDE>_ADMIN_PREFIX (by default green's
    /admin, blue's none) and REPLAY_SEAL_KEY. Raises BadSetting and Unsealable.
    """

    def __init__(self, environment: Environment, target: Side) -> None:
        name = f"REPLAY_{target.upper()}"
        self._seal = Seal(environment.text("REPLAY_SEAL_KEY"))
        self._public_url = environment.base_url(f"{name}_PUBLIC")
        self._admin_url = environment.base_url(f"{name}_ADMIN")
        self._prefix = environment.text(f"{name}_ADMIN_PREFIX", "/admin" if target == "green" else "")

    async def __aenter__(self) -> Resender:
        self._public = Upstream(self._public_url)
        self._admin = Upstream(self._admin_url, prefix=self._prefix)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        await self._public.close()
        await self._admin.close()

    async def run(self, cases: Sequence[Case], workers: int) -> tuple[list[Applied], int]:
        """Send everything that was not refused; (records, how many got no 2xx)."""
        applied: list[Applied] = []
        failed = 0
        todo = iter(cases)

        async def work() -> None:
            nonlocal failed
            for case in todo:
                effect, why = await self._one(case)
                failed += effect == "void"
                applied.append(Applied(case.intent.id, case.intent.kind, case.intent.request_ids,
                                       case.outcome or "none", effect, why))

        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(work())
        return applied, failed

    async def _one(self, case: Case) -> tuple[Effect, str]:
        if case.outcome == "refused":
            return "skipped", "refused by Hydra"
        if case.intent.sealed is None:
            return "void", "the request was not recorded"
        try:
            record = self._seal.open(case.intent.sealed, case.intent.id)
        except Unsealable as error:
            return "void", str(error)
        target = self._public if record.method == "POST" else self._admin
        headers = CIMultiDict({name: value for name, value in (
            ("Authorization", record.authorization), ("Content-Type", record.content_type)) if value})
        try:
            reply = await target.ask(record.method, record.path + record.query, headers, record.body.encode())
        except (NotSent, Lost) as error:
            return "void", f"no answer: {error}"
        return ("replayed", f"answered {reply.status}") if reply.status < 300 else ("void", f"answered {reply.status}")
