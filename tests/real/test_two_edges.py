"""Two edges that share refresh answers through the queue's store: one exchange, whoever is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from signal import SIGTERM

import pytest
from services_rig import SEAL, BlueGreen, blue_green
from world import World

pytestmark = pytest.mark.real

EDGES = ("edge", "edge-2")


@pytest.fixture(scope="module")
def rig() -> Iterator[BlueGreen]:
    with blue_green() as started:
        for name in EDGES:
            started.edge(name, EDGE_ANSWERS="shared", EDGE_SEAL_KEY=SEAL)
        yield started


async def _alive(world: World, client: str) -> list[bool]:
    rows = await world.rows("blue", f"SELECT active FROM hydra_oauth2_refresh WHERE client_id = '{client}'")
    return sorted(row["active"] for row in rows)


async def test_a_refresh_and_its_retries_at_both_edges_are_one_exchange(rig: BlueGreen) -> None:
    async with World(rig, "ann") as world:
        await world.client("both")
        tokens = await world.authorize("both")
        answers = await asyncio.gather(*(world.refresh("both", tokens["refresh_token"], edge=EDGES[n % 2])
                                         for n in range(6)))
        late = [await world.refresh("both", tokens["refresh_token"], edge=edge) for edge in EDGES]
        assert {a["status"] for a in (*answers, *late)} == {200}
        assert {a["refresh_token"] for a in (*answers, *late)} == {answers[0]["refresh_token"]}
        assert sorted(a["headers"].get("Rehearse-Coalesced", "0") for a in answers) == ["0"] + ["1"] * 5
        assert await world.introspect(late[1]["access_token"])
        assert await _alive(world, "both") == [False, True], "Hydra saw one refresh"


async def test_no_token_stands_in_the_queues_store(rig: BlueGreen) -> None:
    async with World(rig, "abe") as world:
        await world.client("sealed")
        tokens = await world.authorize("sealed")
        answer = await world.refresh("sealed", tokens["refresh_token"])
        from nats import connect

        client = await connect(f"nats://127.0.0.1:{rig.ports['nats']}")
        store = await client.jetstream().key_value("ANSWERS")
        kept = [(await store.get(key)).value or b"" for key in await store.keys()]
        await client.close()
        assert kept and not any(answer[name].encode() in value for value in kept
                                for name in ("access_token", "refresh_token"))


async def test_a_successor_presented_at_one_edge_voids_the_answer_at_the_other(rig: BlueGreen) -> None:
    async with World(rig, "bea") as world:
        await world.client("successors")
        tokens = await world.authorize("successors")
        first = await world.refresh("successors", tokens["refresh_token"], edge="edge")
        await world.refresh("successors", first["refresh_token"], edge="edge-2")
        await asyncio.sleep(0.1)  # the word from one edge to the other
        replayed = await world.refresh("successors", tokens["refresh_token"], edge="edge")
        assert replayed["status"] == 401 and replayed["error"] == "token_inactive"


async def test_a_revocation_at_one_edge_voids_the_answer_at_the_other(rig: BlueGreen) -> None:
    async with World(rig, "cal") as world:
        await world.client("revoked")
        tokens = await world.authorize("revoked")
        first = await world.refresh("revoked", tokens["refresh_token"], edge="edge")
        assert (await world.revoke("revoked", first["refresh_token"], edge="edge-2")).status == 200
        await asyncio.sleep(0.1)
        for edge in EDGES:
            again = await world.refresh("revoked", tokens["refresh_token"], edge=edge)
            assert again["status"] >= 400, "an answer of a revoked grant is not given out again"


async def test_a_refused_refresh_is_asked_again_and_not_shared(rig: BlueGreen) -> None:
    async with World(rig, "dee") as world:
        await world.client("wrong")
        answers = [await world.refresh("wrong", "no-such-token.at-all", edge=edge) for edge in EDGES]
        assert [a["status"] for a in answers] == [400, 400]
        assert not any("Rehearse-Coalesced" in a["headers"] for a in answers)


async def test_without_the_queue_an_edge_refreshes_alone(rig: BlueGreen) -> None:
    async with World(rig, "eli") as world:
        await world.client("alone")
        tokens = await world.authorize("alone")
        rig.stop("queue", SIGTERM)
        answer = await world.refresh("alone", tokens["refresh_token"], edge="edge-2")
        again = await world.refresh("alone", tokens["refresh_token"], edge="edge-2")
        assert answer["status"] == 200 and again["refresh_token"] == answer["refresh_token"]
        assert (await world.control("GET", "/status", part="edge-2"))["unshared"] >= 1
