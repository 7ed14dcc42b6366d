"""What a Hydra 1.x would hold of a population: rows of its tables as COPY text.

Pure: a grant, the minter and one instant give the same rows (only the nonces of the sealed
sessions are random). Modelled on the rows that real flows left on a real 1.11.10 and a real
1.8.5, one of each kind (tests/real/test_seed.py makes them again and compares). Worker processes of
`sim.rigs.real.loading` call `chunk`.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from urllib.parse import quote, urlencode

import msgspec

from sim.rigs.real.sessions import PersonSession, service_session
from sim.rigs.rig import Client
from sim.traffic.minting import Minter, signature
from sim.traffic.population import Grant, Population, identifier

CODE_S: Final = 600
"""Source: stack's hydra.yaml, ttl.auth_code 10m."""
REMEMBER_S: Final = 0
"""Source: stack.yaml, LOGIN_REMEMBER_S: for ever. A consent that ran out is not listed any more, and authz would
refuse the tokens of whoever skipped the page because of it."""
STILL_GOOD: Final = 0.8
"""Assumption: what is "in use" is at most this old, in its lifetimes, when the load begins."""

KID: Final = "public:hydra.openid.id-token"
"""Source: the header of a real 1.11.10's ID tokens."""

_CHAIN = ("signature request_id requested_at client_id scope granted_scope form_data session_data subject active "
          "challenge_id")
COLUMNS: Final[dict[str, str]] = {
    "hydra_oauth2_authentication_session": "id authenticated_at subject remember",
    "hydra_oauth2_authentication_request":
        "challenge requested_scope verifier csrf subject request_url skip client_id requested_at authenticated_at "
        "oidc_context login_session_id",
    "hydra_oauth2_authentication_request_handled":
        "challenge subject remember remember_for error acr requested_at authenticated_at was_used context",
    "hydra_oauth2_consent_request":
        "challenge verifier client_id subject request_url skip requested_scope csrf authenticated_at requested_at "
        "oidc_context login_session_id login_challenge acr context",
    "hydra_oauth2_consent_request_handled":
        "challenge granted_scope remember remember_for error requested_at session_access_token session_id_token "
        "was_used handled_at",
    "hydra_oauth2_access": _CHAIN,
    "hydra_oauth2_refresh": _CHAIN,
    "hydra_oauth2_code": _CHAIN,
    "hydra_oauth2_oidc": _CHAIN,
    "hydra_oauth2_pkce": _CHAIN,
}
"""Tables in the order of their foreign keys, with the columns written; the rest has defaults."""


class Moment(msgspec.Struct, frozen=True):
    """What the rows are counted from."""

    now_s: float
    """Unix seconds of the load."""
    access_s: float
    refresh_s: float
    issuer: str
    hydra: str = "1.11.10"
    """Whose rows."""
    kid: str = KID
    """The key that ID tokens name; a session keeps it from its login on. 1.8.5 draws its own."""

    @property
    def is_early(self) -> bool:
        """1.8.5: sessions spelled the Go way, and no row of a token that was rotated or revoked.

        Source: a refresh on a real 1.8.5 left one refresh row; its request_id is unique there.
        """
        return self.hydra == "1.8.5"


class Rows:
    """Writes the rows of one population."""

    def __init__(self, population: Population, minter: Minter, moment: Moment) -> None:
        self._population, self._minter, self._moment = population, minter, moment
        self._clients: dict[str, Client] = {client.client_id: client for client in population.clients}
        self._services = population.of_kind("service")
        self._json = msgspec.json.Encoder()

    def chunk(self, begin: int, end: int) -> dict[str, bytes]:
        """COPY text by table for the grants `begin` … `end`-1."""
        lines: dict[str, list[str]] = {table: [] for table in COLUMNS}
        for n in range(begin, end):
            self._grant(self._population.grants[n], lines)
        return _text(lines)

    def services(self, begin: int, end: int) -> dict[str, bytes]:
        """COPY text for tokens that services got by themselves."""
        lines: dict[str, list[str]] = {"hydra_oauth2_access": []}
        for n in range(begin, end):
            lines["hydra_oauth2_access"].append(self._service_token(n))
        return _text(lines)

    def issued_s(self, grant: Grant, generation: int) -> float:
        """Unix seconds at which a generation's tokens were issued."""
        newest_s = self._moment.now_s - self._newest_ago_s(grant)
        older = max(0, grant.generations - 1 - generation)
        return newest_s - grant.span * self._moment.refresh_s * older / max(1, grant.generations - 1)

    def _newest_ago_s(self, grant: Grant) -> float:
        if grant.in_use:
            return grant.age * STILL_GOOD * (CODE_S if grant.state == "code" else self._moment.access_s)
        # Older than an access token's lifetime, else it would be in use.
        least_s = min(self._moment.access_s, self._moment.refresh_s / 2)
        return least_s + grant.age * (self._moment.refresh_s - least_s)

    def _begun_s(self, grant: Grant) -> float:
        """When its first tokens were issued, or its last page was seen."""
        return self.issued_s(grant, 0)

    def _grant(self, grant: Grant, lines: dict[str, list[str]]) -> None:
        seed, n = self._population.seed, grant.index
        began_s = self._begun_s(grant)
        first = grant if grant.session == n else self._population.grants[grant.session]
        # A browser session began with the login that opened it, at the latest with this one.
        login_s = min(self._begun_s(first), began_s)
        session = _uuid(identifier(seed, "session", grant.session))
        challenge = identifier(seed, "login", n)
        authenticated_s = login_s - 1 if grant.login_skipped else began_s - 1
        requested, authenticated, began = _stamp(began_s - 2), _stamp(authenticated_s), _stamp(began_s)
        client = self._clients[grant.client_id]
        scope = grant.scope.replace(" ", "|")
        url = self._request_url(grant, client)
        subject, at_login = grant.subject, grant.left_at == "login"

        if not grant.logged_out:
            if grant.session == n:
                unknown = requested if self._moment.is_early else None  # NOT NULL until 1.11
                lines["hydra_oauth2_authentication_session"].append(
                    _line(session, unknown if at_login else authenticated, "" if at_login else subject,
                          grant.login_remembered))
            lines["hydra_oauth2_authentication_request"].append(_line(
                challenge, scope, identifier(seed, "login verifier", n), identifier(seed, "login csrf", n),
                subject if grant.login_skipped else "", url, grant.login_skipped, client.client_id, requested,
                authenticated if grant.login_skipped else None, "{}", session))
            if not at_login:
                lines["hydra_oauth2_authentication_request_handled"].append(_line(
                    challenge, subject, grant.login_remembered, REMEMBER_S if grant.login_remembered else 0, "{}", "",
                    requested, authenticated, True, "{}"))
        if at_login or grant.revoked_by == "consent":
            return
        known = not grant.logged_out
        lines["hydra_oauth2_consent_request"].append(_line(
            grant.name, identifier(seed, "consent verifier", n), client.client_id, subject, url, grant.consent_skipped,
            scope, identifier(seed, "consent csrf", n), authenticated, requested, "{}", session if known else None,
            challenge if known else None, "", "{}"))
        if grant.left_at == "consent":
            return
        claims = self._claims(grant)
        returned = grant.left_at != "return"
        lines["hydra_oauth2_consent_request_handled"].append(_line(
            grant.name, scope, grant.remembered, REMEMBER_S, "{}", requested, "{}" if returned else "null",
            _escape(self._json.encode(claims).decode()) if returned else "null", returned, began))
        if returned:
            person = PersonSession(
                issuer=self._moment.issuer, subject=subject, client_id=client.client_id, consent=grant.name,
                requested_s=began_s - 2, authenticated_s=authenticated_s, issued_s=began_s, claims=claims,
                sid=session, kid=self._moment.kid)
            self._tokens(grant, client, lines, person.go_spelled() if self._moment.is_early else person)

    def _tokens(self, grant: Grant, client: Client, lines: dict[str, list[str]], session: PersonSession) -> None:
        minter, began_s, scope = self._minter, self._begun_s(grant), grant.scope.replace(" ", "|")

        def row(token_signature: str, at_s: float, form: str, sealed: str, active: bool) -> str:
            return _line(token_signature, grant.name, _stamp(at_s), client.client_id, scope, scope, form, sealed,
                         grant.subject, active, grant.name)

        code, unredeemed, code_until_s = minter.code(grant), grant.state == "code", began_s + CODE_S
        sealed = minter.seal(session.json(authorize_code=code_until_s))
        lines["hydra_oauth2_code"].append(row(
            signature(code), began_s, "redirect_uri=" + quote(client.redirect_uri, safe=""), sealed, unredeemed))
        if grant.openid:
            lines["hydra_oauth2_oidc"].append(row(code, began_s, "", sealed, True))
        if unredeemed:
            form = f"code_challenge={self._code_challenge(grant)}&code_challenge_method=S256"
            lines["hydra_oauth2_pkce"].append(row(signature(code), began_s, form, sealed, True))
            return
        newest, alive = grant.generations - 1, grant.state != "revoked"
        kept = range(grant.generations)
        if self._moment.is_early:
            kept = kept[newest:] if alive else kept[:0]
        for generation in kept:
            at_s = self.issued_s(grant, generation)
            sealed = minter.seal(session.json(
                access_token=at_s + self._moment.access_s, authorize_code=code_until_s,
                refresh_token=at_s + self._moment.refresh_s))
            lines["hydra_oauth2_refresh"].append(row(
                signature(minter.refresh(grant, generation)), at_s, "", sealed, alive and generation == newest))
            if alive and generation == newest:
                lines["hydra_oauth2_access"].append(row(
                    signature(minter.access(grant, generation)), at_s, "", sealed, True))

    def _claims(self, grant: Grant) -> dict[str, str]:
        """What the login app told about the person: names in the ID token, if one was asked for."""
        if not grant.openid:
            return {}
        identity = self._population.grants.identity(grant.index)
        return {"email": identity.email, "name": identity.name}

    def _request_url(self, grant: Grant, client: Client) -> str:
        return self._moment.issuer + "oauth2/auth?" + urlencode({
            "client_id": client.client_id, "response_type": "code", "scope": grant.scope,
            "state": identifier(self._population.seed, "state", grant.index)[:16],
            "redirect_uri": client.redirect_uri, "code_challenge": self._code_challenge(grant),
            "code_challenge_method": "S256"}, safe="/:")

    def _code_challenge(self, grant: Grant) -> str:
        digest = sha256(self._minter.verifier(grant).encode()).digest()
        return urlsafe_b64encode(digest).rstrip(b"=").decode()

    def _service_token(self, n: int) -> str:
        """A token of client_credentials: no consent, the client is the subject, nobody's claims."""
        client = self._services[n % len(self._services)]
        request_id = _uuid(identifier(self._population.seed, "service token", n))
        # Assumption: a week of them lies in the table, because nobody runs the janitor.
        at_s = self._moment.now_s - 7 * 24 * 3600 * (n + 1) / self._population.service_tokens
        session = service_session(issuer=self._moment.issuer, client_id=client.client_id, issued_s=at_s,
                                  expires_s=at_s + self._moment.access_s, go_spelled=self._moment.is_early)
        scope = client.scope.replace(" ", "|")
        return _line(signature(self._minter.token(f"service|{n}")), request_id, _stamp(at_s), client.client_id, scope,
                     scope, "", self._minter.seal(session), client.client_id, True, None)


def _line(*values: str | bool | int | None) -> str:
    """One line of COPY's text format; strings must hold no backslash, tab or newline (see `_escape`)."""
    return "\t".join("\\N" if value is None else "t" if value is True else "f" if value is False else str(value)
                     for value in values)


def _escape(text: str) -> str:
    """JSON's backslashes for COPY; JSON holds no raw tab or newline."""
    return text.replace("\\", "\\\\")


def _text(lines: dict[str, list[str]]) -> dict[str, bytes]:
    return {table: ("\n".join(some) + "\n").encode() for table, some in lines.items() if some}


def _stamp(at_s: float) -> str:
    """A timestamp column: UTC without a zone."""
    return datetime.fromtimestamp(at_s, UTC).replace(tzinfo=None).isoformat(" ")


def _uuid(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:32]}"
