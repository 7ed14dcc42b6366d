"""A service that stands more than once: `edge`, `edge-2`, … from one entry of the stack file.

Each replica has links, ports and variables of its own, so that a fault can hit one of them
and each link can be proven. Compose's own `deploy.replicas` would give them one name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

EDGE = "edge"
LISTEN_STEP = 1000
"""Assumption: the stack file numbers its proxies within a thousand ports (21001 to 21062)."""


def replica_names(service: str, count: int) -> list[str]:
    """`edge`, `edge-2`, …"""
    return [service, *(f"{service}-{n}" for n in range(2, count + 1))]


def origin(name: str) -> str:
    """`edge` of `edge-2`; other names are their own."""
    return EDGE if re.fullmatch(rf"{EDGE}-\d+", name) else name


def origin_link(link: str) -> str:
    """The first edge's link of any edge's: `clients->edge:public` of `clients->edge-2:public`."""
    source, _, target = link.partition("->")
    to, colon, port = target.partition(":")
    return f"{origin(source)}->{origin(to)}{colon}{port}"


def replicated(raw: Mapping[str, Any], service: str, count: int) -> dict[str, Any]:
    """The stack file's content with `count` replicas of `service`; the file's own is the first.

    A link to or from the service is made once for each replica; in a replica's text the variables
    of its links and ports (`LINK_EDGE_…`, `PORT_EDGE_…`) are its own.
    """
    links, services = dict(raw.get("x-links") or {}), dict(raw.get("services") or {})
    if service not in services:
        return dict(raw)
    for n, name in enumerate(replica_names(service, count)[1:], start=1):
        services[name] = _own(services[service], service, name)
        for link, told in (raw.get("x-links") or {}).items():
            twin = _twin(link, service, name)
            if twin != link:
                links[twin] = {**told, "listen": int(told["listen"]) + n * LISTEN_STEP,
                               "to": re.sub(rf"^{service}:", f"{name}:", str(told["to"]))}
    return {**raw, "x-links": links, "services": services}


def _twin(link: str, service: str, name: str) -> str:
    source, _, target = link.partition("->")
    to, colon, port = target.partition(":")
    ends = [name if end == service else end for end in (source, to)]
    return f"{ends[0]}->{ends[1]}{colon}{port}"


def _own(told: Any, service: str, name: str) -> Any:
    """The service's entry with the replica's variables."""
    if isinstance(told, Mapping):
        return {key: _own(value, service, name) for key, value in told.items()}
    if isinstance(told, list):
        return [_own(value, service, name) for value in told]
    if not isinstance(told, str):
        return told
    was, now = (re.sub(r"[^A-Z0-9]+", "_", word.upper()) for word in (service, name))
    return re.sub(rf"\b(LINK_|PORT_){was}_", rf"\g<1>{now}_", told)
