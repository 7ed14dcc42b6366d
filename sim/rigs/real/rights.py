"""What the edge may write: token rows of green, taken away by grant (see sim.services.taking).

Given when green's tables are what they will be, so once the copy is migrated; blue's edge role
stays without any right to write.
"""

from __future__ import annotations

from sim.rigs.real.databases import database
from sim.rigs.real.engines.engine import Engine
from sim.rigs.real.secrets import Secrets
from sim.services.rows import TOKEN_TABLES


async def let_edge_take(engine: Engine, secrets: Secrets) -> None:
    """Allow the role `edge` to delete token rows on green; again is harmless.

    Where both sides share blue's database nothing is taken over, so nothing is allowed.
    """
    if engine.database("green") == engine.database("blue"):
        return
    async with database(engine, secrets, "green") as green:
        await green.execute(f"GRANT DELETE ON {', '.join(TOKEN_TABLES)} TO edge")
