"""An op as something to paste: the request as curl, its grant as psql, the op itself as YAML.

The history holds no token and no address, so what it does not know is a variable: addresses are
those of `rehearse env`, and a token is named by its hash.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import msgspec

from sim.checks.verdict import Check
from sim.history.op import Op
from sim.report.masking import masked

TOKEN = "$TOKEN"  # noqa: S105 - the name of a variable of the shell
PUBLIC, INTERNAL, AUTHZ = "$REHEARSE_EDGE_PUBLIC", "$REHEARSE_EDGE_INTERNAL", "$REHEARSE_AUTHZ_PUBLIC"


class Request(NamedTuple):
    """One HTTP request as traffic sends it."""

    method: str
    url: str
    form: tuple[tuple[str, str], ...] = ()
    client: bool = False
    """With the client's credentials."""
    json: bool = False


def request(op: Op) -> Request | None:
    """The request an op of traffic stands for; None for ops that are none."""
    value = op.value or {}
    match op.f:
        case "introspect":
            return Request("POST", f"http://{INTERNAL}/oauth2/introspect", (("token", TOKEN),))
        case "refresh":
            return _token_request(("grant_type", "refresh_token"), ("refresh_token", TOKEN))
        case "code":
            return _token_request(
                ("grant_type", "authorization_code"), ("code", TOKEN), ("redirect_uri", "$REDIRECT_URI")
            )
        case "client_credentials":
            return _token_request(("grant_type", "client_credentials"))
        case "revoke":
            return _revocation(str(value.get("kind", "refresh")))
        case "authorize":
            scope = str(value.get("scope", "openid")).replace(" ", "+")
            query = f"client_id=$CLIENT&response_type=code&scope={scope}&state=$STATE&redirect_uri=$REDIRECT_URI"
            return Request("GET", f"http://{PUBLIC}/oauth2/auth?{query}")
        case "logout":
            return Request("GET", f"http://{PUBLIC}/oauth2/sessions/logout")
        case "discovery":
            return Request("GET", f"http://{PUBLIC}/.well-known/openid-configuration")
        case "jwks":
            return Request("GET", f"http://{PUBLIC}/.well-known/jwks.json")
        case "authz":
            return Request("POST", f"http://{AUTHZ}/may", (("token", TOKEN),), json=True)
    return None


def _token_request(*form: tuple[str, str]) -> Request:
    return Request("POST", f"http://{PUBLIC}/oauth2/token", form, client=True)


def _revocation(kind: str) -> Request:
    sessions = f"http://{INTERNAL}/oauth2/auth/sessions"
    match kind:
        case "consent":
            return Request("DELETE", f"{sessions}/consent?subject=$SUBJECT&client=$CLIENT")
        case "subject":
            return Request("DELETE", f"{sessions}/consent?subject=$SUBJECT&all=true")
        case "login":
            return Request("DELETE", f"{sessions}/login?subject=$SUBJECT")
    return Request("POST", f"http://{PUBLIC}/oauth2/revoke", (("token", "$TOKEN"),), client=True)


def curl(op: Op) -> str:
    """A command line for the shell; "" if the op is no request."""
    asked = request(op)
    if asked is None:
        return ""
    parts = ["curl -sS"]
    if asked.method != "GET" and not (asked.method == "POST" and asked.form):
        parts.append(f"-X {asked.method}")
    if asked.client:
        parts.append('-u "$CLIENT:$SECRET"')
    if asked.json:
        parts.append("-H 'Content-Type: application/json' -d " + '"{\\"token\\": \\"$TOKEN\\"}"')
    else:
        parts += [f'-d "{name}={value}"' for name, value in asked.form]
    parts.append(f'"{asked.url}"')
    about = [
        f"# {op.f} by {op.process}"
        + (f", grant {op.grant}" if op.grant else "")
        + (f"; $TOKEN is the one whose sha256 begins {op.token_hash}" if op.token_hash else ""),
        '# addresses: eval "$(rehearse env latest)"',
    ]
    return "\n".join([*about, " \\\n  ".join(parts)])


TABLES = ("access", "refresh", "code", "oidc", "pkce")


def psql(op: Op) -> str:
    """What green's database holds of the op's grant; "" if it is about none that it could know."""
    grants = (op.value or {}).get("grants") or ([op.grant] if op.grant else [])
    known = [g for g in grants if not str(g).startswith("n-")]
    if not known:
        return ""
    wanted = ", ".join("'" + str(g).replace("'", "''") + "'" for g in known)
    rows = "\nUNION ALL ".join(
        f"SELECT '{table}' AS kind, request_id, active, requested_at FROM hydra_oauth2_{table} "
        f"WHERE request_id IN ({wanted})"
        for table in TABLES
    )
    return (
        '# addresses and the password file: eval "$(rehearse env latest)"\n'
        "# the same on blue: $REHEARSE_BLUE_POSTGRES_SQL\n"
        f"psql \"postgresql://rehearse@$REHEARSE_GREEN_POSTGRES_SQL/hydra\" <<'SQL'\n{rows};\nSQL"
    )


HYDRAS_OWN = ("heap_bytes", "goroutines")
"""Figures of a gauge that Hydra tells of itself."""
POSTGRES_OWN = ("connections", "waiting", "oldest_s", "waits")
"""Figures of a gauge that are read from pg_stat_activity."""


def gauge_curl(op: Op, figure: str) -> str:
    """How a figure of a gauge is asked for again (`green.heap_bytes`); "" if not by HTTP."""
    side, _, name = figure.partition(".")
    if op.f != "gauge" or name not in HYDRAS_OWN:
        return ""
    admin = f"$REHEARSE_{side.upper()}_HYDRA_ADMIN"
    return (
        "# Hydra 1.x; 2.x has it under /admin/metrics/prometheus\n"
        '# addresses: eval "$(rehearse env latest)"\n'
        f'curl -sS "http://{admin}/metrics/prometheus" | grep -E "^go_(memstats_heap_inuse_bytes|goroutines) "'
    )


def gauge_psql(op: Op, figure: str) -> str:
    """The same of what Postgres knows; "" if it does not."""
    side, _, name = figure.removeprefix("databases.").partition(".")
    if op.f != "gauge" or name not in POSTGRES_OWN:
        return ""
    return (
        f"psql \"postgresql://rehearse@$REHEARSE_{side.upper()}_POSTGRES_SQL/hydra\" <<'SQL'\n"
        "SELECT pid, usename, state, wait_event_type, wait_event, now() - xact_start AS in_transaction, query\n"
        "FROM pg_stat_activity WHERE datname = 'hydra' ORDER BY xact_start;\nSQL"
    )


def check(told: Check) -> str:
    """A check as verdict.json says it: its figures, what was allowed, its witnesses."""
    return "\n".join(yaml_lines({told.name: msgspec.to_builtins(told)}))


def command(op: Op) -> str:
    """The exact command of an op that is one (`cmd`), as it ran."""
    return str((op.value or {}).get("command", "")) if op.f == "cmd" else ""


def yaml(begun: Op | None, done: Op | None, *, origin_utc: str = "") -> str:
    """Both lines of the history as YAML."""
    told: dict[str, Any] = {"history_begins": origin_utc} if origin_utc else {}
    for name, op in (("invocation", begun), ("completion" if begun is not None else "op", done)):
        if op is not None:
            told[name] = {f: v for f in op.__struct_fields__ if (v := getattr(op, f)) is not None}
    return "\n".join(yaml_lines(told))


def yaml_lines(value: Any, indent: str = "") -> list[str]:
    """A mapping or list as block YAML; scalars as JSON, which YAML reads."""
    lines: list[str] = []
    if isinstance(value, dict):
        for key, inside in value.items():
            name = str(key) if str(key).replace("_", "").isalnum() else json.dumps(str(key))
            if isinstance(inside, dict | list) and inside and not _is_flat(inside):
                lines += [f"{indent}{name}:", *yaml_lines(inside, indent + "  ")]
            else:
                lines.append(f"{indent}{name}: {scalar(inside)}")
        return lines
    for inside in value:
        if isinstance(inside, dict) and inside and not _is_flat(inside):
            first, *rest = yaml_lines(inside, indent + "  ")
            lines += [f"{indent}- {first.strip()}", *rest]
        else:
            lines.append(f"{indent}- {scalar(inside)}")
    return lines


def _is_flat(value: Any) -> bool:
    inside = value.values() if isinstance(value, dict) else value
    return not any(isinstance(v, dict | list) for v in inside) and len(json.dumps(value)) < 60


def scalar(value: Any) -> str:
    """One value in a line."""
    if isinstance(value, str):
        said = masked(value)
        plain = said.replace(" ", "").replace("-", "").replace("_", "").replace(".", "").isalnum()
        return (
            said
            if plain and not said[:1].isdigit() and said not in ("true", "false", "null")
            else json.dumps(said, ensure_ascii=False)
        )
    return json.dumps(value, ensure_ascii=False)
