"""Blocked intervals out of samples of Postgres' lock tables."""

import pytest

from sim.rigs.real.locks import MIGRATOR, Waits


def row(waiting, for_s=0.0, *, query="DROP INDEX x; CREATE INDEX y", application=MIGRATOR):
    """One sample as the query gives it."""
    return {"waiting": waiting, "for_s": for_s, "waiter": "SELECT  1\n -- a comment\n", "query": query, "pid": 1,
            "application_name": application, "held": ["hydra_oauth2_access AccessExclusiveLock"]}


def test_samples_that_follow_each_other_are_one_interval():
    waits = Waits()
    for n in range(10):
        waits.sample(1.0 + n * 0.05, row(3 + n, 0.02 + n * 0.05))
    waits.sample(1.5, row(0))
    waits.sample(3.0, row(1, 0.1))
    figures = waits.figures()
    assert figures["samples"] == 12
    assert [b["for_s"] for b in figures["blocked"]] == pytest.approx([0.47, 0.1])
    first = figures["blocked"][0]
    assert (first["waiting"], first["by_migrator"], first["waiter"]) == (12, True, "SELECT 1")
    assert first["from_s"] == pytest.approx(0.98)
    assert first["holder"].startswith("DROP INDEX x")
    assert first["held"] == ["hydra_oauth2_access AccessExclusiveLock"]
    assert figures["longest_block_s"] == pytest.approx(0.47)


def test_traffic_that_waits_for_traffic_is_told_apart():
    waits = Waits()
    waits.sample(1.0, row(1, 0.01, query="UPDATE a", application=""))
    assert waits.figures()["blocked"][0]["by_migrator"] is False


def test_no_wait_no_interval():
    waits = Waits()
    waits.sample(1.0, row(0))
    assert waits.figures() == {"samples": 1, "blocked_s": 0, "longest_block_s": 0.0, "blocked": []}
