"""The sender against raw sockets: nothing is sent twice, and errors say what is known."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from sim.rigs.real.sender import AUTH_HOST, LINKS, LOGIN_HOST, Sender
from sim.rigs.rig import Answer, Browser, Client
from sim.traffic.browsers import LingeringBrowser

pytestmark = pytest.mark.real

WEB = Client("web-1", "web", "http://app.rehearse.test/callback", "a secret", "openid offline")
PUBLIC = Client("cli-1", "cli", "http://127.0.0.1/callback", None, "offline")


class Raw:
    """A server that counts requests as bytes on the wire and answers as a test says."""

    def __init__(self, answer: Callable[[int, bytes], bytes | None]) -> None:
        self._answer = answer
        self.requests: list[bytes] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read requests; an answer of None drops the connection instead."""
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                               if line.startswith(b"content-length:")), 0)
                self.requests.append(head + await reader.readexactly(length))
                answer = self._answer(len(self.requests), self.requests[-1])
                if answer is None:
                    return
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def playing(raw: Raw) -> AsyncIterator[Sender]:
    server = await asyncio.start_server(raw.serve, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    try:
        async with Sender(dict.fromkeys(LINKS, address)) as sender:
            yield sender
    finally:
        server.close()


def http(status: str = "200 OK", body: bytes = b'{"active":true}', *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


Send = Callable[[Sender], Awaitable[Answer]]


@pytest.mark.parametrize("send", [
    lambda sender: sender.discovery(timeout_s=2),
    lambda sender: sender.revoke_subject("s", timeout_s=2),
    lambda sender: sender.delete_login("s", timeout_s=2),
    lambda sender: sender.introspect("t", timeout_s=2),
    lambda sender: sender.refresh(WEB, "r", timeout_s=2),
    lambda sender: sender.logout(Browser("s"), timeout_s=2),
], ids=["GET", "DELETE consent", "DELETE login", "introspect", "refresh", "walk"])
async def test_a_dropped_pooled_connection_is_not_sent_again(send: Send) -> None:
    raw = Raw(lambda n, _: http() if n == 1 else None)
    async with playing(raw) as sender:
        await send(sender)  # leaves a pooled connection behind
        with pytest.raises(OSError) as caught:
            await send(sender)
        await asyncio.sleep(0.05)
    assert not isinstance(caught.value, (TimeoutError, ConnectionRefusedError)), "nobody knows, not: surely not done"
    assert len(raw.requests) == 2, "the request was sent a second time"
    assert raw.connections == 1, "the pooled connection was not used: this test proved nothing"


async def test_a_silent_server_is_a_timeout_and_is_asked_once() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        await asyncio.sleep(1)
        writer.close()

    seen: list[bytes] = []
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with Sender(dict.fromkeys(LINKS, server.sockets[0].getsockname())) as sender:
        with pytest.raises(TimeoutError):
            await sender.discovery(timeout_s=0.1)
    server.close()
    assert len(seen) == 1


async def test_no_listener_is_a_refusal() -> None:
    server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    server.close()
    await server.wait_closed()
    async with Sender(dict.fromkeys(LINKS, address)) as sender:
        with pytest.raises(ConnectionRefusedError):
            await sender.introspect("t", timeout_s=1)


async def test_the_edges_headers_become_the_answers_fields() -> None:
    raw = Raw(lambda n, _: http("200 OK", b"", "Rehearse-Route: green", "Rehearse-Capture: 17") if n == 1 else
              http("200 OK", b'{"access_token":"a"}', "Rehearse-Route: blue", "Rehearse-Coalesced: 1",
                   "Rehearse-Waited: 1.25") if n == 2 else
              http("503 Service Unavailable", b'{"error":"queue"}', "Rehearse-Shed: queue down"))
    async with playing(raw) as sender:
        assert await sender.revoke_token(WEB, "t", timeout_s=1) == Answer(200, {}, "green", capture=17)
        assert await sender.refresh(WEB, "r", timeout_s=1) == Answer(
            200, {"access_token": "a"}, "blue", coalesced=True, waited_s=1.25)
        shed = await sender.revoke_consent("s", "web-1", timeout_s=1)
        assert (shed.status, shed.shed, shed.body) == (503, "queue down", {"error": "queue"})


async def test_clients_authenticate_as_registered_and_names_are_constant() -> None:
    raw = Raw(lambda _n, _r: http("200 OK", b"{}"))
    async with playing(raw) as sender:
        await sender.refresh(WEB, "a+b/c", timeout_s=1)
        await sender.refresh(PUBLIC, "r", timeout_s=1)
        await sender.introspect("t", timeout_s=1)
    confidential, public, introspect = raw.requests
    assert b"Authorization: Basic " in confidential and b"client_id" not in confidential
    assert b"refresh_token=a%2Bb%2Fc" in confidential
    assert b"Authorization" not in public and b"client_id=cli-1" in public
    assert all(f"Host: {AUTH_HOST}".encode() in request for request in (confidential, public, introspect))


def the_way(n: int, request: bytes) -> bytes:
    """A login and consent dance, as Hydra and a login app answer it."""
    def to(url: str, *headers: str) -> bytes:
        return http("302 Found", b"", f"Location: {url}", *headers)

    line = request.split(b"\r\n", 1)[0].decode()
    if "login_verifier" in line:
        return to(f"http://{LOGIN_HOST}/consent?consent_challenge=c", "Set-Cookie: consent_csrf=2; Path=/")
    if "consent_verifier" in line:
        state = _query(request_log[0], "state")
        return to(f"{WEB.redirect_uri}?code=the-code&state={state}", "Rehearse-Route: blue",
                  "Set-Cookie: csrf=; Max-Age=0")
    if "login_challenge" in line:
        return to(f"http://{AUTH_HOST}/oauth2/auth?login_verifier=v")
    if "consent_challenge" in line:
        return to(f"http://{AUTH_HOST}/oauth2/auth?consent_verifier=v", "Rehearse-Skip: 1")
    request_log[:] = [line]
    return to(f"http://{LOGIN_HOST}/login?login_challenge=a%2Fb", "Set-Cookie: csrf=1; Path=/; HttpOnly")


request_log: list[str] = []


def _query(line: str, key: str) -> str:
    from yarl import URL

    return URL(line.split(" ")[1]).query[key]


async def test_the_dance_is_walked_by_hand_with_the_browsers_cookies() -> None:
    raw = Raw(the_way)
    browser = Browser("somebody")
    async with playing(raw) as sender:
        answer = await sender.authorize(WEB, browser, scope="openid", prompt=None, timeout_s=2)
    assert answer.body["code"] == "the-code" and answer.route == "blue"
    assert (answer.body["skipped_login"], answer.body["skipped_consent"]) == (False, True)
    first, login, verifier, consent, last = raw.requests
    assert b"code_challenge_method=S256" in first and answer.body["verifier"].encode() not in first
    assert b"X-Rehearse-Subject: somebody" in login and b"X-Rehearse-Subject" not in first
    assert f"Host: {LOGIN_HOST}".encode() in consent and b"login_challenge=a%2Fb" in login
    assert b"csrf=1" in verifier and b"csrf=1" not in login, "cookies go to the host that set them"
    assert b"consent_csrf=2" in last
    assert browser.cookies[AUTH_HOST] == {"consent_csrf": "2"}, "a deleted cookie was kept"


async def test_a_changed_state_is_no_code() -> None:
    raw = Raw(lambda _n, _r: http("302 Found", b"", f"Location: {WEB.redirect_uri}?code=c&state=somebody-elses"))
    async with playing(raw) as sender:
        answer = await sender.authorize(WEB, Browser("s"), scope="openid", prompt=None, timeout_s=2)
    assert "code" not in answer.body and "state" in answer.body["error"]


async def test_a_loop_of_redirects_ends() -> None:
    raw = Raw(lambda _n, _r: http("302 Found", b"", f"Location: http://{AUTH_HOST}/oauth2/auth"))
    async with playing(raw) as sender:
        answer = await sender.authorize(WEB, Browser("s"), scope="openid", prompt=None, timeout_s=2)
    assert answer.body == {"error": "too many redirects"}


async def test_somebody_lingers_at_the_login_page() -> None:
    raw = Raw(the_way)
    async with playing(raw) as sender:
        browser = LingeringBrowser("slow")
        walk = asyncio.create_task(sender.authorize(WEB, browser, scope="openid", prompt=None, timeout_s=5))
        await asyncio.sleep(0.1)
        assert len(raw.requests) == 1 and not walk.done()
        browser.go_on()
        assert (await walk).body["code"] == "the-code"
