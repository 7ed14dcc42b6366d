"""Statements of a migration made online, or refused with the reason; and read out of Postgres' log."""

import pytest

from sim.rigs.real.recording import recorded
from sim.rigs.real.rewriting import Recorded, rewrite


def online(*texts, version="1"):
    """The acts' SQL, or the reasons if anything is refused."""
    found = rewrite(Recorded(version, text) for text in texts)
    return [act.sql for act in found.acts] if not found.refused else [r.why for r in found.refused]


@pytest.mark.parametrize(("stock", "acts"), [
    ("CREATE INDEX a_b ON a (b)", ["CREATE INDEX CONCURRENTLY a_b ON a (b)"]),
    ("CREATE UNIQUE INDEX IF NOT EXISTS a_b ON a (b) WHERE c",
     ["CREATE UNIQUE INDEX CONCURRENTLY a_b ON a (b) WHERE c"]),
    ("DROP INDEX a_b", ["DROP INDEX CONCURRENTLY IF EXISTS a_b"]),
    ("ALTER TABLE a ADD COLUMN b text NOT NULL DEFAULT ''", ["ALTER TABLE a ADD COLUMN b text NOT NULL DEFAULT ''"]),
    ("ALTER TABLE a ADD COLUMN b bigint NULL DEFAULT NULL", ["ALTER TABLE a ADD COLUMN b bigint NULL DEFAULT NULL"]),
    ("ALTER TABLE a ADD COLUMN b timestamp DEFAULT now()", ["ALTER TABLE a ADD COLUMN b timestamp DEFAULT now()"]),
    ("ALTER TABLE a ALTER COLUMN b DROP NOT NULL; ALTER TABLE a ALTER COLUMN b DROP DEFAULT",
     ["ALTER TABLE a ALTER COLUMN b DROP NOT NULL", "ALTER TABLE a ALTER COLUMN b DROP DEFAULT"]),
    ("ALTER TABLE a ADD CONSTRAINT f FOREIGN KEY (x) REFERENCES b (y)",
     ["ALTER TABLE a ADD CONSTRAINT f FOREIGN KEY (x) REFERENCES b (y) NOT VALID",
      "ALTER TABLE a VALIDATE CONSTRAINT f"]),
    ("ALTER TABLE a ADD CONSTRAINT k CHECK (x > 0)",
     ["ALTER TABLE a ADD CONSTRAINT k CHECK (x > 0) NOT VALID", "ALTER TABLE a VALIDATE CONSTRAINT k"]),
    ("ALTER TABLE a ADD COLUMN b int, ADD COLUMN c int",
     ["ALTER TABLE a ADD COLUMN b integer", "ALTER TABLE a ADD COLUMN c integer"]),
    ("ALTER TABLE a ALTER COLUMN b SET NOT NULL",
     ["ALTER TABLE a ADD CONSTRAINT a_b_online CHECK (b IS NOT NULL) NOT VALID",
      "ALTER TABLE a VALIDATE CONSTRAINT a_b_online", "ALTER TABLE a ALTER COLUMN b SET NOT NULL",
      "ALTER TABLE a DROP CONSTRAINT a_b_online"]),
])
def test_what_can_be_done_online(stock, acts):
    assert online(stock) == acts


def test_an_index_that_replaces_one_of_its_name_is_built_first():
    assert online("DROP INDEX x; DROP INDEX y; CREATE INDEX x ON a (b); CREATE INDEX z ON a (c)") == [
        "CREATE INDEX CONCURRENTLY x_online ON a (b)", "CREATE INDEX CONCURRENTLY z ON a (c)",
        "DROP INDEX CONCURRENTLY IF EXISTS x", "DROP INDEX CONCURRENTLY IF EXISTS y",
        "ALTER INDEX x_online RENAME TO x"]


def test_a_new_table_needs_no_care():
    made = "CREATE TABLE n (id int); CREATE INDEX n_id ON n (id); ALTER TABLE n ADD COLUMN b text NOT NULL; " \
           "INSERT INTO n VALUES (1, 'x')"
    assert online(made) == ["CREATE TABLE n (id integer)", "CREATE INDEX n_id ON n (id)",
                            "ALTER TABLE n ADD COLUMN b text NOT NULL", "INSERT INTO n VALUES (1, 'x')"]


@pytest.mark.parametrize(("stock", "why"), [
    ("ALTER TABLE a DROP COLUMN b", "still read by the old version"),
    ("ALTER TABLE a ALTER COLUMN b TYPE uuid USING b::uuid", "writes every row"),
    ("ALTER TABLE a ADD COLUMN b uuid DEFAULT gen_random_uuid()", "another for each row"),
    ("ALTER TABLE a ADD COLUMN b int NOT NULL", "fits no row"),
    ("ALTER TABLE a ADD COLUMN b int UNIQUE", "constraint"),
    ("ALTER TABLE a ADD PRIMARY KEY (b)", "lets nobody in"),
    ("DROP TABLE a", "still read by the old version"),
    ("UPDATE a SET b = 1", "changes rows"),
    ("INSERT INTO a SELECT * FROM b", "changes rows"),
    ("DELETE FROM a", "changes rows"),
    ("ALTER TABLE a RENAME TO b", "nobody knows"),
    ("SELECT pg_sleep(1)", "nobody knows"),
    ("TRUNCATE a", "nobody knows"),
    ("CREATE INDEX ON a (b)", "without a name"),
    ("not even SQL", "grammar"),
])
def test_what_can_not_is_refused_by_name(stock, why):
    found = rewrite([Recorded("7", stock)])
    assert found.acts == []
    assert len(found.refused) == 1
    assert found.refused[0].version == "7"
    assert why in found.refused[0].why


LOG = """2026-01-01 10:00:00.000 UTC [7] LOG:  statement: ;
2026-01-01 10:00:00.000 UTC [7] LOG:  statement: SELECT * FROM hydra_client_migration
2026-01-01 10:00:00.000 UTC [7] ERROR:  relation "hydra_client_migration" does not exist at character 15
2026-01-01 10:00:00.000 UTC [7] LOG:  statement: ALTER TABLE schema_migration RENAME TO old_schema_migration
2026-01-01 10:00:00.000 UTC [7] LOG:  execute s_1: SELECT EXISTS (SELECT FROM schema_migration WHERE version = $1)
2026-01-01 10:00:00.000 UTC [7] DETAIL:  parameters: $1 = '20201110104000000000'
2026-01-01 10:00:00.000 UTC [7] LOG:  statement: begin isolation level serializable
2026-01-01 10:00:00.000 UTC [7] LOG:  statement: DROP INDEX x;
\tCREATE INDEX x
\t    ON a (b);
\t
2026-01-01 10:00:00.000 UTC [8] ERROR:  canceling statement due to user request
2026-01-01 10:00:00.000 UTC [7] LOG:  statement: INSERT INTO schema_migration (version) VALUES ('20201110104000000000')
2026-01-01 10:00:00.000 UTC [7] LOG:  statement: commit
2026-01-01 10:00:00.000 UTC [7] LOG:  statement: SELECT drop_everything()
2026-01-01 10:00:00.000 UTC [9] LOG:  statement: SELECT 'recorded abc'
"""


def test_the_log_is_read_statement_by_statement():
    assert list(recorded(LOG)) == [
        Recorded("20201110104000000000", "DROP INDEX x;\nCREATE INDEX x\n    ON a (b);"),
        Recorded("", "SELECT drop_everything()")]


def test_a_statement_that_no_version_claims_is_refused_rather_than_forgotten():
    assert "nobody knows" in rewrite([Recorded("", "SELECT drop_everything()")]).refused[0].why
