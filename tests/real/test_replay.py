"""Capture on 1.11.10 and replay on 2.3.0, on real rows: what each point of the design promises."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from services_rig import SEAL, BlueGreen, blue_green
from world import World

from sim.rigs.real.superseded import end_superseded
from sim.services.queue import Queue, intent_subject, outcome_subject
from sim.services.replaying import Collected
from sim.services.revocations import Intent, Outcome, encode, new_id
from sim.services.rows import Rows

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def rig() -> Iterator[BlueGreen]:
    with blue_green() as started:
        yield started


class Story:
    """Grants made before the copy, revoked after it, each in its own way."""

    def __init__(self) -> None:
        self.tokens: dict[str, dict[str, Any]] = {}
        self.old: dict[str, dict[str, Any]] = {}
        self.grants: dict[str, str] = {}

    async def grant(self, rig: BlueGreen, name: str, subject: str) -> None:
        async with World(rig, subject) as world:
            await world.client(name)
            self.tokens[name] = await world.authorize(name)
            row = await world.rows("blue", "SELECT request_id FROM hydra_oauth2_access WHERE client_id = $1", name)
            self.grants[name] = row[0]["request_id"]

    async def rotate(self, world: World, name: str) -> None:
        self.old[name] = self.tokens[name]
        self.tokens[name] = await world.refresh(name, self.tokens[name]["refresh_token"])


@pytest.fixture(scope="module")
def story(rig: BlueGreen) -> Story:
    """Everything up to the start of green's Hydra, before any replay."""
    return asyncio.run(_tell(rig))


async def _tell(rig: BlueGreen) -> Story:
    rig.edge(EDGE_CAPTURE_RECORD="request", EDGE_SEAL_KEY=SEAL)
    told = Story()
    for name, subject in (("kept", "ann"), ("by-access", "ann"), ("by-refresh", "bob"), ("rotated", "bob"),
                          ("consent", "cid"), ("subject-1", "dan"), ("subject-2", "dan"), ("foreign", "eve"),
                          ("refused", "eve"), ("unknown-dead", "fay"), ("unknown-alive", "fay"), ("late-alive", "gus"),
                          ("half-dead", "gus"),
                          ("login", "hal"), ("late", "ivy")):
        await told.grant(rig, name, subject)
    async with World(rig, "operator") as world:
        await world.client("stranger")
        assert (await world.control("PUT", "/capture", {"on": True, "direction": "forward"}))["status"] == 200
        rig.copy()
        t = told.tokens
        await told.rotate(world, "rotated")
        await told.rotate(world, "late")
        await told.grant(rig, "new", "ivy")
        assert (await world.revoke("by-access", t["by-access"]["access_token"])).status == 200
        assert (await world.revoke("by-refresh", t["by-refresh"]["refresh_token"])).status == 200
        assert (await world.revoke("rotated", t["rotated"]["access_token"])).status == 200
        assert (await world.delete("consent", subject="cid", client="consent")).status == 204
        assert (await world.delete("consent", subject="dan", all="true")).status == 204
        assert (await world.revoke("stranger", t["foreign"]["access_token"])).status == 200
        assert (await world.revoke("refused", t["refused"]["access_token"], secret="wrong")).status == 401
        assert (await world.delete("login", subject="hal")).status == 204
        await _publish(rig, told)
    rig.hydra("green", "2.3.0")
    return told


async def _publish(rig: BlueGreen, told: Story) -> None:
    """What a cut leaves behind: an unknown outcome, an intent without one, and both again."""
    queue = Queue(f"nats://127.0.0.1:{rig.ports['nats']}")
    async with World(rig) as world:
        await world.rows("blue", "UPDATE hydra_oauth2_refresh SET active = false WHERE request_id = $1",
                         told.grants["unknown-dead"])
        await world.rows("blue", "DELETE FROM hydra_oauth2_access WHERE request_id = $1", told.grants["unknown-dead"])
        # Hydra was cut off between its two statements: refresh tokens first, then access tokens
        await world.rows("blue", "UPDATE hydra_oauth2_refresh SET active = false WHERE request_id = $1",
                         told.grants["half-dead"])
    for name, word in (("unknown-dead", "unknown"), ("unknown-alive", "unknown"), ("late-alive", None),
                       ("half-dead", None)):
        intent = Intent(new_id(), "access", [told.grants[name]], name, "x", time.time(), owner=name, has_refresh=True)
        for copy in range(2):  # beyond the duplicate window a second copy is stored
            await queue.publish(intent_subject("forward"), encode(intent), id=f"{intent.id}-{copy}")
            if word is not None:
                outcome = encode(Outcome(intent.id, word))  # type: ignore[arg-type]
                await queue.publish(outcome_subject("forward"), outcome, id=f"{intent.id}-{copy}-outcome")
    await queue.close()


REVOKED = ("by-access", "by-refresh", "rotated", "consent", "subject-1", "subject-2", "unknown-dead", "half-dead")
SPARED = ("kept", "foreign", "refused", "unknown-alive", "late-alive", "login")


async def test_resending_tokens_leaves_what_its_status_hides(rig: BlueGreen, story: Story) -> None:
    """Scenario 14: green says 200 to all, and the rotated chain lives on."""
    await _keep(rig)
    try:
        told = rig.replay(by="token")
        rotated = next(r for r in told["records"] if r["request_ids"] == [story.grants["rotated"]])
        assert (rotated["effect"], rotated["why"]) == ("replayed", "answered 200")
        async with World(rig) as world:
            assert await world.introspect(story.old["rotated"]["refresh_token"], side="green")
            assert not await world.introspect(story.tokens["by-access"]["access_token"], side="green")
    finally:
        await _restore(rig)


async def test_a_refresh_under_way_does_not_bring_a_chain_back(rig: BlueGreen, story: Story) -> None:
    """Its rows commit after ours were deleted; the second look finds them."""
    await _keep(rig)
    grant = story.grants["by-access"]
    refreshing, watching = await asyncpg.connect(rig.dsn("green")), await asyncpg.connect(rig.dsn("green"))
    try:
        transaction = refreshing.transaction()
        await transaction.start()
        await refreshing.execute("CREATE TEMP TABLE fresh ON COMMIT DROP AS SELECT * FROM hydra_oauth2_refresh "
                                 "WHERE request_id = $1 AND active", grant)
        await refreshing.execute("UPDATE fresh SET signature = 'of-the-successor'")
        assert await refreshing.execute("INSERT INTO hydra_oauth2_refresh SELECT * FROM fresh") == "INSERT 0 1"
        replaying = asyncio.create_task(asyncio.to_thread(rig.replay))
        while await watching.fetchval("SELECT count(*) FROM hydra_oauth2_access WHERE request_id = $1", grant):  # noqa: ASYNC110 - rows have no event
            await asyncio.sleep(0.005)
        await transaction.commit()
        told = await replaying
        assert (told["exit"], told["still_alive"]) == (0, [])
        assert not await watching.fetch("SELECT FROM hydra_oauth2_refresh WHERE request_id = $1", grant)
        assert told["rows"]["hydra_oauth2_refresh"] >= 2
    finally:
        await refreshing.close()
        await watching.close()
        await _restore(rig)


async def test_a_replayer_killed_at_every_message_has_the_effect_of_one(rig: BlueGreen, story: Story) -> None:
    """One after the other over the same rows, then to its end: each revocation is in force, and nothing else."""
    await _keep(rig)
    try:
        whole = rig.replay()
        expected = await _tables(rig)
        await _restore(rig)
        effects = {record["id"]: record["effect"] for record in whole["records"]}
        queue, collected = Queue(f"nats://127.0.0.1:{rig.ports['nats']}"), Collected()
        async for message in queue.read("forward", idle_s=0.2):
            collected.take(message.subject, message.data)
        await queue.close()
        order = [case.intent for case in collected.cases()]
        assert len(order) == whole["captured"] == 12
        names = {intent.id: intent.request_ids for intent in order if effects[intent.id] == "replayed"}
        async with World(rig) as world:
            for applied in range(len(order) + 1):
                rig.killed_replay(applied)
                alive = {row[0] for row in await world.rows(
                    "green", "SELECT request_id FROM hydra_oauth2_refresh WHERE active")}
                for n, intent in enumerate(order):
                    assert alive.isdisjoint(names.get(intent.id, [])) or n >= applied, f"{n} of {applied} lives"
                    assert alive.issuperset(names.get(intent.id, [])) or n < applied, f"{n} of {applied} died early"
        assert await _tables(rig) == expected, "the last was killed when all was applied"
        told = rig.replay()
        assert (told["exit"], told["replayed"], told["rows"], told["captured"]) == (0, 0, {}, 12)
        assert await _tables(rig) == expected
    finally:
        await _restore(rig)


async def test_replay_revokes_all_that_was_revoked_and_nothing_else(rig: BlueGreen, story: Story) -> None:
    async with World(rig, "dan") as world:
        for name in (*REVOKED, *SPARED):
            old = story.old.get(name, story.tokens[name])
            assert await world.introspect(old["refresh_token"], side="green"), f"{name}: alive before"
        # what dan grants anew on green must survive "all of dan" replayed
        await world.control("PUT", "/route", {"to": "green"})
        await world.control("PUT", "/side", {"to": "green"}, part="login")
        try:
            await world.client("subject-new", side="green")
            anew = await world.authorize("subject-new")
            told = rig.replay()
        finally:
            await world.control("PUT", "/route", {"to": "blue"})
            await world.control("PUT", "/side", {"to": "blue"}, part="login")
        assert told["exit"] == 0, told
        assert {k: told[k] for k in ("captured", "confirmed", "refused", "unknown_settled", "late", "duplicates",
                                     "unexpected", "still_alive")} == {
            "captured": 12, "confirmed": 7, "refused": 1, "unknown_settled": 2, "late": 2, "duplicates": 6,
            "unexpected": 0, "still_alive": []}
        assert (told["replayed"], told["void"], told["skipped"]) == (8, 0, 4)
        for name in REVOKED:
            for tokens in (story.tokens[name], story.old.get(name, story.tokens[name])):
                for kind in ("access_token", "refresh_token"):
                    assert not await world.introspect(tokens[kind], side="green"), f"{name}: {kind} lives"
        for name in SPARED:
            assert await world.introspect(story.tokens[name]["refresh_token"], side="green"), f"{name}: died"
        assert await world.introspect(anew["access_token"], side="green")
        flows = {r[0] for r in await world.rows("green", "SELECT consent_challenge_id FROM hydra_oauth2_flow")}
        for name in ("consent", "subject-1", "subject-2"):
            assert story.grants[name] not in flows
        assert story.grants["by-access"] in flows  # revoking a token leaves the consent
        assert not await world.rows("green", "SELECT FROM hydra_oauth2_authentication_session WHERE subject = 'hal'")
        again = rig.replay()
        assert (again["exit"], again["replayed"], again["rows"]) == (0, 0, {})


async def test_replay_back_does_what_1_11_10_does(rig: BlueGreen, story: Story) -> None:
    """Revoked on green during the soak, applied on blue before it serves again."""
    async with World(rig, "ann") as world:
        await world.control("PUT", "/route", {"to": "green"})
        try:
            assert (await world.control("PUT", "/capture", {"on": True, "direction": "back"}))["status"] == 200
            assert await world.introspect(story.tokens["kept"]["access_token"], side="blue")
            rotated = await world.refresh("kept", story.tokens["kept"]["refresh_token"])
            answer = await world.revoke("kept", rotated["access_token"])
            assert answer.status == 200 and answer.headers["Rehearse-Route"] == "green"
            assert (await world.delete("consent", subject="fay", client="unknown-alive")).status == 204
        finally:
            await world.control("PUT", "/capture", {"on": True, "direction": "forward"})
            await world.control("PUT", "/route", {"to": "blue"})
        told = rig.replay(direction="back")
        assert (told["exit"], told["captured"], told["replayed"]) == (0, 2, 2), told
        for name in ("kept", "unknown-alive"):
            assert not await world.introspect(story.tokens[name]["refresh_token"], side="blue")
        rows = await world.rows("blue", "SELECT active FROM hydra_oauth2_refresh WHERE request_id = $1",
                                story.grants["kept"])
        assert [r["active"] for r in rows] == [False]
        assert not await world.rows("blue", "SELECT FROM hydra_oauth2_consent_request WHERE challenge = $1",
                                    story.grants["unknown-alive"])


async def test_revoked_on_green_by_a_token_only_blue_knows(rig: BlueGreen, story: Story) -> None:
    """Rotated or made on blue after the copy: green answers 200 and knows nothing of the token."""
    async with World(rig, "ivy") as world:
        await world.control("PUT", "/route", {"to": "green"})
        try:
            assert (await world.control("PUT", "/capture", {"on": True, "direction": "back"}))["status"] == 200
            older = story.old["late"]["refresh_token"]
            assert await world.introspect(older, side="green")
            assert (await world.revoke("stranger", story.tokens["late"]["refresh_token"])).status == 200
            assert await world.introspect(older, side="green"), "another client's word ended it"
            assert (await world.revoke("late", story.tokens["late"]["refresh_token"])).status == 200
            assert not await world.introspect(older, side="green"), "acknowledged, and an older generation lives"
            assert (await world.delete("consent", subject="ivy", all="true")).status == 204
        finally:
            await world.control("PUT", "/capture", {"on": True, "direction": "forward"})
            await world.control("PUT", "/route", {"to": "blue"})
        for name in ("late", "new"):
            assert await world.introspect(story.tokens[name]["refresh_token"], side="blue")
        assert rig.replay(direction="back")["exit"] == 0
        for name in ("late", "new"):
            assert not await world.introspect(story.tokens[name]["refresh_token"], side="blue"), f"{name} lives on blue"


async def test_what_green_has_rotated_does_not_live_on_on_blue(rig: BlueGreen, story: Story) -> None:
    """Back on blue its old token is nobody's any more, and the new one revokes nothing there."""
    async with World(rig, "eve") as world:
        older = story.tokens["foreign"]["refresh_token"]
        await world.control("PUT", "/route", {"to": "green"})
        try:
            assert (await world.refresh("foreign", older))["status"] == 200
        finally:
            await world.control("PUT", "/route", {"to": "blue"})
        assert await world.introspect(older, side="blue")
        before = await world.rows("blue", "SELECT count(*) FROM hydra_oauth2_refresh WHERE active")
        blue, green = await asyncpg.connect(rig.dsn("blue")), await asyncpg.connect(rig.dsn("green"))
        try:
            assert await end_superseded(blue, green) == 1
            assert await end_superseded(blue, green) == 0
        finally:
            await blue.close()
            await green.close()
        assert not await world.introspect(older, side="blue")
        after = await world.rows("blue", "SELECT count(*) FROM hydra_oauth2_refresh WHERE active")
        assert before[0][0] - after[0][0] == 1, "others were ended too"


# --- any order, any number of times ---------------------------------------------------------

_TABLES = ("hydra_oauth2_authentication_session", "hydra_oauth2_flow", "hydra_oauth2_access", "hydra_oauth2_refresh",
           "hydra_oauth2_code", "hydra_oauth2_oidc", "hydra_oauth2_pkce")


async def _tables(rig: BlueGreen) -> dict[str, str]:
    """Green's rows as text by table, whatever their order on disk."""
    connection = await asyncpg.connect(rig.dsn("green"))
    try:
        text = "SELECT coalesce(string_agg(x::text, ';' ORDER BY x::text), '') FROM {} x"
        return {table: await connection.fetchval(text.format(table)) for table in _TABLES}
    finally:
        await connection.close()


async def _keep(rig: BlueGreen) -> None:
    """Put green's rows aside."""
    for table in _TABLES:
        rig.sql("green", f"CREATE SCHEMA IF NOT EXISTS kept; DROP TABLE IF EXISTS kept.{table}; "
                         f"CREATE TABLE kept.{table} AS TABLE public.{table}")


async def _restore(rig: BlueGreen) -> None:
    """Bring back what was put aside."""
    connection = await asyncpg.connect(rig.dsn("green"))
    try:
        async with connection.transaction():
            await connection.execute(f"TRUNCATE {', '.join(_TABLES)} CASCADE")
            for table in _TABLES:
                await connection.execute(f"INSERT INTO {table} SELECT * FROM kept.{table}")
    finally:
        await connection.close()


@given(shuffle=st.randoms(use_true_random=False), repeats=st.integers(1, 3), workers=st.integers(1, 4))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_and_duplicates_end_in_the_same_rows(
    rig: BlueGreen, story: Story, shuffle: random.Random, repeats: int, workers: int,
) -> None:
    g = story.grants
    now = time.time()
    intents = [
        Intent("1", "access", [g["by-access"]], "by-access", "ann", now, owner="by-access"),
        Intent("2", "refresh", [g["login"]], "login", "hal", now, owner="login"),
        Intent("3", "consent", [g["login"]], "login", "hal", now),
        Intent("4", "subject", [g["foreign"], g["refused"]], "", "eve", now),
        Intent("5", "consent", [g["refused"]], "refused", "eve", now),
        Intent("6", "access", [g["refused"]], "refused", "eve", now, owner="refused"),
        Intent("7", "login", [], "", "eve", now, authenticated_before=now + 1),
        Intent("8", "subject", [], "", "nobody", now),
        Intent("9", "access", ["never-copied"], "x", "y", now, owner="x"),
    ]

    async def end_of(order: list[Intent], workers: int) -> dict[str, str]:
        rows = await Rows.open(rig.dsn("green"), connections=workers)
        todo = iter(order)

        async def work() -> None:
            for intent in todo:
                await rows.revoke([(intent, intent.request_ids)])

        try:
            await asyncio.gather(*(work() for _ in range(workers)))
            return await _tables(rig)
        finally:
            await rows.close()

    async def compare() -> None:
        await _keep(rig)
        before = await _tables(rig)
        try:
            expected = await end_of(intents, 1)
            await _restore(rig)
            order = intents * repeats
            shuffle.shuffle(order)
            assert await end_of(order, workers) == expected
            assert expected != before
        finally:
            await _restore(rig)
            assert await _tables(rig) == before

    asyncio.run(compare())
