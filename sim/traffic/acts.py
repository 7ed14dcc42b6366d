"""The operations of traffic: send, journal at the actual send and receive, tell the ledger.

One coroutine an operation. It never raises for I/O: what happened is in the history and in
the `Got` it returns. The ledger learns of an act before it is sent and of its answer in the
same step in which the history does, so both agree about every instant.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Literal, NamedTuple

from hdrh.histogram import HdrHistogram

from sim.clock import LiveEnvironment
from sim.history.journal import Journal
from sim.history.op import token_hash
from sim.rigs.rig import Answer, Browser, Client, Clients
from sim.traffic.idtokens import kid_of, verified
from sim.traffic.intents import How
from sim.traffic.ledger import Chain, Ledger, Token, secret_hash
from sim.traffic.watching import Look, Watch, Watchlist

LATE_S = 0.05
"""Source: the figure latency.late_share: more than 50 ms late."""
ENDPOINTS = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "revocation_endpoint",
             "userinfo_endpoint", "end_session_endpoint")
"""What clients rely on in the discovery document."""

Kind = Literal["ok", "fail", "info"]
Reading = tuple[Kind, dict[str, Any], str | None]
"""Type, value and error of a completion."""


class Got(NamedTuple):
    """How an operation ended for its actor."""

    kind: Kind
    answer: Answer | None = None
    """None: there was no answer."""
    refused: bool = False
    """True: a clear no (4xx); False with `fail`: surely not done, or an outage (5xx)."""

    @property
    def not_done(self) -> bool:
        """Surely nothing happened: refused connection, or shed by the edge."""
        return self.kind == "fail" and (self.answer is None or self.answer.shed is not None)


class Acts:
    """Every operation of traffic. `lateness` is in microseconds."""

    def __init__(self, env: LiveEnvironment, clients: Clients, journal: Journal, ledger: Ledger,
                 watchlist: Watchlist, timeout_s: float) -> None:
        self._env, self.clients, self._journal = env, clients, journal
        self._ledger, self._watchlist = ledger, watchlist
        self.timeout_s = timeout_s
        self.lateness = HdrHistogram(1, 60_000_000, 3)
        self.sent = self.late = self.open = 0

    async def introspect(self, actor: str, due_s: float, token: Token) -> Got:
        """Ask about a live access token."""
        chain = token.chain
        return await self.act(
            actor, "introspect", due_s, self.clients.introspect(token.value, timeout_s=self.timeout_s),
            lambda answer: _introspected(answer, chain), chain.name, token.hash,
            {"token": "access", "gen": token.gen})

    async def look(self, actor: str, due_s: float, look: Look, watch: Watch | None) -> Got:
        """A prober's introspection of any token, also of a refresh token; harmless."""
        got = await self.act(
            actor, "introspect", due_s, self.clients.introspect(look.token, timeout_s=self.timeout_s),
            lambda answer: _introspected(answer, look.chain), look.chain.name, look.hash,
            {"token": look.kind, "gen": look.gen})
        if watch is not None:
            active = got.answer.body.get("active") is True if got.kind == "ok" and got.answer else None
            self._watchlist.answered(watch, active, self._env.now)
        return got

    async def refresh(self, actor: str, due_s: float, chain: Chain) -> Got:
        """Use the chain's newest refresh token."""
        token, gen = chain.newest, chain.gen
        assert token is not None, "a chain without tokens is not refreshed"
        self._ledger.refreshing(chain)
        sent_s = self._env.now

        def read(answer: Answer) -> Reading:
            if answer.status != 200 or "access_token" not in answer.body:
                return refusal(answer)
            self._ledger.issued(chain, answer, sent_s)
            return "ok", {"access": secret_hash(answer.body, "access_token"),
                          "refresh": secret_hash(answer.body, "refresh_token"),
                          "expires_in_s": answer.body.get("expires_in"), "gen": chain.gen,
                          "coalesced": answer.coalesced, "status": 200}, None

        got = await self.act(actor, "refresh", due_s,
                              self.clients.refresh(chain.client, token, timeout_s=self.timeout_s), read,
                              chain.name, token_hash(token), {"gen": gen})
        if got.kind != "ok":
            if got.refused:
                self._ledger.refused(chain)
            elif got.not_done:
                self._ledger.not_done(chain)
            else:
                self._ledger.unknown(chain)
        return got

    async def authorize(self, actor: str, due_s: float, chain: Chain, browser: Browser, *,
                        extra_s: float = 0.0) -> Got:
        """The whole way to a code; `extra_s` is what the person lingers at the login page."""
        scope = chain.client.scope.replace("|", " ")

        def read(answer: Answer) -> Reading:
            body = answer.body
            if "code" not in body:
                return refusal(answer)
            chain.code, chain.verifier = str(body["code"]), str(body.get("verifier", ""))
            return "ok", {"code": token_hash(chain.code), "skipped_login": body.get("skipped_login"),
                          "skipped_consent": body.get("skipped_consent")}, None

        send = self.clients.authorize(chain.client, browser, scope=scope, prompt=None,
                                       timeout_s=self.timeout_s + extra_s)
        return await self.act(actor, "authorize", due_s, send, read, chain.name, None, {"scope": scope})

    async def exchange(self, actor: str, due_s: float, chain: Chain) -> Got:
        """Redeem the chain's code, once."""
        code, verifier = chain.code, chain.verifier
        assert code is not None, "there is no code to redeem"
        chain.code = None
        sent_s = self._env.now

        def read(answer: Answer) -> Reading:
            if answer.status != 200 or "access_token" not in answer.body:
                return refusal(answer)
            self._ledger.issued(chain, answer, sent_s)
            return "ok", {"access": secret_hash(answer.body, "access_token"),
                          "refresh": secret_hash(answer.body, "refresh_token"),
                          "expires_in_s": answer.body.get("expires_in"),
                          "id_token_kid": kid_of(answer.body.get("id_token"))}, None

        got = await self.act(actor, "code", due_s,
                              self.clients.exchange(chain.client, code, verifier, timeout_s=self.timeout_s),
                              read, chain.name, token_hash(code), {})
        if got.kind != "ok" and got.refused:
            self._ledger.refused(chain)
        elif got.kind != "ok":
            self._ledger.unknown(chain)
        return got

    async def client_credentials(self, actor: str, due_s: float, client: Client, grant: str) -> Got:
        """A service's own token."""
        sent_s = self._env.now

        def read(answer: Answer) -> Reading:
            if answer.status != 200 or "access_token" not in answer.body:
                return refusal(answer)
            token = self._ledger.stateless(grant, client, answer, sent_s)
            return "ok", {"access": token.hash, "expires_in_s": answer.body.get("expires_in")}, None

        return await self.act(actor, "client_credentials", due_s,
                               self.clients.client_credentials(client, timeout_s=self.timeout_s), read,
                               grant, None, {})

    async def revoke(self, actor: str, due_s: float, how: How, chain: Chain, chains: list[Chain]) -> Got:
        """Take back `chains` (all that goes with `chain` this way; none for a login)."""
        names = [one.name for one in chains]
        token: str | None = None
        if how in ("access", "refresh"):
            token = chain.newest
            if how == "access":
                token = chain.access.value if chain.access else self._ledger.seeded_access(chain)
            assert token is not None, "nothing to revoke by"
            send = self.clients.revoke_token(chain.client, token, timeout_s=self.timeout_s)
        elif how == "consent":
            send = self.clients.revoke_consent(chain.subject, chain.client.client_id, timeout_s=self.timeout_s)
        elif how == "subject":
            send = self.clients.revoke_subject(chain.subject, timeout_s=self.timeout_s)
        else:
            send = self.clients.delete_login(chain.subject, timeout_s=self.timeout_s)
        value = {"kind": how, "grants": names}

        def read(answer: Answer) -> Reading:
            if answer.status not in (200, 204):
                return refusal(answer)
            self._ledger.revoked(chains, how, self._env.now)
            for one in chains:
                self._watchlist.add(one, self._env.now)
            return "ok", {**value, "status": answer.status, "capture": answer.capture}, None

        self._ledger.revoking(chains)
        got = await self.act(actor, "revoke", due_s, send, read, names[0] if names else None,
                              token_hash(token) if token else None, value)
        if got.kind != "ok":
            for one in chains:
                self._ledger.unknown(one)
        return got

    async def logout(self, actor: str, due_s: float, browser: Browser) -> Got:
        """End the browser session."""
        return await self.act(actor, "logout", due_s, self.clients.logout(browser, timeout_s=self.timeout_s),
                               lambda answer: ("ok", {}, None) if answer.status < 400 else refusal(answer))

    async def may(self, actor: str, due_s: float, token: Token) -> Got:
        """Ask authz about a live token."""
        return await self.act(
            actor, "authz", due_s, self.clients.may(token.value, timeout_s=self.timeout_s),
            lambda answer: ("ok", {"allowed": answer.body["allowed"], "why": answer.body.get("why")}, None)
            if "allowed" in answer.body else refusal(answer), token.chain.name, token.hash, {})

    async def discovery(self, actor: str, due_s: float) -> Got:
        """Read the discovery document."""
        return await self.act(
            actor, "discovery", due_s, self.clients.discovery(timeout_s=self.timeout_s),
            lambda answer: ("ok", {key: answer.body.get(key) for key in ENDPOINTS}, None)
            if "issuer" in answer.body else refusal(answer))

    async def jwks(self, actor: str, due_s: float) -> Got:
        """Read the published keys."""
        return await self.act(
            actor, "jwks", due_s, self.clients.jwks(timeout_s=self.timeout_s),
            lambda answer: ("ok", {"kids": sorted(str(key.get("kid")) for key in answer.body["keys"])}, None)
            if "keys" in answer.body else refusal(answer))

    def id_token(self, actor: str, grant: str, id_token: str, jwks: Answer) -> bool:
        """Verify an ID token with the keys just read; no request is made."""
        i = self._journal.invoke(actor, "id_token", grant=grant, token_hash=token_hash(id_token),
                                 value={"kid": kid_of(id_token)})
        why = verified(id_token, jwks.body)
        self._journal.complete(i, "fail" if why else "ok", route=jwks.route,
                               value=None if why else {"verified": True}, error=why)
        return why is None

    async def act(self, actor: str, f: str, due_s: float, send: Coroutine[Any, Any, Answer],
                   read: Callable[[Answer], Reading], grant: str | None = None, hashed: str | None = None,
                   value: dict[str, Any] | None = None) -> Got:
        """Journal one operation around `send`; `due_s` is the environment's time it was due.

        `read` turns a usable answer into the completion and tells the ledger.
        """
        late_s = self._env.wall() - due_s
        self.lateness.record_value(max(1, int(late_s * 1e6)))
        self.sent += 1
        self.late += late_s > LATE_S
        journal = self._journal
        due_there_s = journal.now_s() - late_s  # the journal's clock began at another moment
        i = journal.invoke(actor, f, due_s=round(due_there_s, 6), grant=grant, token_hash=hashed, value=value or {})
        self.open += 1
        try:
            answer = await send
        except ConnectionRefusedError:
            journal.complete(i, "fail", error="connection refused")
            return Got("fail")
        except asyncio.CancelledError:
            journal.complete(i, "info", error="given up: the run ended or was interrupted")
            raise
        except TimeoutError:
            journal.complete(i, "info", error=f"no answer within {self.timeout_s:g} s")
            return Got("info")
        except OSError as error:
            journal.complete(i, "info", error=f"answer lost: {type(error).__name__}")
            return Got("info")
        finally:
            self.open -= 1
        kind, result, why = read(answer)
        if answer.waited_s is not None:
            result["waited_s"] = answer.waited_s
        journal.complete(i, kind, route=answer.route, value=result, error=why)
        return Got(kind, answer, kind == "fail" and 400 <= answer.status < 500)


def _introspected(answer: Answer, chain: Chain) -> Reading:
    body = answer.body
    if answer.status != 200 or "active" not in body:
        return refusal(answer)
    active = body["active"] is True
    return "ok", {"active": active, "status": 200, "sub_ok": body.get("sub") == chain.subject if active else None,
                  "coalesced": answer.coalesced}, None


def refusal(answer: Answer) -> Reading:
    """A clear no, an outage or a shed answer, in the history's words."""
    value: dict[str, Any] = {"status": answer.status}
    if answer.coalesced:
        value["coalesced"] = True
    error = answer.body.get("error")
    if isinstance(error, str):
        value["oauth_error"] = error[:80]
    if answer.shed is not None:
        value["shed"] = True
        return "fail", value, f"shed by the edge: {answer.shed}"
    return "fail", value, f"status {answer.status}" + (f", {error[:80]}" if isinstance(error, str) else "")
