"""The planted bugs that sit in SQL on green (see sim.services.planted): what each does to the rows.

A step calls `spoil` where its own work is done and not yet looked at, as a defect of that work would
be. Without the bench nothing here is ever run.
"""

from __future__ import annotations

from sim.rigs.real.databases import Connection
from sim.services import planted

_SOME = "(SELECT signature FROM hydra_oauth2_{kind} ORDER BY signature LIMIT 5)"

SPOILS: dict[str, str] = {
    "flip-flag": "UPDATE hydra_oauth2_access SET active = NOT active WHERE signature IN "
                 + _SOME.format(kind="access"),
    "lose-rows": "DELETE FROM hydra_oauth2_access WHERE signature IN " + _SOME.format(kind="access"),
    "delete-unwritten": "DELETE FROM hydra_oauth2_refresh WHERE signature IN " + _SOME.format(kind="refresh"),
    "lose-index": """
        DO $$ DECLARE gone text; BEGIN
            SELECT indexrelid::regclass::text INTO gone FROM pg_index
             WHERE indrelid = 'hydra_oauth2_refresh'::regclass AND NOT indisunique ORDER BY 1 LIMIT 1;
            EXECUTE 'DROP INDEX ' || gone;
        END $$""",
    "repair-half": """
        UPDATE hydra_oauth2_flow SET state = 128 WHERE state = 6 AND consent_challenge_id IN
            (SELECT challenge FROM rehearsal.consent WHERE remembered ORDER BY challenge LIMIT 20)""",
}
"""Bug → SQL. 128 is the mark that the stock migration leaves (login error)."""


async def spoil(green: Connection, *bugs: str) -> None:
    """Do to green what the planted bug does, if it is one of these."""
    for bug in bugs:
        if planted.on(bug):
            await green.execute(SPOILS[bug])
