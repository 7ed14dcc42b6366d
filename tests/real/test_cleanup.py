"""Odd rows of 1.x as they arise in life: found by class, mended, and without that the migration fails by name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from real_grants import SCOPE, People, Stand, people, stand

from sim.errors import StepFailed
from sim.rigs.real.cleanup import Cleanup
from sim.rigs.real.copying import Copying
from sim.rigs.real.databases import database
from sim.rigs.real.migration import Migration
from sim.rigs.real.repair import Repair
from sim.rigs.real.verification import Verification

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]


def quiet(_: dict[str, Any]) -> None:
    pass


@pytest.fixture
async def blue(tmp_path: Path) -> AsyncIterator[Stand]:
    async with stand(tmp_path / "run") as ready:
        yield ready


async def copied(at: Stand) -> Copying:
    copying = Copying(at.engine, at.secrets)
    await copying.copy(jobs=2, on_snapshot=lambda: None, progress=quiet)
    return copying


async def sql(at: Stand, *statements: str) -> None:
    async with database(at.engine, at.secrets, "blue") as connection:
        for statement in statements:
            await connection.execute(statement)


async def odd(at: Stand, life: People) -> dict[str, str]:
    """One grant or row of every class; returns class → its consent challenge (or client)."""
    await life.client("shop")
    made = {name: await life.grant("shop", name) for name in ("fine", "unanswered_login", "lost_login", "broken_json")}
    # Accepted by POST /clients and /oauth2/auth as they are.
    await life.client("quoted", contacts=['"Ops" <ops@rehearse.test>'], scope='openid offline api."x" api.\\y')
    made["client_list"] = "quoted"
    made["flow_list"] = await life.grant("quoted", "flow_list", scope='openid offline api."x" api.\\y')
    # A login and consent nobody answered, whose login's answer an old migration deleted.
    jar: dict[str, str] = {}
    made["unanswered_consent"] = await life.login(await life.begin("shop", jar), "gone", jar, remember=False)
    # A double click: two consents of one login, both granted.
    made["shared_login"] = await life.grant("shop", "first")
    made["second"] = await life.grant("shop", "second")
    await life.delete_logins("lost_login")
    login = "(SELECT login_challenge FROM hydra_oauth2_consent_request WHERE challenge = '{}')"
    await sql(at, *(f"DELETE FROM hydra_oauth2_authentication_request_handled WHERE challenge = {login.format(made[c])}"
                    for c in ("unanswered_consent", "unanswered_login")),
              f"UPDATE hydra_oauth2_consent_request SET login_challenge = {login.format(made['shared_login'])} "
              f"WHERE challenge = '{made['second']}'",
              f"UPDATE hydra_oauth2_consent_request_handled SET session_id_token = '' "
              f"WHERE challenge = '{made['broken_json']}'")
    return made


async def test_every_class_is_found_mended_and_migrates(blue: Stand) -> None:
    async with people(blue) as life:
        made = await odd(blue, life)
    copying = await copied(blue)
    assert copying.equality()["different"] == 0
    assert copying.equality()["keys"] > 50
    cleanup = Cleanup(blue.engine, blue.secrets)
    figures = await cleanup.cleanup(rows="known", progress=quiet)
    classes = {name: one["found"] for name, one in figures["classes"].items()}
    assert classes == {"unanswered_consent": 1, "unanswered_login": 1, "shared_login": 1, "lost_login": 1,
                       "forgotten_consent": 0, "broken_json": 1, "client_list": 1, "flow_list": 2}
    keys = {key for _, key, _ in figures["rows"]}
    assert {made[c] for c in ("unanswered_consent", "unanswered_login", "lost_login", "broken_json", "client_list",
                              "flow_list")} <= keys
    assert len({made["shared_login"], made["second"]} & keys) == 1  # the other one keeps the login
    assert figures["classes"]["unanswered_consent"]["set_aside"] == 1
    assert all(one["left"] == 0 for one in figures["classes"].values())
    again = await cleanup.cleanup(rows="known", progress=quiet)
    assert again["found"] == 0  # nothing is mended twice

    migration = Migration(blue.engine, blue.secrets)
    migrated = await migration.migrate(analyze=True, progress=quiet)
    assert migrated["files"] == 157
    assert (await migration.listed())["missing"] == []
    repaired = await Repair(blue.engine, blue.secrets).repair(marks=["subject", "state", "grants"], progress=quiet)
    assert repaired["consents"] == repaired["with_flow"] == 7
    assert all(mark["left"] == 0 for mark in repaired["marks"].values())
    verification = Verification(blue.engine, blue.secrets, copying)
    consents = await verification.measure("consents", {"revoked": []})
    assert (consents["at_snapshot"], consents["present"], consents["missing"]) == (7, 7, [])
    async with database(blue.engine, blue.secrets, "green") as green:
        assert await green.fetchval("SELECT contacts::text FROM hydra_client WHERE id = 'quoted'") == (
            '["\\"Ops\\" <ops@rehearse.test>"]')
        scope = await green.fetchval("SELECT granted_scope::jsonb ->> 3 FROM hydra_oauth2_flow "
                                     "WHERE consent_challenge_id = $1", made["flow_list"])
        assert scope == "api.\\y"


async def test_what_was_changed_can_be_put_back(blue: Stand) -> None:
    async with people(blue) as life:
        await odd(blue, life)
    await copied(blue)
    cleanup = Cleanup(blue.engine, blue.secrets)
    await cleanup.cleanup(rows="known", progress=quiet)
    assert sum(map(len, (await cleanup.find()).values())) == 0
    counts = await cleanup.put_back()
    assert counts["set_aside"] == 1
    assert counts["stand_in"] == 5
    assert sum(map(len, (await cleanup.find()).values())) == 8
    # Not a row differs from blue's.
    async with (database(blue.engine, blue.secrets, "blue") as b,
                database(blue.engine, blue.secrets, "green") as g):
        from sim.rigs.real.digests import digests, equality

        assert (await equality(b, g, await digests(b)))["different"] == 0


BREAKS = {
    "unanswered_consent": ("20211019000001000001", "23514"),
    "shared_login": ("20211019000001000002", "23505"),
    "broken_json": ("20211019000001000001", "22P02"),
    "client_list": ("20220513000001000002", "22P02"),
    "flow_list": ("20220513000001000007", "22P02"),
}


async def test_without_cleanup_the_migration_fails_by_file_and_sqlstate(blue: Stand, tmp_path: Path) -> None:
    async with people(blue) as life:
        made = await odd(blue, life)
    copying, cleanup = Copying(blue.engine, blue.secrets), Cleanup(blue.engine, blue.secrets)
    mend = tmp_path / "mend.sql"
    from sim.rigs.real.mending import MENDING

    for name, (version, sqlstate) in BREAKS.items():
        await copying.drop_copy()
        await copying.copy(jobs=2, on_snapshot=lambda: None, progress=quiet)
        looked = await cleanup.cleanup(rows="none", progress=quiet)
        assert looked["classes"][name]["found"] == looked["classes"][name]["left"] >= 1
        # A file of one's own that mends everything but this class.
        mend.write_text(";\n".join(s for other, some in MENDING.items() if other != name for s in some))
        figures = await cleanup.cleanup(rows=str(mend), progress=quiet)
        assert {c for c, one in figures["classes"].items() if one["left"]} == {name}
        with pytest.raises(StepFailed) as failed:
            await Migration(blue.engine, blue.secrets).migrate(analyze=False, progress=quiet)
        assert version in failed.value.what, name
        assert f"SQLSTATE {sqlstate}" in failed.value.seen, name
        if name == "flow_list":  # by then the consents are merged: the login names the row
            assert "hydra_oauth2_flow" in failed.value.seen
        else:
            culprits = {made[name], *([made["second"]] if name == "shared_login" else [])}
            assert any(key in failed.value.seen for key in culprits), name


async def test_a_script_that_fails_changes_nothing(blue: Stand, tmp_path: Path) -> None:
    async with people(blue) as life:
        await life.client("shop")
        await life.grant("shop", "fine", scope=SCOPE)
    await copied(blue)
    script = tmp_path / "mine.sql"
    script.write_text("DELETE FROM hydra_oauth2_refresh; SELECT no_such_column FROM hydra_client")
    with pytest.raises(StepFailed, match="nothing of it is in force") as failed:
        await Cleanup(blue.engine, blue.secrets).cleanup(rows=str(script), progress=quiet)
    assert "42703" in failed.value.seen
    async with database(blue.engine, blue.secrets, "green") as green:
        assert await green.fetchval("SELECT count(*) FROM hydra_oauth2_refresh") == 1
