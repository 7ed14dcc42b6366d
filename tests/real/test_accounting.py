"""After the real migration: every row has a fate, the schema is a fresh one, the janitor's toll is known."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from real_grants import Stand, people, stand

from sim.rigs.real.accounting import Accounting
from sim.rigs.real.cleanup import Cleanup
from sim.rigs.real.copying import Copying
from sim.rigs.real.databases import database
from sim.rigs.real.fresh import FreshSchema
from sim.rigs.real.grant_indexes import GrantIndexes
from sim.rigs.real.janitor import Janitor
from sim.rigs.real.migration import Migration
from sim.rigs.real.repair import Repair
from sim.services.rows import TAKE_TOKENS

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]

MONTH_S = 30 * 24 * 3600.0


def quiet(_: dict[str, Any]) -> None:
    pass


@pytest.fixture
async def blue(tmp_path: Path) -> AsyncIterator[Stand]:
    """Four people's grants; the login of one of them was deleted since."""
    async with stand(tmp_path / "run") as ready, people(ready) as life:
        await life.client("shop")
        for name in ("ann", "bob", "cho", "dan"):
            ready.grants[name]["consent"] = await life.grant("shop", name)
        await life.delete_logins("dan")
        yield ready


async def migrated(at: Stand, *, rows: str) -> Accounting:
    await Copying(at.engine, at.secrets).copy(jobs=2, on_snapshot=lambda: None, progress=quiet)
    await Cleanup(at.engine, at.secrets).cleanup(rows=rows, progress=quiet)
    await Migration(at.engine, at.secrets).migrate(analyze=True, progress=quiet)
    accounting = Accounting(at.engine, at.secrets)
    await accounting.hold()
    return accounting


async def on_green(at: Stand, script: str) -> None:
    async with database(at.engine, at.secrets, "green") as green:
        await green.execute(script)


async def test_every_row_is_kept_merged_or_named_as_lost(blue: Stand) -> None:
    accounting = await migrated(blue, rows="none")
    # What green's clients do afterwards is no difference: the migration's end is what counts.
    await on_green(blue, "DELETE FROM hydra_oauth2_refresh; DELETE FROM hydra_oauth2_flow")
    told = await accounting.accounted()
    lost = blue.grants["dan"]["consent"]
    assert told["names"] == [f"hydra_oauth2_consent_request {lost}", f"hydra_oauth2_consent_request_handled {lost}"]
    assert told["copied"] == told["kept"] + told["merged"] + told["cleaned"] + told["lost"] > 20
    assert told["tables"]["hydra_oauth2_refresh"] == {"copied": 4, "kept": 4, "merged": 0, "cleaned": 0, "lost": 0}
    assert told["tables"]["hydra_oauth2_consent_request"]["merged"] == 3


async def test_what_the_cleanup_mends_is_not_lost(blue: Stand) -> None:
    told = await (await migrated(blue, rows="known")).accounted()
    assert (told["lost"], told["names"]) == (0, [])
    assert told["tables"]["hydra_oauth2_consent_request"]["merged"] == 4


async def test_the_migrated_schema_is_a_fresh_one_but_for_what_blue_had_of_its_own(blue: Stand) -> None:
    async with database(blue.engine, blue.secrets, "blue") as connection:
        await connection.execute("CREATE TABLE ours (id int PRIMARY KEY); "
                                 "CREATE INDEX ours_too ON hydra_client (owner)")
    await (await migrated(blue, rows="known")).close()
    catalog = FreshSchema(blue.engine, blue.secrets)
    told = await catalog.compared()
    assert told["different"] == [] and told["objects"] > 200
    assert {"table ours", "index ours_too"} <= set(told["own"])
    async with database(blue.engine, blue.secrets, "green") as green:
        some = await green.fetchval("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisunique "
                                    "AND indrelid = 'hydra_oauth2_access'::regclass LIMIT 1")
    await on_green(blue, f"DROP INDEX {some}; ALTER TABLE hydra_jwk ADD COLUMN more int")
    told = await catalog.compared()
    assert told["different"] == ["column hydra_jwk.more is not in a fresh schema", f"index {some} is missing"]


async def test_green_finds_a_grants_rows_by_indexes_until_they_are_dropped(blue: Stand) -> None:
    await (await migrated(blue, rows="known")).close()
    indexes, catalog = GrantIndexes(blue.engine, blue.secrets), FreshSchema(blue.engine, blue.secrets)
    built = (await indexes.build())["indexes"]
    assert built == [f"rehearsal_grant_hydra_oauth2_{table}" for table in ("code", "oidc", "pkce")]
    assert (await indexes.build())["indexes"] == built, "again is harmless"
    told = await catalog.compared()
    assert told["different"] == [] and {f"index {name}" for name in built} <= set(told["own"])
    async with database(blue.engine, blue.secrets, "green") as green:
        await green.execute("SET enable_seqscan = off")
        for table, statement in TAKE_TOKENS["2.x"].items():
            plan = await green.fetch(f"EXPLAIN {statement}", ["one", "two"])
            assert "Seq Scan on hydra_oauth2" not in "".join(row[0] for row in plan), table
    assert (await indexes.drop())["dropped"] == built
    assert (await indexes.drop())["dropped"] == []
    told = await catalog.compared()
    assert told["different"] == [] and not any("rehearsal_grant" in name for name in told["own"])


async def test_the_janitor_takes_living_grants_unless_they_were_repaired(blue: Stand) -> None:
    await (await migrated(blue, rows="known")).close()
    await on_green(blue, "UPDATE hydra_oauth2_flow SET requested_at = requested_at - interval '2 hours'")
    janitor = Janitor(blue.engine, blue.secrets, MONTH_S)
    await Repair(blue.engine, blue.secrets).repair(marks=["subject", "state", "grants"], progress=quiet)
    figures = await janitor.run(what=["requests"])
    assert (figures["alive"], figures["killed"]) == (4, 0)
    await on_green(blue, "UPDATE hydra_oauth2_flow SET state = 128 WHERE consent_challenge_id <> "
                         f"'{blue.grants['bob']['consent']}'")  # as the stock migration marks them
    await janitor.run(what=["requests"])
    cleaned = janitor.cleaned()
    assert cleaned["grants"] == sorted(blue.grants[name]["consent"] for name in ("ann", "cho", "dan"))
    assert (cleaned["job"], cleaned["count"]) == ("janitor", 3)
