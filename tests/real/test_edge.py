"""The edge, login-consent and authz with real Hydra 1.11.10, Postgres and NATS."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest
from services_rig import SEAL, BlueGreen, blue_green
from world import World

from sim.services.queue import Queue
from sim.services.replaying import Collected

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def rig() -> Iterator[BlueGreen]:
    with blue_green() as started:
        yield started


async def test_whole_way_from_login_to_authz(rig: BlueGreen) -> None:
    async with World(rig, "ann") as world:
        await world.client("whole-way")
        tokens = await world.authorize("whole-way")
        assert tokens["headers"]["Rehearse-Route"] == "blue"
        assert await world.introspect(tokens["access_token"])
        for action, expected in (("api.read", (True, "granted")), ("api.write", (False, "scope_missing"))):
            async with world.http.post(rig.url("authz") + "/may",
                                       json={"token": tokens["access_token"], "action": action}) as answer:
                told = await answer.json()
            assert (told["allowed"], told["why"]) == expected


async def test_authz_denies_when_hydra_lists_no_consent(rig: BlueGreen) -> None:
    async with World(rig, "bob") as world:
        await world.client("no-consent")
        tokens = await world.authorize("no-consent")
        # what a migration did to the case: the token lives, its consent is flagged away
        await world.rows("blue", "UPDATE hydra_oauth2_consent_request_handled SET error = '{\"error\":\"x\"}' "
                                 "WHERE challenge IN (SELECT challenge FROM hydra_oauth2_consent_request "
                                 "WHERE client_id = 'no-consent') RETURNING 1")
        assert await world.introspect(tokens["access_token"])
        async with world.http.post(rig.url("authz") + "/may", json={"token": tokens["access_token"]}) as answer:
            assert await answer.json() == {"allowed": False, "why": "consent_not_listed"}


async def test_second_authorization_is_remembered_and_logout_forgets(rig: BlueGreen) -> None:
    async with World(rig, "cid") as world:
        await world.client("remembers")
        first = await world.authorize("remembers")
        world.subject = "somebody else"  # nobody is asked for a name
        second = await world.authorize("remembers")
        assert "access_token" in first and "access_token" in second
        sessions = await world.rows("blue", "SELECT subject FROM hydra_oauth2_access WHERE client_id = 'remembers'")
        assert {row["subject"] for row in sessions} == {"cid"}
        await world.logout()
        assert await world.introspect(second["access_token"])  # a logout revokes no grant
        await world.authorize("remembers")
        sessions = await world.rows("blue", "SELECT subject FROM hydra_oauth2_access WHERE client_id = 'remembers'")
        assert {row["subject"] for row in sessions} == {"cid", "somebody else"}


async def test_concurrent_and_late_retries_of_a_refresh_are_one_exchange(rig: BlueGreen) -> None:
    async with World(rig, "dan") as world:
        await world.client("coalesced")
        tokens = await world.authorize("coalesced")
        answers = await asyncio.gather(*(world.refresh("coalesced", tokens["refresh_token"]) for _ in range(6)))
        late = await world.refresh("coalesced", tokens["refresh_token"])
        assert {a["status"] for a in (*answers, late)} == {200}
        assert {a["refresh_token"] for a in (*answers, late)} == {answers[0]["refresh_token"]}
        assert sorted(a["headers"].get("Rehearse-Coalesced", "0") for a in answers) == ["0"] + ["1"] * 5
        assert late["headers"]["Rehearse-Coalesced"] == "1"
        assert await world.introspect(late["access_token"])
        rows = await world.rows("blue", "SELECT active FROM hydra_oauth2_refresh WHERE client_id = 'coalesced'")
        assert sorted(r["active"] for r in rows) == [False, True]


async def test_a_kept_answer_is_void_once_its_successor_was_presented(rig: BlueGreen) -> None:
    async with World(rig, "eve") as world:
        await world.client("successor")
        tokens = await world.authorize("successor")
        first = await world.refresh("successor", tokens["refresh_token"])
        await world.refresh("successor", first["refresh_token"])
        replayed = await world.refresh("successor", tokens["refresh_token"])  # a thief, or a very late client
        assert replayed["status"] == 401 and replayed["error"] == "token_inactive"


async def test_without_coalescing_hydra_kills_the_chain(rig: BlueGreen) -> None:
    """The disease itself: proof that the tests above could fail."""
    rig.edge(EDGE_COALESCING_S="0")
    try:
        async with World(rig, "fay") as world:
            await world.client("plain")
            tokens = await world.authorize("plain")
            first = await world.refresh("plain", tokens["refresh_token"])
            assert (await world.refresh("plain", tokens["refresh_token"]))["status"] == 401
            assert not await world.introspect(first["access_token"])
    finally:
        rig.edge()


async def test_token_revocation_is_captured_with_its_grant(rig: BlueGreen) -> None:
    async with World(rig, "gus") as world:
        await world.client("captured")
        tokens = await world.authorize("captured")
        grant = await world.rows("blue", "SELECT request_id FROM hydra_oauth2_access WHERE client_id = 'captured'")
        assert (await world.control("PUT", "/capture", {"on": True, "direction": "forward"}))["status"] == 200
        before = (await world.control("GET", "/status"))["capture"]
        answer = await world.revoke("captured", tokens["access_token"])
        assert answer.status == 200 and int(answer.headers["Rehearse-Capture"]) > 0
        assert not await world.introspect(tokens["access_token"])
        counts = (await world.control("GET", "/status"))["capture"]
        assert {name: counts[name] - before[name] for name in ("captured", "confirmed", "open")} == {
            "captured": 1, "confirmed": 1, "open": 0}
        stored = b"".join(path.read_bytes() for path in (rig.folder / "js").rglob("*.blk"))
        assert grant[0]["request_id"].encode() in stored


async def test_an_intent_says_whether_its_grant_had_a_refresh_token(rig: BlueGreen) -> None:
    """By either token of a chain, and not for a client's own token."""
    async with World(rig, "gil") as world:
        await world.client("with")
        await world.control("PUT", "/capture", {"on": True, "direction": "forward"})
        first, second = await world.authorize("with"), await world.authorize("with")
        own = await world.token("with", grant_type="client_credentials")
        for token in (first["access_token"], second["refresh_token"], own["access_token"]):
            assert (await world.revoke("with", token)).status == 200
    queue, collected = Queue(f"nats://127.0.0.1:{rig.ports['nats']}"), Collected()
    async for message in queue.read("forward", idle_s=0.2):
        collected.take(message.subject, message.data)
    await queue.close()
    mine = sorted((one for one in collected.intents.values() if one.client == "with"), key=lambda one: one.at)
    assert [(one.kind, one.has_refresh) for one in mine] == [("access", True), ("refresh", True), ("access", False)]


async def test_wrong_secret_is_refused_and_foreign_client_revokes_nothing(rig: BlueGreen) -> None:
    async with World(rig, "hal") as world:
        await world.client("owner")
        await world.client("stranger")
        tokens = await world.authorize("owner")
        await world.control("PUT", "/capture", {"on": True, "direction": "forward"})
        before = (await world.control("GET", "/status"))["capture"]
        assert (await world.revoke("owner", tokens["access_token"], secret="wrong")).status == 401
        assert (await world.revoke("stranger", tokens["access_token"])).status == 200
        after = (await world.control("GET", "/status"))["capture"]
        assert (after["refused"] - before["refused"], after["confirmed"] - before["confirmed"]) == (1, 1)
        assert await world.introspect(tokens["access_token"])


async def test_queue_down_fail_closed_never_takes_effect(rig: BlueGreen) -> None:
    async with World(rig, "ida") as world:
        await world.client("closed")
        tokens = await world.authorize("closed")
        await world.control("PUT", "/capture", {"on": True, "direction": "forward"})
        rig.stop("queue")
        try:
            answer = await world.revoke("closed", tokens["access_token"])
            assert (answer.status, answer.headers["Rehearse-Shed"]) == (503, "queue_down")
            assert int(answer.headers["Retry-After"]) >= 1
            assert (await world.control("PUT", "/capture", {"on": True}))["status"] == 503
        finally:
            rig.queue()
        await asyncio.sleep(2.5)  # the client reconnects; nothing may be sent from its memory now
        assert await world.introspect(tokens["access_token"])
        status = await world.control("GET", "/status")
        assert status["shed"]["queue_down"] >= 1 and status["capture"]["open"] == 0
        assert (await world.revoke("closed", tokens["access_token"])).status == 200
        assert not await world.introspect(tokens["access_token"])


async def test_unresolvable_is_a_queue_failure(rig: BlueGreen) -> None:
    rig.edge(EDGE_BLUE_DSN=f"postgres://edge:wrong@127.0.0.1:{rig.ports['blue-sql']}/hydra?sslmode=disable")
    try:
        async with World(rig, "jon") as world:
            await world.client("unresolved")
            tokens = await world.authorize("unresolved")
            await world.control("PUT", "/capture", {"on": True, "direction": "forward"})
            assert (await world.revoke("unresolved", tokens["access_token"])).headers["Rehearse-Shed"] == "queue_down"
            assert await world.introspect(tokens["access_token"])
    finally:
        rig.edge()


async def test_fail_open_forwards_uncaptured(rig: BlueGreen) -> None:
    rig.edge(EDGE_QUEUE_DOWN="fail_open")
    try:
        async with World(rig, "kim") as world:
            await world.client("open")
            tokens = await world.authorize("open")
            await world.control("PUT", "/capture", {"on": True, "direction": "forward"})
            rig.stop("queue")
            try:
                answer = await world.revoke("open", tokens["access_token"])
            finally:
                rig.queue()
            assert answer.status == 200 and "Rehearse-Capture" not in answer.headers
            assert not await world.introspect(tokens["access_token"])
            assert (await world.control("GET", "/status"))["capture"]["failed"] == 1
    finally:
        rig.edge()


async def test_recorded_requests_hold_no_token(rig: BlueGreen) -> None:
    rig.edge(EDGE_CAPTURE_RECORD="request", EDGE_SEAL_KEY=SEAL)
    try:
        async with World(rig, "leo") as world:
            await world.client("sealed")
            tokens = await world.authorize("sealed")
            await world.control("PUT", "/capture", {"on": True, "direction": "forward"})
            await world.revoke("sealed", tokens["refresh_token"])
        stored = b"".join(path.read_bytes() for path in (rig.folder / "js").rglob("*.blk"))
        assert b'"sealed"' in stored
        for secret in (tokens["refresh_token"], tokens["refresh_token"].rpartition(".")[2], "secret-of-sealed"):
            assert secret.encode() not in stored
    finally:
        rig.edge()


async def test_buffer_holds_releases_and_is_bounded(rig: BlueGreen) -> None:
    async with World(rig, "may") as world:
        url, host = rig.url("edge-public") + "/.well-known/openid-configuration", {"Host": "auth.rehearse.test"}

        async def ask() -> tuple[int, str | None, str | None]:
            async with world.http.get(url, headers=host) as answer:
                return answer.status, answer.headers.get("Rehearse-Shed"), answer.headers.get("Rehearse-Waited")

        await world.control("PUT", "/buffer", {"on": True})
        waiting = [asyncio.create_task(ask()) for _ in range(20)]
        await asyncio.sleep(0.3)
        assert (await world.control("GET", "/status"))["waiting"] == 20
        assert (await ask())[:2] == (503, "buffer_full")
        await world.control("PUT", "/buffer", {"on": False})
        released = await asyncio.gather(*waiting)
        assert all(status == 200 and float(waited or 0) >= 0.25 for status, _, waited in released)
        await world.control("PUT", "/buffer", {"on": True})
        assert (await ask())[:2] == (503, "buffer_time")
        await world.control("PUT", "/buffer", {"on": False})


async def test_switch_is_one_instant_and_drain_waits(rig: BlueGreen) -> None:
    async with World(rig, "ned") as world:
        before = await world.control("GET", "/status")
        assert (await world.control("PUT", "/route", {"to": "green"}))["epoch"] == before["epoch"] + 1
        try:
            async with world.http.get(rig.url("edge-public") + "/health/ready") as answer:
                assert (answer.status, answer.headers["Rehearse-Route"]) == (502, "green")  # nobody is there yet
            assert (await world.control("POST", "/drain", {"side": "blue", "deadline_s": 1}))["in_flight"] == 0
        finally:
            await world.control("PUT", "/route", {"to": "blue"})


async def test_admin_is_not_on_the_public_listener_and_control_wants_its_token(rig: BlueGreen) -> None:
    async with World(rig) as world:
        for path in ("/clients", "/oauth2/introspect", "/oauth2/auth/requests/login", "/oauth2/auth/sessions/consent",
                     "/admin/clients", "/keys/hydra.openid.id-token", "/metrics/prometheus"):
            for listener in ("edge-public", "edge-internal"):
                async with world.http.get(rig.url(listener) + path) as answer:
                    assert answer.status in (404, 405), (listener, path)
        async with world.http.put(rig.url("edge-control") + "/route", json={"to": "green"}) as answer:
            assert answer.status == 401
        assert (await world.control("PUT", "/route", {"to": "purple"}))["status"] == 400


async def test_nothing_secret_in_any_log_and_sigterm_is_clean(rig: BlueGreen) -> None:
    async with World(rig, "oda") as world:
        await world.client("quiet")
        tokens = await world.authorize("quiet")
        await world.control("PUT", "/capture", {"on": True, "direction": "forward"})
        await world.revoke("quiet", tokens["refresh_token"])
    assert rig.stop("edge") == 0
    rig.edge()
    for part in ("edge", "login", "authz"):
        log = rig.log(part)
        assert tokens["access_token"] not in log and "secret-of-" not in log and "Traceback" not in log, log


async def raw(rig: BlueGreen, request: bytes) -> bytes:
    """Send bytes to the public listener; what comes back until it closes or is silent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.ports["edge-public"])
    writer.write(request)
    got = b""
    try:
        async with asyncio.timeout(0.5):
            while part := await reader.read(65536):
                got += part
    except TimeoutError:
        pass
    writer.close()
    return got


HEAD = b"POST /oauth2/token HTTP/1.1\r\nHost: auth.rehearse.test\r\n"
SMUGGLED = b"GET /clients HTTP/1.1\r\nHost: auth.rehearse.test\r\n\r\n"


@pytest.mark.parametrize("request_bytes", [
    HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    HEAD + b"Content-Length: 0\r\nContent-Length: 5\r\n\r\n" + SMUGGLED,
    HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
    HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    HEAD + b"Content-Length: +0\r\n\r\n" + SMUGGLED,
    HEAD + b"X: 1\r\n Transfer-Encoding: chunked\r\n\r\n" + SMUGGLED,
    HEAD + b"Host: other.test\r\nContent-Length: 0\r\n\r\n" + SMUGGLED,
    b"POST /oauth2/token HTTP/1.1\r\nContent-Length: 0\r\n\r\n" + SMUGGLED,
    b"GET http://auth.rehearse.test/clients HTTP/1.1\r\nHost: auth.rehearse.test\r\n\r\n",
    b"GET //admin/clients HTTP/1.1\r\nHost: auth.rehearse.test\r\n\r\n",
    b"GET /.well-known/..%2f..%2fclients HTTP/1.1\r\nHost: auth.rehearse.test\r\n\r\n",
    b"CONNECT auth.rehearse.test:80 HTTP/1.1\r\nHost: auth.rehearse.test\r\n\r\n",
])
async def test_smuggling_and_path_tricks_end_at_the_edge(rig: BlueGreen, request_bytes: bytes) -> None:
    async with World(rig) as world:
        before = (await world.control("GET", "/status"))["requests"]
        got = await raw(rig, request_bytes)
        after = (await world.control("GET", "/status"))["requests"]
    assert got.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400")), got[:200]
    assert got.count(b"HTTP/1.") == 1, got  # the second request was never read
    assert after == before


async def test_a_body_over_64_kib_is_refused_however_it_comes(rig: BlueGreen) -> None:
    async with World(rig) as world:
        url = rig.url("edge-public") + "/oauth2/token"

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(70):
                yield b"x" * 1024

        for body in (b"x" * (64 * 1024 + 1), chunks()):
            async with world.http.post(url, data=body, headers={"Content-Type": "text/plain"}) as answer:
                assert answer.status == 413
        async with world.http.post(url, data=b"x" * (64 * 1024), headers={"Content-Type": "text/plain"}) as answer:
            assert answer.status in (400, 401) and answer.headers["Rehearse-Route"] == "blue"


async def test_a_late_intent_has_no_outcome_and_its_revocation_no_effect(rig: BlueGreen) -> None:
    """The store times out, the message arrives all the same; the client was told 503."""
    rig.toxiproxy()
    rig.edge(EDGE_QUEUE=f"nats://127.0.0.1:{rig.ports['toxic-queue']}",
             EDGE_BLUE_PUBLIC=f"http://127.0.0.1:{rig.ports['toxic-public']}")
    try:
        async with World(rig, "pat") as world:
            await world.client("late")
            tokens = await world.authorize("late")
            assert (await world.control("PUT", "/capture", {"on": True, "direction": "back"}))["status"] == 200
            await world.control("PUT", "/capture", {"on": True, "direction": "forward"})
            with rig.slow("toxic-queue", 1.6):
                answer = await world.revoke("late", tokens["access_token"])
                assert (answer.status, answer.headers["Rehearse-Shed"]) == (503, "queue_down")
                await asyncio.sleep(1.5)
            grant = (await world.rows("blue", "SELECT request_id FROM hydra_oauth2_access WHERE client_id = 'late'"))[0]
            queue = Queue(f"nats://127.0.0.1:{rig.ports['nats']}")
            collected = Collected()
            async for message in queue.read("forward", idle_s=0.3):
                collected.take(message.subject, message.data)
            await queue.close()
            late = [case for case in collected.cases() if case.intent.request_ids == [grant["request_id"]]]
            assert [(case.outcome, case.action) for case in late] == [(None, "settle")]
            assert await world.introspect(tokens["access_token"])
            assert not any(a.intent.request_ids == [grant["request_id"]] and a.outcome for a in collected.cases())

            # the barrier: a revocation under way when capture is turned on has its outcome first
            await world.control("PUT", "/capture", {"on": False})
            with rig.slow("toxic-public", 0.7):
                under_way = asyncio.create_task(world.revoke("late", tokens["access_token"]))
                await asyncio.sleep(0.2)
                assert (await world.control("GET", "/status"))["in_flight"]["blue"] == 1
                assert (await world.control("POST", "/drain", {"side": "blue", "deadline_s": 0.1}))["in_flight"] == 1
                told = await world.control("PUT", "/capture", {"on": True, "direction": "forward"})
                assert told["barrier_s"] > 0.2 and under_way.done()
                assert "Rehearse-Capture" not in (await under_way).headers
    finally:
        rig.edge()
        rig.stop("toxiproxy")

async def test_a_login_is_revoked_up_to_its_own_sessions_whatever_the_edges_clock_says(rig: BlueGreen) -> None:
    async with World(rig, "zoe") as world:
        await world.client("clockless")
        await world.authorize("clockless")
        (session,) = await world.rows(
            "blue", "SELECT extract(epoch FROM authenticated_at AT TIME ZONE 'UTC')::float8 AS at "
                    "FROM hydra_oauth2_authentication_session WHERE subject = 'zoe'")
        await world.control("PUT", "/clock", {"offset_s": -3600.0})
        await world.control("PUT", "/capture", {"on": True, "direction": "forward"})
        try:
            assert (await world.delete("login", subject="zoe")).status == 204
            assert (await world.delete("login", subject="nobody-at-all")).status == 204
        finally:
            await world.control("PUT", "/capture", {"on": False, "direction": "forward"})
            await world.control("PUT", "/clock", {"offset_s": 0.0})
        queue, collected = Queue(f"nats://127.0.0.1:{rig.ports['nats']}"), Collected()
        async for message in queue.read("forward", idle_s=0.3):
            collected.take(message.subject, message.data)
        await queue.close()
        until = {intent.subject: intent.authenticated_before for intent in collected.intents.values()
                 if intent.kind == "login"}
        assert 0 <= (until["zoe"] or 0) - session["at"] < 0.01
        assert abs((until["nobody-at-all"] or 0) - time.time()) < 30, "without a session, by the database's clock"
