"""What the gauge tells of a Postgres, out of the rows it reads."""

from __future__ import annotations

from typing import Any, cast

from sim.rigs.real.postgres_gauge import PostgresGauge, statement, wait


def row(wal: int, temp: int) -> dict[str, Any]:
    return {"connections": 3, "waiting": 0, "oldest_s": 0.12345, "wal_bytes": wal, "temp_bytes": temp}


def test_wal_and_temp_files_count_from_the_first_look() -> None:
    gauge = PostgresGauge(cast("Any", None), cast("Any", None))
    looks = ((900, 50), (1400, 80), (1500, 10), (1500, 25))
    told = [gauge._since_first("green", row(wal, temp)) for wal, temp in looks]
    assert [t["wal_bytes"] for t in told] == [0, 500, 600, 600]
    assert [t["temp_bytes"] for t in told] == [0, 30, 10, 25], "a database made anew counts from nothing"
    assert gauge._since_first("blue", row(7, 7))["wal_bytes"] == 0, "each side from its own first look"


def test_a_wait_names_who_what_and_who_holds_it() -> None:
    told = wait({"who": "hydra", "wants": "SELECT 1\n-- of it\nFROM a WHERE x = 'a secret''s end'",
                 "mode": "AccessShareLock", "for_s": 1.23456, "lock": "hydra_client",
                 "holder": "migrator", "holder_does": "ALTER TABLE a", "holder_state": "active",
                 "holder_since_s": 2.0, "holder_waits": False, "held": ["AccessExclusiveLock"]})
    assert (told["who"], told["lock"], told["mode"], told["for_s"]) == ("hydra", "hydra_client", "AccessShare", 1.235)
    assert (told["holder"], told["held"]) == ("migrator", ["AccessExclusive"])
    assert told["wants"] == "SELECT 1 FROM a WHERE x = '…'"


def test_a_wait_whose_holder_is_gone_by_now_says_what_it_knows() -> None:
    told = wait({"who": "hydra", "wants": None, "mode": "ShareLock", "for_s": None, "lock": "transactionid",
                 "holder": None})
    assert told == {"who": "hydra", "wants": "", "lock": "transactionid", "mode": "Share", "for_s": 0.0}


def test_statements_are_short_and_on_one_line() -> None:
    assert statement("  a\n\tb  ") == "a b" and len(statement("x " * 500)) <= 120
