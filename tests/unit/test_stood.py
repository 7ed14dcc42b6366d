"""Where each part of the stack stood when the harness was killed, read from the history."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from sim.history.history import History
from sim.history.op import Header, Op
from sim.rigs.real.standing import Standing
from sim.rigs.real.upgrading import Upgrading
from sim.runbook.stood import Pointed, Stood, stood
from sim.scenario import load_scenario

HEADER = Header(origin_utc="2026-01-01T00:00:00.000Z", scenario="t", seed=1, engine="process")


class Lines:
    """Writes the runbook's ops as the runner does."""

    def __init__(self) -> None:
        self.ops: list[Op] = []

    def note(self, f: str, **value: Any) -> Lines:
        self._add("info", f, None, value)
        return self

    def step(self, name: str, *, ended: bool = True) -> Lines:
        self._add("invoke", "step", None, {"step": name})
        if ended:
            self._add("ok", "step", len(self.ops) - 1, {"step": name})
        return self

    def switch(self, to: str, *, what: str = "edge", epoch: int = 2, **more: Any) -> Lines:
        return self.note("switch", what=what, to=to, epoch=epoch, **more)

    def _add(self, type: Any, f: str, of: int | None, value: dict[str, Any]) -> None:
        self.ops.append(Op(len(self.ops), type, "runbook", f, float(len(self.ops)), of, None, None, None, None, value))

    def stood(self, scenario: str, *sets: str) -> Stood:
        return stood(History(HEADER, self.ops), load_scenario(scenario, sets=list(sets)))


def copied() -> Lines:
    lines = Lines()
    for name in ("baseline", "lifetime", "capture", "copy", "cleanup", "migrate", "repair"):
        lines.step(name)
    return lines


def test_edges_that_nobody_switched_point_to_blue() -> None:
    assert copied().stood("45").edges == [Pointed(), Pointed()]


def test_all_edges_were_switched_at_once() -> None:
    found = copied().step("cutover", ended=False).switch("green").stood("45")
    assert found.edges == [Pointed("green", 1.0, 2)] * 2 and found.route == "green" and found.capture == "back"


def test_a_kill_between_two_edges_leaves_each_where_it_pointed() -> None:
    """Then green's revocations must be carried back, whichever edge they came through."""
    found = copied().step("cutover", ended=False).switch("green", edge=1).stood("44")
    assert found.edges == [Pointed("green", 1.0, 2), Pointed("blue", 1.0, 1)]
    assert found.route == "green" and found.green_serves and found.capture == "back"
    assert found.facts["capturing_back"] is True
    both = copied().step("cutover", ended=False).switch("green", edge=1).switch("green", edge=2, epoch=3).stood("44")
    assert both.edges == [Pointed("green", 1.0, 2), Pointed("green", 1.0, 3)]


def test_a_share_stays_a_share() -> None:
    found = Lines().step("baseline").step("migrate").step("cutover").switch("green", share=0.5).stood("22")
    assert found.edges == [Pointed("green", 0.5, 2)]


def test_a_switch_that_the_history_missed_is_allowed_for() -> None:
    """The edge may have turned in the instant before the kill: what it captured there must come back."""
    found = copied().step("cutover", ended=False).stood("10")
    assert found.route == "blue" and found.capture == "forward" and found.facts["capturing_back"] is True


@pytest.mark.parametrize(("edges", "there"), [
    ([Pointed("green", 1.0, 2), Pointed()], [("green", "2", "back"), ("blue", "1", "forward")]),
    ([Pointed("green", 0.5, 4)], [("green", "4", "back")])])
def test_each_edge_is_started_as_it_stood(edges: list[Pointed], there: list[tuple[str, str, str]]) -> None:
    """One that had not turned yet goes on recording what blue answers."""
    standing = Standing(len(edges))
    standing.take_up(Stood([], edges=edges, capture="back", writes_allowed=False, sides={"authz": "green"}))
    names = ["edge", "edge-2"][:len(edges)]
    told = [standing.environment(name) for name in names]
    assert [(one["EDGE_ROUTE"], one["EDGE_EPOCH"], one["EDGE_CAPTURE"]) for one in told] == there
    assert {one["EDGE_WRITES"] for one in told} == {"refused"}
    assert told[0]["EDGE_SHARE"] == f"{edges[0].share:g}"
    assert standing.environment("authz") == {"AUTHZ_SIDE": "green"}
    assert standing.environment("login-consent") == {"LOGIN_SIDE": "blue"}


def begun(*steps: str) -> Lines:
    """These steps, the last one under way."""
    lines = Lines()
    for n, name in enumerate(steps):
        lines.step(name, ended=n < len(steps) - 1)
    return lines


@pytest.mark.parametrize(("scenario", "steps", "blue_runs", "past_return", "left"), [
    ("30", ("baseline",), True, False, "baseline"),
    ("30", ("baseline", "cleanup"), False, False, "cleanup"),
    ("30", ("baseline", "cleanup", "migrate"), False, True, "migrate"),
    ("30", ("baseline", "cleanup", "migrate", "repair", "cutover"), False, True, "cutover"),
    ("20", ("baseline", "migrate", "old-fleet"), True, True, "old-fleet"),
    ("21", ("baseline", "migrate", "old-fleet"), True, False, "old-fleet"),
    ("10", ("baseline", "lifetime", "capture", "copy", "cleanup", "migrate"), True, False, "migrate")])
def test_whether_there_is_a_way_back_from_one_database(scenario: str, steps: tuple[str, ...], blue_runs: bool,
                                                       past_return: bool, left: str) -> None:
    found = begun(*steps).stood(scenario)
    assert (found.blue_runs, found.past_return) == (blue_runs, past_return)
    assert next(step.name for step in found.left) == left == found.under_way


def test_between_two_steps_the_next_is_the_first_left() -> None:
    found = Lines().step("baseline").step("cleanup").step("migrate").stood("30")
    assert found.under_way == "" and [step.name for step in found.left] == ["repair", "cutover", "soak", "verify"]


@pytest.mark.parametrize(("views", "varied"), [
    (True, []), (False, [{"PROGRAM_BLUE_HYDRA": "hydra-1.11.10", "BLUE_DSN_END": ""}])])
async def test_blue_is_started_as_the_version_whose_columns_stand(views: bool, varied: list[dict[str, str]],
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    """The old one reads through views; once these are gone, only the new one can serve."""
    told: list[Mapping[str, str]] = []

    class Blue:
        async def fetchval(self, sql: str, name: str) -> bool:
            assert name == "old_columns"
            return views

    @asynccontextmanager
    async def database(*_: Any) -> AsyncIterator[Blue]:
        yield Blue()

    monkeypatch.setattr("sim.rigs.real.upgrading.database", database)
    engine: Any = SimpleNamespace(vary=told.append)
    secrets: Any = None
    await Upgrading(engine, secrets, "1.11.10").take_up()
    assert told == varied
