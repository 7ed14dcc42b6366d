"""Every kind of fault on real parts: in effect as its proof says, and gone after its heal."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from real_faults import faults_on, lived_through
from rigs import BASE, OURS, start_blue

from sim.errors import StepFailed
from sim.rigs.real.engines import Engine
from sim.rigs.real.faults.answers import Answers
from sim.rigs.real.secrets import secrets

pytestmark = pytest.mark.timeout(240)
UP = (*BASE, "blue-hydra", *OURS)


async def test_parts_die_freeze_and_come_back(engine: Engine) -> None:
    await start_blue(engine)
    answers = Answers(engine, secrets())
    async with faults_on(engine, *UP) as (faults, _, _):
        for kind, part in (("kill", "queue"), ("kill", "blue-hydra"), ("stop", "blue-postgres"),
                           ("pause", "blue-hydra"), ("pause", "edge"), ("restart", "login-consent")):
            before = await engine.incarnation(part)
            proof, healed = await lived_through(faults, {"fault": kind, "part": part})
            assert proof["proven"], (kind, part, proof)
            assert "answers again" in healed["seen"], (kind, part, healed)
            assert await answers.asked(part) == ""
            assert (await engine.incarnation(part) == before) is (kind == "pause")


async def test_the_edge_comes_back_with_the_route_and_the_capture_it_had(engine: Engine) -> None:
    await start_blue(engine)
    async with faults_on(engine, *UP) as (faults, standing, controls):
        await controls["edge"].ask("PUT", "/capture", {"on": True, "direction": "forward"})
        await controls["edge"].ask("PUT", "/route", {"to": "green"})
        await controls["authz"].ask("PUT", "/side", {"to": "green"})
        standing.capture, standing.route, standing.sides["authz"] = "forward", "green", "green"
        for kind, part in (("kill", "edge"), ("restart", "edge"), ("kill", "authz")):
            proof, healed = await lived_through(faults, {"fault": kind, "part": part})
            assert proof["proven"], proof
            status = await controls[part].ask("GET", "/status")
            if part == "edge":
                assert healed["restored"] == {"route": "green", "capture": "forward", "buffering": False}
                assert (status["route"], status["capture"]["on"], status["capture"]["direction"]) == (
                    "green", True, "forward")
            else:
                assert healed["restored"] == {"side": "green"} == status
            assert f"{part} is back" in healed["note"] and "Lost with it" in healed["note"]


async def test_what_the_runbook_stopped_meanwhile_stays_stopped(engine: Engine) -> None:
    await engine.start("queue")
    async with faults_on(engine, "queue") as (faults, _, _):
        await faults.make({"name": "gone", "fault": "kill", "part": "queue"})
        faults_engine: Any = faults.engine
        await faults_engine.stop("queue")
        assert "the runbook has stopped this part" in (await faults.heal("gone"))["seen"]
        assert await engine.incarnation("queue") == ""
        with pytest.raises(StepFailed, match="does not run now"):
            await faults.make({"name": "again", "fault": "pause", "part": "queue"})


async def test_a_job_under_way_is_killed(engine: Engine) -> None:
    async with faults_on(engine) as (faults, _, _):
        with pytest.raises(StepFailed, match="does not run now"):
            await faults.make({"name": "early", "fault": "kill", "part": "copier"})
        begun = asyncio.Event()
        job = asyncio.create_task(engine.job("copier", ["sh", "-c", "echo begun; exec sleep 30"],
                                             on_line=lambda _: begun.set(), deadline_s=25))
        await asyncio.wait_for(begun.wait(), 20)
        proof, _ = await lived_through(faults, {"fault": "kill", "part": "copier"})
        assert proof["proven"] and (await job).exit_code in (-9, 137)
