"""The database and its roles, the same on blue and green; made on first contact.

`hydra` owns the tables, `edge` reads everything and writes nothing (until sim.rigs.real.rights lets
it take tokens away on green), `rehearse` is the superuser the harness and the jobs use.
"""

from __future__ import annotations

import asyncpg


async def prepare(address: tuple[str, int], password: str) -> None:
    """Make what is missing; also the proof that Postgres answers.

    Raises what asyncpg raises while the server starts.
    """
    host, port = address
    admin = await asyncpg.connect(host=host, port=port, user="rehearse", password=password, database="postgres",
                                  timeout=3)
    try:
        if not await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = 'edge'"):
            # A password can't be a parameter of CREATE ROLE; ours are hex digits.
            await admin.execute(f"""
                CREATE ROLE hydra LOGIN PASSWORD '{password}';
                CREATE ROLE edge LOGIN PASSWORD '{password}' IN ROLE pg_read_all_data;
                ALTER ROLE edge SET default_transaction_read_only = on;""")
        if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = 'hydra'"):
            await admin.execute("CREATE DATABASE hydra OWNER hydra")
        elif await admin.fetchval("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'hydra'") != "hydra":
            await admin.execute("ALTER DATABASE hydra OWNER TO hydra")
    finally:
        await admin.close()
    owner = await asyncpg.connect(host=host, port=port, user="rehearse", password=password, database="hydra", timeout=3)
    try:
        await owner.execute("ALTER SCHEMA public OWNER TO hydra")
    finally:
        await owner.close()
