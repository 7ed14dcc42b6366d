"""Copy, migrate, repair, verify: on two real Postgres, proven through Hydra 2.3.0's own API."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import aiohttp
import pytest
from real_grants import People, Stand, people, stand

from sim.errors import StepFailed
from sim.rigs.real.copying import Copying
from sim.rigs.real.databases import database
from sim.rigs.real.digests import digests, equality
from sim.rigs.real.migration import Migration
from sim.rigs.real.migrator import Listening, read_status
from sim.rigs.real.repair import Repair
from sim.rigs.real.verification import Verification

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]

ALL = ["subject", "state", "grants"]


def quiet(_: dict[str, Any]) -> None:
    pass


@pytest.fixture
async def blue(tmp_path: Path) -> AsyncIterator[Stand]:
    async with stand(tmp_path / "run") as ready:
        yield ready


async def some_grants(at: Stand, life: People) -> dict[str, str]:
    """Remembered, forgotten, skipped, empty and abandoned: name → consent challenge."""
    await life.client("shop")
    await life.client("other")
    jar: dict[str, str] = {}
    made = {"ann": await life.grant("shop", "ann", jar=jar), "bob": await life.grant("shop", "bob", remember=False)}
    # Nothing granted although asked: granted_scope ''.
    empty: dict[str, str] = {}
    made["eve"] = await life.login(await life.begin("other", empty), "eve", empty, remember=True)
    await life.consent(made["eve"], empty, scope="", remember=True)
    # Logged in, then walked away from the consent.
    left: dict[str, str] = {}
    made["dan"] = await life.login(await life.begin("other", left), "dan", left, remember=False)
    return made


async def migrated(at: Stand) -> tuple[Copying, dict[str, Any]]:
    copying = Copying(at.engine, at.secrets)
    await copying.copy(jobs=2, on_snapshot=lambda: None, progress=quiet)
    return copying, await Migration(at.engine, at.secrets).migrate(analyze=True, progress=quiet)


async def listed_consents(at: Stand, subject: str) -> list[str]:
    """What green's Hydra lists for a subject: the consents' clients."""
    host, port = at.engine.direct("green-hydra", "admin")
    async with aiohttp.ClientSession() as session, session.get(
            f"http://{host}:{port}/admin/oauth2/auth/sessions/consent", params={"subject": subject}) as answer:
        assert answer.status == 200
        return [one["consent_request"]["client"]["client_id"] for one in await answer.json()]


async def is_active(at: Stand, side: str, token: str) -> bool:
    host, port = at.engine.direct(f"{side}-hydra", "admin")
    path = "/admin/oauth2/introspect" if side == "green" else "/oauth2/introspect"
    async with aiohttp.ClientSession() as session, session.post(f"http://{host}:{port}{path}",
                                                                data={"token": token}) as answer:
        return bool((await answer.json())["active"])


async def test_marks_hide_consents_until_they_are_repaired(blue: Stand) -> None:
    async with people(blue) as life:
        made = await some_grants(blue, life)
    seen: list[dict[str, Any]] = []
    await Copying(blue.engine, blue.secrets).copy(jobs=2, on_snapshot=lambda: None, progress=quiet)
    figures = await Migration(blue.engine, blue.secrets).migrate(analyze=True, progress=seen.append)
    assert figures["marks"] == {"state_128": 4, "subject_empty": 4, "challenge_null": 0}
    assert figures["files"] == len(figures["files_s"]) == 157
    assert figures["rows_updated"] > 0
    assert seen[-1]["done"] == seen[-1]["total"] == 157
    await blue.engine.start("green-hydra")
    assert await listed_consents(blue, "ann") == []
    assert await is_active(blue, "green", blue.grants["ann"]["access_token"])

    repaired = await Repair(blue.engine, blue.secrets).repair(marks=ALL, progress=quiet)
    assert {name: mark["mended"] for name, mark in repaired["marks"].items()} == {"subject": 3, "grants": 1, "state": 3}
    assert [await listed_consents(blue, name) for name in ("ann", "bob", "eve", "dan")] == [
        ["shop"], ["shop"], ["other"], []]
    async with database(blue.engine, blue.secrets, "green") as green:
        state = await green.fetchval("SELECT state FROM hydra_oauth2_flow WHERE consent_challenge_id = $1", made["dan"])
        assert state == 128  # abandoned, and left as it is


async def test_each_mark_alone_and_none(blue: Stand) -> None:
    async with people(blue) as life:
        await some_grants(blue, life)
    await migrated(blue)
    repair = Repair(blue.engine, blue.secrets)
    none = await repair.repair(marks=[], progress=quiet)
    assert {name: mark["left"] for name, mark in none["marks"].items()} == {"subject": 3, "grants": 1, "state": 3}
    state = await repair.repair(marks=["state"], progress=quiet)
    # Without a granted scope the table's CHECK does not let state 6 in: that one is left, and said.
    assert state["marks"]["state"] == {"wrong": 3, "mended": 2, "left": 1}
    rest = await repair.repair(marks=["grants", "state", "subject"], progress=quiet)
    assert all(mark["left"] == 0 for mark in rest["marks"].values())


async def test_what_blue_writes_during_the_copy_is_no_difference(blue: Stand) -> None:
    copying = Copying(blue.engine, blue.secrets)
    async with people(blue) as life:
        await life.client("shop")
        await life.grant("shop", "before")
        fixed = asyncio.Event()
        copy = asyncio.create_task(copying.copy(jobs=2, on_snapshot=fixed.set, progress=quiet))
        await fixed.wait()
        during = await life.grant("shop", "during")
        figures = await copy
    assert figures["different"] == 0
    assert copying.equality()["tables"]["hydra_oauth2_refresh"] == {"blue": 1, "green": 1, "equal": True}
    verification = Verification(blue.engine, blue.secrets, copying)
    await Migration(blue.engine, blue.secrets).migrate(analyze=True, progress=quiet)
    assert (await verification.measure("lost_grants", {"signatures": {}}))["grants"] == [during]


async def test_what_was_acknowledged_before_the_snapshot_was_noted_is_in_the_copy(blue: Stand) -> None:
    async with people(blue) as life:
        await life.client("shop")

    async def write() -> None:
        async with database(blue.engine, blue.secrets, "blue") as there:
            await there.execute("UPDATE hydra_client SET client_name = 'in time' WHERE id = 'shop'")

    def at_the_last_moment() -> None:
        other = threading.Thread(target=lambda: asyncio.run(write()))
        other.start()
        other.join()

    await Copying(blue.engine, blue.secrets).copy(jobs=1, on_snapshot=at_the_last_moment, progress=quiet)
    async with database(blue.engine, blue.secrets, "green") as green:
        assert await green.fetchval("SELECT client_name FROM hydra_client WHERE id = 'shop'") == "in time"


async def test_a_changed_row_and_a_lost_row_are_differences(blue: Stand) -> None:
    async with people(blue) as life:
        await life.client("shop")
        for name in ("ann", "bob"):
            await life.grant("shop", name)
    await Copying(blue.engine, blue.secrets).copy(jobs=2, on_snapshot=lambda: None, progress=quiet)
    async with (database(blue.engine, blue.secrets, "blue") as b, database(blue.engine, blue.secrets, "green") as g):
        await g.execute("DELETE FROM hydra_oauth2_refresh WHERE subject = 'ann'")
        await g.execute("UPDATE hydra_oauth2_access SET active = false WHERE subject = 'bob'")
        told = await equality(b, g, await digests(b))
    assert told["different"] == 2
    assert {t for t, one in told["tables"].items() if not one["equal"]} == {
        "hydra_oauth2_refresh", "hydra_oauth2_access"}


async def test_dropped_copied_again_and_refused(blue: Stand) -> None:
    copying = Copying(blue.engine, blue.secrets)
    await copying.copy(jobs=1, on_snapshot=lambda: None, progress=quiet)
    with pytest.raises(StepFailed, match="not empty"):
        await copying.copy(jobs=1, on_snapshot=lambda: None, progress=quiet)
    await copying.drop_copy()
    with pytest.raises(StepFailed, match="not compared"):
        copying.equality()
    figures = await copying.copy(jobs=2, on_snapshot=lambda: None, progress=quiet)
    assert figures["different"] == 0
    async with database(blue.engine, blue.secrets, "green") as green:
        owners = await green.fetch("SELECT DISTINCT tableowner::text FROM pg_tables WHERE schemaname = 'public'")
        assert [row[0] for row in owners] == ["hydra"]


async def test_a_copy_given_up_leaves_nothing_behind(blue: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    copying = Copying(blue.engine, blue.secrets)
    scratch = mkdtemp(dir="/tmp")
    os.chmod(scratch, 0o777)  # the copier is the user Postgres runs as
    monkeypatch.setenv("TMPDIR", scratch)
    given_up = 0
    for delay_s in (0.0, 0.1, 0.4):
        fixed = asyncio.Event()
        copy = asyncio.create_task(copying.copy(jobs=2, on_snapshot=fixed.set, progress=quiet))
        await fixed.wait()
        await asyncio.sleep(delay_s)
        if copy.cancel():  # False: the copy was quicker than the delay
            given_up += 1
            with pytest.raises(asyncio.CancelledError):
                await copy
        await copying.drop_copy()
        assert os.listdir(scratch) == []
    assert given_up >= 2
    assert (await copying.copy(jobs=2, on_snapshot=lambda: None, progress=quiet))["different"] == 0
    os.rmdir(scratch)


async def test_a_migration_given_up_names_no_success(blue: Stand) -> None:
    await Copying(blue.engine, blue.secrets).copy(jobs=2, on_snapshot=lambda: None, progress=quiet)
    begun = asyncio.Event()
    migration = Migration(blue.engine, blue.secrets)
    work = asyncio.create_task(migration.migrate(analyze=False, progress=lambda _: begun.set()))
    await begun.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    missing = (await migration.listed())["missing"]
    # Files already done stay done, so it goes on where it was.
    figures = await migration.migrate(analyze=False, progress=quiet)
    assert figures["files"] == len(missing)
    assert (await migration.listed())["missing"] == []


async def test_revoked_rotated_and_new_are_told_apart(blue: Stand) -> None:
    async with people(blue) as life:
        await life.client("shop")
        made = {name: await life.grant("shop", name) for name in ("kept", "rotated", "revoked", "unconsented", "twice")}
        copying, _ = await migrated(blue)
        await Repair(blue.engine, blue.secrets).repair(marks=ALL, progress=quiet)
        for name in ("rotated", "twice"):
            old = blue.grants[name]["refresh_token"]
            blue.grants[name] = await life.token("shop", grant_type="refresh_token", refresh_token=old)
        made["new"] = await life.grant("shop", "new")
        await life.token("shop", grant_type="client_credentials")
        await life.revoke("shop", blue.grants["revoked"]["refresh_token"])
        await life.revoke("shop", blue.grants["twice"]["refresh_token"])
        await life.revoke_consent("unconsented", "shop")
    verification = Verification(blue.engine, blue.secrets, copying)
    signatures = {blue.grants["new"]["refresh_token"].rpartition(".")[2]: "n-7",
                  blue.grants["rotated"]["refresh_token"].rpartition(".")[2]: "n-3"}
    ask = verification.measure
    oracle = await ask("oracle", {"when": "end", "signatures": signatures})
    dead = {made[name] for name in ("revoked", "unconsented", "twice")}
    assert {*oracle["gone"], *oracle["inactive"]} == dead
    assert oracle["gone_count"] + oracle["inactive_count"] == 3
    assert made["unconsented"] in oracle["gone"]
    lost = await ask("lost_grants", {"signatures": signatures})
    assert (lost["count"], lost["grants"], lost["service_tokens"]) == (1, ["n-7"], 1)
    chains = await ask("lost_chains", {"signatures": signatures})
    assert (chains["count"], chains["grants"]) == (1, ["n-3"])
    rows = await ask("revoked_rows", {"grants": sorted(dead), "consents": [made["unconsented"]],
                                      "signatures": signatures})
    assert rows["checked"] == 3
    assert set(rows["alive"]) == dead
    assert "flow" in rows["alive"][made["unconsented"]]
    async with database(blue.engine, blue.secrets, "green") as green:
        for table in ("access", "refresh", "code", "oidc", "pkce"):
            await green.execute(f"DELETE FROM hydra_oauth2_{table} WHERE request_id = ANY($1)", list(dead))
        await green.execute("DELETE FROM hydra_oauth2_flow WHERE consent_challenge_id = $1", made["unconsented"])
    assert (await ask("oracle", {"when": "end", "signatures": signatures}))["gone"] == []
    assert (await ask("revoked_rows", {"grants": sorted(dead), "consents": [made["unconsented"]],
                                       "signatures": signatures}))["alive"] == {}
    consents = await ask("consents", {"revoked": []})
    assert consents == {"at_snapshot": 5, "revoked": 1, "present": 4, "missing_count": 0, "missing": []}
    async with database(blue.engine, blue.secrets, "green") as green:
        await green.execute("UPDATE hydra_oauth2_flow SET state = 128 WHERE consent_challenge_id = $1", made["kept"])
    assert (await ask("consents", {"revoked": []}))["missing"] == [made["kept"]]
    assert (await ask("browser_sessions", {}))["count"] == 6
    assert (await ask("migrations", {})) == {"expected": 212, "applied": 212, "missing": [], "unexpected": []}
    with pytest.raises(StepFailed, match="nobody knows"):
        await ask("weather", {})


async def test_a_migrator_that_can_not_reach_its_database_is_a_failure(blue: Stand) -> None:
    await Copying(blue.engine, blue.secrets).copy(jobs=1, on_snapshot=lambda: None, progress=quiet)
    await blue.engine.stop("toxiproxy")
    with pytest.raises(StepFailed, match="no list"):
        async with asyncio.timeout(60):
            await Migration(blue.engine, blue.secrets).migrate(analyze=False, progress=quiet)


def test_lines_of_the_migrator_are_read() -> None:
    listed = read_status(["Version\t\t\tName\t\t\tStatus\t",
                          "20150101000001000000\tnetworks\t\t\tApplied\t", "20190100000001000000\tclient\tPending\t"])
    assert listed.names == {"20150101000001000000": "networks", "20190100000001000000": "client"}
    assert listed.applied == {"20150101000001000000"}
    listening = Listening()
    for line in ("time=x level=info msg=> nid applied successfully audience=application version=20220210000001000000",
                 "ERROR: invalid input syntax for type json (SQLSTATE 22P02)",
                 "error executing migrations/20220513000001000002_string_slice_json.postgres.up.sql, sql: -- x"):
        listening(line)
    assert list(listening.took_s) == ["20220210000001000000"]
    assert listening.trouble.sqlstate == "22P02"
    assert listening.trouble.file == "20220513000001000002_string_slice_json.postgres.up.sql"
