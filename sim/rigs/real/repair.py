"""Mends what the stock migration marked wrongly, from what was written down before it.

The migration gives every answered login the state 128 (login error), leaves the subject empty
unless the login was skipped, and the granted scope NULL where nothing was granted. Only
consents that were used and are free of error are touched; a consent whose login was abandoned
or refused stays as the migration left it.
"""

from __future__ import annotations

import time
from typing import Any

from sim.errors import StepFailed
from sim.rigs.real.databases import Connection, database, has_table
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.secrets import Secrets
from sim.rigs.real.spoiling import spoil
from sim.rigs.rig import Progress

MARKS = ("subject", "grants", "state")
"""In the order in which they depend on each other: state 6 wants a granted scope (CHECK)."""

_GOOD = "f.consent_was_used AND f.login_error = '{}' AND f.consent_error = '{}'"
"""Used, and without an error on both halves: 1.x writes '{}' for none."""
_WRONG = {
    "subject": "f.subject = '' AND c.subject <> ''",
    "grants": f"f.granted_scope IS NULL AND {_GOOD}",
    "state": f"f.state = 128 AND {_GOOD}",
}
_MENDED = {
    "subject": "CASE WHEN f.subject = '' THEN c.subject ELSE f.subject END",
    "grants": f"CASE WHEN {_GOOD} THEN coalesce(f.granted_scope, '[]') ELSE f.granted_scope END",
    "state": f"CASE WHEN f.state = 128 AND {_GOOD} {{granted}} THEN 6 ELSE f.state END",
}
_COLUMN = {"subject": "subject", "grants": "granted_scope", "state": "state"}
FLOWS = "hydra_oauth2_flow f JOIN rehearsal.consent c ON c.challenge = f.consent_challenge_id"

USABLE = ("f.state = 6 AND f.subject = c.subject AND f.granted_scope IS NOT NULL AND NOT f.consent_skip "
          "AND f.consent_error = '{}'")
"""What 2.x asks of a row before it lists a consent, remembers or revokes it; over `FLOWS`."""



class Repair:
    """Puts subject, state and granted scope back on green's flows."""

    def __init__(self, engine: Engine, secrets: Secrets) -> None:
        self._engine, self._secrets = engine, secrets

    async def repair(self, *, marks: list[str], progress: Progress) -> dict[str, Any]:
        """Mend the given marks (of `MARKS`).

        Returns {marks: {mark: {wrong, mended, left}}, consents, with_flow, elapsed_s}: `wrong`
        were found, `left` are still wrong; `consents` were copied, `with_flow` the migration kept.
        Raises StepFailed if green is not migrated, nothing was written down before, or a mark is left.
        """
        began = time.monotonic()
        async with database(self._engine, self._secrets, "green") as green:
            if not await has_table(green, "hydra_oauth2_flow") or not await has_table(green, "rehearsal.consent"):
                raise StepFailed("there is nothing to repair from: green is not migrated, or its consents were not "
                                 "written down before", where="repair", todo="run migrate before it")
            asked = [m for m in MARKS if m in marks]
            wrong = await _count(green)
            total = sum(wrong[m] for m in asked)
            progress({"done": 0, "total": total, "now": "marks found"})
            if total:
                await green.execute(_update(asked))
                await green.execute("ANALYZE hydra_oauth2_flow")
            left = await _count(green)
            await spoil(green, "repair-half")
            figures: dict[str, Any] = dict(await green.fetchrow(
                f"SELECT (SELECT count(*) FROM rehearsal.consent) AS consents, "
                f"(SELECT count(*) FROM {FLOWS}) AS with_flow"))
        told = {m: {"wrong": wrong[m], "mended": wrong[m] - left[m], "left": left[m]} for m in MARKS}
        progress({"done": sum(told[m]["mended"] for m in asked), "total": total, "now": "marks proven by count"})
        # Without the grants, a state 6 on an empty grant would break the table's CHECK: known, not a failure.
        bad = [m for m in asked if left[m] and (m != "state" or "grants" in asked)]
        if bad:
            raise StepFailed("marks are still wrong after the repair", where="repair",
                             seen=", ".join(f"{m}: {left[m]} of {wrong[m]}" for m in bad))
        return {"marks": told, **figures, "elapsed_s": round(time.monotonic() - began, 3)}


async def _count(green: Connection) -> dict[str, int]:
    counts = ", ".join(f"count(*) FILTER (WHERE {_WRONG[m]}) AS {m}" for m in MARKS)
    return dict(await green.fetchrow(f"SELECT {counts} FROM {FLOWS}"))


def _update(asked: list[str]) -> str:
    """One pass for all marks: each pass would leave a dead version of every row."""
    granted = "" if "grants" in asked else "AND f.granted_scope IS NOT NULL"
    values = ", ".join(f"{_COLUMN[m]} = {_MENDED[m].replace('{granted}', granted)}" for m in asked)
    where = " OR ".join(f"({_WRONG[m]})" for m in asked)
    return f"""UPDATE hydra_oauth2_flow f SET {values} FROM rehearsal.consent c
                WHERE c.challenge = f.consent_challenge_id AND ({where})"""
