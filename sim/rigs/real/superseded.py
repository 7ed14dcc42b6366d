"""On the way back: ends what green has rotated, whose older generation would live on on blue.

A client that refreshed on green has thrown its old refresh token away, as it must, and blue has
never seen the new one: the chain can't be continued there. But blue still takes the old token, and
a revocation by the new one would be answered 200 and end nothing. So these chains are ended by
grant before blue serves again; they are lost either way, and counted as such.
"""

from __future__ import annotations

from sim.rigs.real.databases import Connection
from sim.services.rows import TAKE_TOKENS

_BORN = "SELECT request_id, signature FROM hydra_oauth2_refresh"
_KNOWN = "SELECT signature FROM hydra_oauth2_refresh WHERE request_id = ANY($1)"
_ENDED = ("hydra_oauth2_access", "hydra_oauth2_refresh")
"""Where 1.11.10 itself ends a chain whose old refresh token is used again."""


async def end_superseded(blue: Connection, green: Connection) -> int:
    """End on blue the chains that have a refresh token which only green knows; returns how many lived."""
    born = await green.fetch(_BORN)
    known = {row[0] for row in await blue.fetch(_KNOWN, sorted({row["request_id"] for row in born}))}
    rotated = sorted({row["request_id"] for row in born if row["signature"] not in known})
    ended: set[str] = set()
    async with blue.transaction():
        for table in _ENDED:
            ended |= {row[0] for row in await blue.fetch(TAKE_TOKENS["1.x"][table], rotated)}
    return len(ended)
