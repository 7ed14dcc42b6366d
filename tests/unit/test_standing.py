"""What a service that died comes back with: the same words go in by its environment and out by its status."""

from __future__ import annotations

from typing import Any

import pytest

from sim.rigs.real.standing import Standing, lost_with, standing_of
from sim.services.admin import AdminApi
from sim.services.edge_requests import Edge
from sim.services.settings import BadSetting, Environment

EDGE = {"EDGE_BLUE_PUBLIC": "http://b:1", "EDGE_BLUE_ADMIN": "http://b:2", "EDGE_GREEN_PUBLIC": "http://g:1",
        "EDGE_GREEN_ADMIN": "http://g:2", "EDGE_QUEUE": "nats://q:1", "EDGE_BLUE_DSN": "postgres://x",
        "EDGE_GREEN_DSN": "postgres://x"}


@pytest.mark.parametrize(("route", "capture", "buffering", "writes"), [
    ("blue", "off", False, True), ("blue", "forward", False, True), ("green", "back", False, True),
    ("blue", "forward", True, True), ("blue", "off", False, False)])
async def test_an_edge_started_as_it_stood_stands_so(route: Any, capture: str, buffering: bool, writes: bool) -> None:
    standing = Standing()
    standing.edges[0].to = route
    standing.edges[0].capture, standing.buffering, standing.writes_allowed = capture, buffering, writes
    edge = Edge(Environment({**EDGE, **standing.environment("edge")}))
    try:
        assert standing_of(edge.status()) == standing.wanted("edge") == {
            "route": route, "share": 1.0, "capture": capture, "buffering": buffering, "writes_allowed": writes}
    finally:
        await edge.close()


async def test_a_new_edge_begins_on_blue_without_capture() -> None:
    edge = Edge(Environment(EDGE))
    try:
        assert standing_of(edge.status()) == Standing().wanted("edge")
    finally:
        await edge.close()


async def test_an_unknown_word_ends_it_at_the_start() -> None:
    with pytest.raises(BadSetting):
        Edge(Environment({**EDGE, "EDGE_ROUTE": "grey"}))


@pytest.mark.parametrize("side", ["blue", "green"])
async def test_apps_keep_their_side(side: Any) -> None:
    standing = Standing()
    standing.sides["authz"] = side
    api = AdminApi(Environment({"AUTHZ_BLUE_ADMIN": "http://b:1", "AUTHZ_GREEN_ADMIN": "http://g:1",
                                "AUTHZ_BLUE_PREFIX": "", "AUTHZ_GREEN_PREFIX": "/admin",
                                **standing.environment("authz")}), "AUTHZ")
    try:
        _, status = await api.control("GET", "/status", {})
        assert standing_of(status) == standing.wanted("authz") == {"side": side}
    finally:
        await api.close()


def test_parts_that_keep_nothing_are_started_as_ever() -> None:
    assert Standing().environment("queue") == {} == Standing().wanted("queue")


def test_what_is_lost_is_what_was_not_zero() -> None:
    status = {"in_flight": {"blue": 3, "green": 0}, "waiting": 0, "capture": {"open": 1}}
    assert lost_with(status) == {"under_way": 3, "open_intents": 1}
    assert lost_with({}) == {}
