"""What a schema is, by the catalog: for comparing a migrated database with the stock one.

Names and definitions as Postgres itself spells them; owners, sizes and the order in which things
came about do not count, the order of a table's columns does. `schema_migration` is the
migrator's own bookkeeping and is compared by the list of migrations.
"""

from __future__ import annotations

from typing import Any

from sim.rigs.real.databases import Connection

Catalog = dict[str, str]
"""`kind name` → definition."""

_PARTS: dict[str, str] = {
    "column": """
        SELECT c.relname || '.' || a.attname,
               format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
               || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '') || ' #'
               || row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum)
          FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')""",
    "table": """
        SELECT c.relname, c.relkind::text || c.relpersistence::text FROM pg_class c
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')""",
    "index": """
        SELECT i.relname, pg_get_indexdef(x.indexrelid) || CASE WHEN x.indisvalid AND x.indisready THEN ''
                                                               ELSE ' INVALID' END
          FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
         WHERE i.relnamespace = 'public'::regnamespace""",
    "constraint": """
        SELECT c.relname || '.' || k.conname,
               pg_get_constraintdef(k.oid) || CASE WHEN k.convalidated THEN '' ELSE ' NOT VALID' END
          FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
         WHERE c.relnamespace = 'public'::regnamespace AND k.contype <> 'n'""",
    "trigger": """
        SELECT c.relname || '.' || t.tgname, pg_get_triggerdef(t.oid)
          FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
         WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal""",
    "function": """
        SELECT p.oid::regprocedure::text, md5(pg_get_functiondef(p.oid)) FROM pg_proc p
         WHERE p.pronamespace = 'public'::regnamespace AND p.prokind = 'f'""",
    "type": """
        SELECT t.typname, t.typtype::text || coalesce((SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder)
                 FROM pg_enum e WHERE e.enumtypid = t.oid), '')
          FROM pg_type t WHERE t.typnamespace = 'public'::regnamespace AND t.typtype IN ('e', 'd')""",
}
_BOOKKEEPING = "schema_migration"


async def read_catalog(connection: Connection) -> Catalog:
    """The schema `public` of the database the connection is to."""
    found: Catalog = {}
    for kind, query in _PARTS.items():
        for name, definition in await connection.fetch(query):
            if not str(name).startswith(_BOOKKEEPING):
                found[f"{kind} {name}"] = str(definition)
    return found


def differences(stock: Catalog, live: Catalog) -> list[dict[str, Any]]:
    """[{what, stock, live}], sorted; None where it is not there."""
    return [{"what": what, "stock": stock.get(what), "live": live.get(what)}
            for what in sorted({*stock, *live}) if stock.get(what) != live.get(what)]


INVALID = """
    SELECT i.relname::text FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
     WHERE i.relnamespace = 'public'::regnamespace AND NOT (x.indisvalid AND x.indisready) ORDER BY 1"""
"""Indexes that an interrupted build left: they cost writes and serve no read."""
