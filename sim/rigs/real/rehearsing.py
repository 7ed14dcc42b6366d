"""The preflight: what would make the migration abort, found before the window by rehearsing it.

Blue is copied into a database of its own on green's server. There the rows of every class we know
are found and mended as the scenario's cleanup would, and the stock migration is run on copies of
that. If it still aborts, the rows to blame are found by trying parts of the population; each is
reduced to table, row and column, and handed to the cleanup. Nothing is left behind but that list.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from sim.errors import StepFailed
from sim.rigs.real.bisecting import TooMany, offenders
from sim.rigs.real.cleanup import NAMED, OWN, find_all, mend
from sim.rigs.real.copying import dump_and_restore
from sim.rigs.real.databases import database
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.narrowing import Finding, narrow
from sim.rigs.real.own_sql import read_sql, run_sql
from sim.rigs.real.populations import cut
from sim.rigs.real.preflight import CLASSES
from sim.rigs.real.secrets import Secrets
from sim.rigs.real.trials import BASE, Abort, Trials
from sim.rigs.rig import Progress

MOST = 12
"""Assumption: whoever has more unknown kinds of odd rows than a dozen wants to see the first of them."""
_ORPHANS = """
    SELECT c.conname::text, c.conrelid::regclass::text, c.confrelid::regclass::text,
           ARRAY(SELECT quote_ident(attname) FROM unnest(c.conkey) WITH ORDINALITY k(n, o)
                   JOIN pg_attribute ON attrelid = c.conrelid AND attnum = k.n ORDER BY o),
           ARRAY(SELECT quote_ident(attname) FROM unnest(c.confkey) WITH ORDINALITY k(n, o)
                   JOIN pg_attribute ON attrelid = c.confrelid AND attnum = k.n ORDER BY o)
      FROM pg_constraint c WHERE c.contype = 'f' AND c.convalidated AND c.connamespace = 'public'::regnamespace"""


class Preflight:
    """The preflight step; remembers what it found."""

    def __init__(self, engine: Engine, secrets: Secrets) -> None:
        self._engine, self._secrets = engine, secrets
        self.findings: list[Finding] = []
        """Rows that no class knows, and what the cleanup is to do with each."""

    async def preflight(self, *, rows: str, progress: Progress) -> dict[str, Any]:
        """Rehearse copy, cleanup and migration on a copy of its own; `rows` as the cleanup step has it.

        Returns {found, classes: {class: {found}}, rows: [[table, key, why]…], unknown: [finding…],
        trials, units, elapsed_s}. Raises StepFailed if the migration would abort all the same, with the
        rows, the table, the file and the SQLSTATE; it drops its databases either way.
        """
        began = time.monotonic()
        self.findings = []
        trials = Trials(self._engine, self._secrets)
        try:
            return {**await self._rehearse(trials, rows, progress), "trials": trials.tried,
                    "elapsed_s": round(time.monotonic() - began, 3)}
        finally:
            await trials.drop_all()

    async def _rehearse(self, trials: Trials, rows: str, progress: Progress) -> dict[str, Any]:
        progress({"now": "copy"})
        await self._copy(trials)
        async with trials.open() as base:
            progress({"now": "rows of known classes"})
            known = await find_all(base)
            total = sum(map(len, known.values()))
            if rows == "known":
                await mend(base, progress, total)
            elif rows != "none":
                await run_sql(base, await read_sql(rows, OWN), rows, OWN, StepFailed)
        # Nobody may be connected to a database that is copied.
        progress({"now": "the whole migration"})
        abort = await trials.whole()
        units = 0
        if abort is not None:
            explained = [r for odd in CLASSES if odd.version == abort.version for r in known[odd.name]]
            if rows == "none" and explained:
                raise _refused(abort, [f"{r.table} {r.key}: {r.why}" for r in explained])
            async with trials.open() as base:
                units = await cut(base)
                await base.execute("ANALYZE")
            await self._find(trials, abort, units, progress)
            if rows != "known":
                raise _refused(abort, [_said(f) for f in self.findings])
        return {"found": total, "classes": {name: {"found": len(some)} for name, some in known.items()},
                "rows": [[r.table, r.key, r.why] for some in known.values() for r in some][:NAMED],
                "unknown": [f.told() for f in self.findings], "units": units}

    async def _copy(self, trials: Trials) -> None:
        await trials.drop_all()
        await trials.make_base()
        async with database(self._engine, self._secrets, "green", name=BASE) as green:
            try:
                await dump_and_restore(self._engine, self._secrets, green, jobs=2, target=BASE)
            except StepFailed as failed:
                raise StepFailed("blue's database can't be restored elsewhere as it is", where="preflight",
                                 seen="; ".join([failed.seen.strip().splitlines()[-1][:300] if failed.seen else "",
                                                 *await self._orphans()]),
                                 todo="mend these rows on blue: no copy can hold them") from failed
            await green.execute("ANALYZE")

    async def _find(self, trials: Trials, abort: Abort, units: int, progress: Progress) -> None:
        """Bisect until everything passes, mending the copy as the cleanup will; fills `findings`."""
        everything = range(1, units + 1)

        async def aborts(some: Sequence[int]) -> bool:
            if len(some) < units:
                seen = await trials.part(some)
            else:
                seen = await trials.whole() if self.findings else abort
            said = f"aborts at {seen.version}" if seen else "passes"
            progress({"now": f"trial {trials.tried}: {len(some):,} of {units:,} units: {said}"})
            return seen is not None

        async def mend(one: list[int]) -> None:
            finding = await narrow(trials, one)
            self.findings.append(finding)
            progress({"now": f"found {finding.table} {finding.shown}"})
            await trials.forget_parts()
            async with trials.open() as base:
                await finding.apply(base)

        if await aborts([]):
            raise _refused(abort, ["the same happens without a single row: an object of the schema is to blame, "
                                   "such as a view, a trigger, a table or an index of your own"])
        try:
            await offenders(everything, aborts, most=MOST, mend=mend)
        except TooMany as many:
            raise _refused(abort, [*map(_said, self.findings), f"and more than these {len(many.found)}"]) from many

    async def _orphans(self) -> list[str]:
        """Rows of blue whose foreign key leads nowhere, by constraint."""
        found: list[str] = []
        async with database(self._engine, self._secrets, "blue") as blue:
            for name, table, parent, columns, referenced in await blue.fetch(_ORPHANS):
                same = " AND ".join(f"p.{r} = t.{c}" for c, r in zip(columns, referenced, strict=True))
                there = " AND ".join(f"t.{c} IS NOT NULL" for c in columns)
                count = await blue.fetchval(f"SELECT count(*) FROM {table} t WHERE {there} AND NOT EXISTS "
                                            f"(SELECT FROM {parent} p WHERE {same})")
                if count:
                    found.append(f"{table}: {count} rows whose {', '.join(columns)} is not in {parent} ({name})")
        return found


def _said(finding: Finding) -> str:
    what = f"column {', '.join(sorted(finding.values))}" if finding.values else "the row"
    along = f" and {finding.along} more that hang on it" if finding.along else ""
    others = f", together with {', '.join(finding.others)}" if finding.others else ""
    return (f"{finding.table} {finding.shown}: {what}{along} aborts {finding.abort.file} "
            f"(SQLSTATE {finding.abort.sqlstate}: {finding.abort.message}){others}")


def _refused(abort: Abort, rows: list[str]) -> StepFailed:
    return StepFailed(f"the migration would stop at {abort.file}", where="preflight",
                      seen="; ".join([f"{abort.message} (SQLSTATE {abort.sqlstate})", *rows[:20],
                                      *([f"and {len(rows) - 20} more rows"] if len(rows) > 20 else [])]),
                      todo="cleanup with rows: known mends what the preflight finds; the rest is yours to decide")


