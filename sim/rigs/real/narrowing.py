"""From an offending unit to the row, and in the row to the columns, by trying without them.

A row is at fault if the unit passes without it; a column if the unit passes with a neutral value
in it. A neutral value takes nothing from nobody and gives nobody anything: an empty text, an
empty object. What names or grants something is never touched: then the row is set aside.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sim.rigs.real.bisecting import smallest_removal
from sim.rigs.real.databases import Connection
from sim.rigs.real.populations import Placed, rows_of, tables
from sim.rigs.real.setting_aside import Going, going, neutralize, set_aside
from sim.rigs.real.trials import Abort, Trials

REASON = "found"
"""The class of what no query of ours knows."""
MOST_ROWS = 60
"""Assumption: a login has a dozen rows; a unit of more is set aside by its first row that helps."""

_UNTOUCHED = ("id", "pk", "challenge", "verifier", "csrf", "subject", "client_id", "client_secret", "scope",
              "granted_scope", "requested_scope", "audience", "granted_at_audience", "requested_audience",
              "granted_audience", "redirect_uris", "post_logout_redirect_uris", "grant_types", "response_types",
              "token_endpoint_auth_method", "jwks", "jwks_uri", "signature", "request_id", "session_data", "form_data",
              "login_challenge", "login_session_id", "challenge_id", "forced_subject_identifier", "sid", "kid",
              "keydata", "subject_type", "request_url", "error", "subject_obfuscated",
              "registration_access_token_signature")
"""Columns that say who, what and for whom: an empty one would be another grant, or none."""
_COLUMNS = """
    SELECT attname::text FROM pg_attribute
     WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND atttypid = 'text'::regtype
       AND attgenerated = '' AND attname <> ALL($2)"""
NEUTRAL = ("{}", "")


class Finding(msgspec.Struct, frozen=True):
    """Rows that abort the migration and what is to be done with the last of them."""

    table: str
    key: str
    """Where it is found again (`Placed`); may hold a person's name: never shown."""
    shown: str
    abort: Abort
    values: dict[str, str] = {}
    """Column → neutral value; {} = the row is set aside."""
    along: int = 0
    """Rows that go with it."""
    others: list[str] = []
    """`table key` of rows in other units that abort only together with it."""

    @property
    def placed(self) -> Placed:
        """The row's place."""
        return Placed(self.table, self.key)

    def told(self) -> dict[str, object]:
        """For the history: no value of the row."""
        return {"table": self.table, "key": self.shown, "action": "mend" if self.values else "set_aside",
                "columns": sorted(self.values), "along": self.along, "migration": self.abort.file,
                "version": self.abort.version, "sqlstate": self.abort.sqlstate, "message": self.abort.message,
                "others": self.others}

    async def apply(self, connection: Connection) -> list[Going]:
        """Mend or set aside, keeping what was there; [] if the row is gone by now."""
        if self.values:
            return await neutralize(connection, self.placed, self.values, REASON)
        return await set_aside(connection, self.placed, REASON)


async def narrow(trials: Trials, units: Sequence[int]) -> Finding:
    """The row (and columns) at fault in the last of some units that abort together."""
    base = await trials.base_of(units, exact=True)
    abort = await trials.whole(base=base)
    async with trials.open(base) as connection:
        rows = await rows_of(connection, units[-1:])
        takes = {row: await going(connection, row) for row in rows}
        fellows = await rows_of(connection, units[:-1])
    assert abort is not None, "the units were seen to abort"
    # Whose removal takes little first, a token before a consent; last those that others would lose sight of: a
    # consent without its login is lost in the migration without a word.
    candidates = sorted(rows, key=lambda row: (any(one.action == "mended" for one in takes[row]),
                                               len(takes[row])))[:MOST_ROWS]

    async def passes_without(which: Sequence[int]) -> bool:
        left = await trials.whole(lambda c: set_aside(c, candidates[which[0]], REASON), base=base)
        return left is None or left.is_past(abort)

    index = await smallest_removal([[n] for n in range(len(candidates))], passes_without)
    # A unit that passes without none of its rows alone goes by the one that takes most with it.
    row = candidates[index[0]] if index is not None else max(rows, key=lambda one: len(takes[one]))
    values = await _columns(trials, base, row, abort)
    taken = takes[row]
    async with trials.open(base) as connection:
        others = [_named(await going(connection, one)) for one in fellows if one.table == row.table]
    return Finding(row.table, row.key, taken[-1].shown, abort, values, along=0 if values else len(taken) - 1,
                   others=others[:MOST_ROWS])


async def _columns(trials: Trials, base: str, row: Placed, abort: Abort) -> dict[str, str]:
    """Columns with neutral values under which the unit passes; as few as can be; {} if none do."""
    async with trials.open(base) as connection:
        known = (await tables(connection))[row.table]
        columns = [c for (c,) in await connection.fetch(_COLUMNS, f'public."{row.table}"', list(_UNTOUCHED))
                   if c not in known.key]

    async def passes(values: dict[str, str]) -> bool:
        left = await trials.whole(lambda c: neutralize(c, row, values, REASON), base=base)
        return left is None or left.is_past(abort)

    for neutral in NEUTRAL if columns else ():
        values = dict.fromkeys(columns, neutral)
        if not await passes(values):
            continue
        while len(values) > 1:
            names = list(values)
            half = {c: neutral for c in names[:len(names) // 2]}
            other = {c: neutral for c in names[len(names) // 2:]}
            if await passes(half):
                values = half
            elif await passes(other):
                values = other
            else:
                break
        return values
    return {}


def _named(taken: list[Going]) -> str:
    return f"{taken[-1].table} {taken[-1].shown}" if taken else ""
