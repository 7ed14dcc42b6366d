"""Odd rows that no class knows: found by trying parts of a real population, mended or set aside, put back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from real_grants import Stand, people, stand

from sim.errors import StepFailed
from sim.rigs.real.cleanup import Cleanup
from sim.rigs.real.copying import Copying
from sim.rigs.real.databases import database
from sim.rigs.real.digests import digests, equality
from sim.rigs.real.migration import Migration
from sim.rigs.real.rehearsing import Preflight

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


def quiet(_: dict[str, Any]) -> None:
    pass


@pytest.fixture
async def blue(tmp_path: Path) -> AsyncIterator[Stand]:
    """A blue with a dozen people's grants to two apps."""
    async with stand(tmp_path / "run") as ready, people(ready) as life:
        await life.client("shop")
        await life.client("bank")
        for n in range(6):
            ready.grants[f"shop-{n}"] = {"consent": await life.grant("shop", f"person-{n}")}
            ready.grants[f"bank-{n}"] = {"consent": await life.grant("bank", f"person-{n}")}
        yield ready


async def on_blue(at: Stand, script: str) -> None:
    async with database(at.engine, at.secrets, "blue") as connection:
        await connection.execute(script)


async def leaves_no_database(at: Stand) -> None:
    async with database(at.engine, at.secrets, "green", name="postgres") as server:
        assert await server.fetch("SELECT datname FROM pg_database WHERE datname LIKE 'preflight%'") == []


async def cleaned_and_migrated(at: Stand, preflight: Preflight) -> dict[str, Any]:
    """What follows in a runbook: copy, cleanup, put back and again, migrate; the manifest."""
    await Copying(at.engine, at.secrets).copy(jobs=2, on_snapshot=lambda: None, progress=quiet)
    cleanup = Cleanup(at.engine, at.secrets)
    await cleanup.cleanup(rows="known", progress=quiet, findings=preflight.findings)
    await cleanup.put_back()
    async with database(at.engine, at.secrets, "blue") as b, database(at.engine, at.secrets, "green") as g:
        assert (await equality(b, g, await digests(b)))["different"] == 0, "put back as it was"
    await cleanup.cleanup(rows="known", progress=quiet, findings=preflight.findings)
    migration = Migration(at.engine, at.secrets)
    await migration.migrate(analyze=False, progress=quiet)
    assert (await migration.listed())["missing"] == []
    return dict(json.loads((at.engine.run_dir / "manifest.json").read_text()))


# A check that was never validated: old rows break it, and any update of such a row fails.
UNVALIDATED = """
    UPDATE hydra_client SET policy_uri = 'see our wiki' WHERE id = 'bank';
    ALTER TABLE hydra_client ADD CONSTRAINT policy_is_a_link CHECK (policy_uri = '' OR policy_uri LIKE 'https://%')
        NOT VALID"""
# A trigger that guards one person's refresh token against every change.
GUARDED = """
    CREATE FUNCTION on_hold() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF OLD.subject = 'person-3' AND OLD.client_id = 'shop' THEN RAISE EXCEPTION 'under legal hold'; END IF;
    RETURN NEW; END $$;
    CREATE TRIGGER hold BEFORE UPDATE ON hydra_oauth2_refresh FOR EACH ROW EXECUTE FUNCTION on_hold()"""
# Two people's consents with one verifier: an index of one's own cleaning-up was lost, 2.x wants it unique.
TWINS = """
    DROP INDEX hydra_oauth2_consent_request_veri_idx;
    UPDATE hydra_oauth2_consent_request SET verifier = 'twin'
     WHERE challenge IN (SELECT challenge FROM hydra_oauth2_consent_request WHERE subject IN ('person-1', 'person-5')
                          AND client_id = 'shop')"""
# JSON nested deeper than the parser goes.
DEEP = """
    UPDATE hydra_oauth2_consent_request_handled SET session_id_token = repeat('[', 200000) || repeat(']', 200000)
     WHERE challenge = (SELECT challenge FROM hydra_oauth2_consent_request WHERE subject = 'person-2'
                         AND client_id = 'bank')"""


async def test_a_value_that_breaks_an_unvalidated_check_is_mended_by_column(blue: Stand) -> None:
    await on_blue(blue, UNVALIDATED)
    preflight = Preflight(blue.engine, blue.secrets)
    figures = await preflight.preflight(rows="known", progress=quiet)
    [found] = figures["unknown"]
    assert (found["table"], found["key"], found["action"], found["columns"]) == (
        "hydra_client", "bank", "mend", ["policy_uri"])
    assert found["sqlstate"] == "23514" and "policy_is_a_link" in found["message"]
    assert found["migration"].startswith("2")
    await leaves_no_database(blue)
    manifest = await cleaned_and_migrated(blue, preflight)
    [row] = manifest["rows"]
    assert (row["table"], row["key"], row["action"]) == ("hydra_client", "bank", "mended")
    assert row["columns"] == ["policy_uri"]
    assert "wiki" not in json.dumps(manifest)


async def test_a_row_that_can_not_be_changed_is_set_aside_with_what_hangs_on_it(blue: Stand) -> None:
    await on_blue(blue, GUARDED)
    preflight = Preflight(blue.engine, blue.secrets)
    figures = await preflight.preflight(rows="known", progress=quiet)
    [found] = figures["unknown"]
    assert (found["table"], found["action"], found["along"]) == ("hydra_oauth2_refresh", "set_aside", 0)
    assert found["key"].startswith("sha256:") and "person-3" not in json.dumps(figures)
    assert (found["sqlstate"], found["message"]) == ("P0001", "under legal hold")
    manifest = await cleaned_and_migrated(blue, preflight)
    assert [row["action"] for row in manifest["rows"]] == ["set_aside"]
    async with database(blue.engine, blue.secrets, "green") as green:
        assert await green.fetchval("SELECT count(*) FROM hydra_oauth2_refresh") == 11
        assert await green.fetchval("SELECT before ->> 'subject' FROM rehearsal.rehearsal_set_aside") == "person-3"


async def test_two_rows_that_abort_only_together_are_named_together(blue: Stand) -> None:
    await on_blue(blue, TWINS)
    preflight = Preflight(blue.engine, blue.secrets)
    figures = await preflight.preflight(rows="known", progress=quiet)
    [found] = figures["unknown"]
    assert found["sqlstate"] == "23505" and len(found["others"]) >= 1
    twins = {blue.grants[f"shop-{n}"]["consent"] for n in (1, 5)}
    assert found["key"] in twins or any(one.rpartition(" ")[2] in twins for one in found["others"])
    await cleaned_and_migrated(blue, preflight)


async def test_several_unknown_kinds_and_a_known_one_at_once(blue: Stand) -> None:
    for script in (UNVALIDATED, GUARDED, DEEP):
        await on_blue(blue, script)
    preflight = Preflight(blue.engine, blue.secrets)
    figures = await preflight.preflight(rows="known", progress=quiet)
    assert figures["classes"]["broken_json"]["found"] == 1
    assert sorted(found["table"] for found in figures["unknown"]) == ["hydra_client", "hydra_oauth2_refresh"]
    await cleaned_and_migrated(blue, preflight)


async def test_what_no_row_is_to_blame_for_is_said_before_the_window(blue: Stand) -> None:
    await on_blue(blue, "CREATE VIEW logins AS SELECT challenge, subject FROM hydra_oauth2_authentication_request")
    with pytest.raises(StepFailed) as failed:
        await Preflight(blue.engine, blue.secrets).preflight(rows="known", progress=quiet)
    assert "without a single row" in failed.value.seen and "2BP01" in failed.value.seen
    assert "2021" in failed.value.what
    await leaves_no_database(blue)


async def test_rows_that_no_copy_can_hold_are_named_by_their_constraint(blue: Stand) -> None:
    await on_blue(blue, """
        SET session_replication_role = replica;
        UPDATE hydra_oauth2_access SET client_id = 'deleted-long-ago' WHERE subject = 'person-4';
        SET session_replication_role = origin""")
    with pytest.raises(StepFailed) as failed:
        await Preflight(blue.engine, blue.secrets).preflight(rows="known", progress=quiet)
    assert "restored" in failed.value.what
    assert "hydra_oauth2_access: 2 rows whose client_id is not in hydra_client" in failed.value.seen


async def test_without_a_cleanup_it_refuses_and_names_what_it_found(blue: Stand) -> None:
    await on_blue(blue, UNVALIDATED)
    with pytest.raises(StepFailed) as failed:
        await Preflight(blue.engine, blue.secrets).preflight(rows="none", progress=quiet)
    assert "hydra_client bank" in failed.value.seen and "policy_uri" in failed.value.seen
    await leaves_no_database(blue)


async def test_a_sound_blue_passes_at_the_first_trial(blue: Stand) -> None:
    figures = await Preflight(blue.engine, blue.secrets).preflight(rows="known", progress=quiet)
    assert (figures["found"], figures["unknown"], figures["trials"]) == (0, [], 1)
    await leaves_no_database(blue)
