"""Links are tried in lanes: services one after the other, each job beside them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from sim.errors import StepFailed
from sim.faults.link_proofs import prove_links
from sim.history.history import History
from sim.history.journal import Journal

LINKS = ["clients->edge:public", "edge->queue", "copier->blue-postgres", "copier->green-postgres",
         "replayer->queue", "authz->blue-hydra:admin"]


async def test_services_go_in_turn_and_no_job_waits_for_them(tmp_path: Path) -> None:
    under_way: set[str] = set()
    together: list[set[str]] = []
    jobs_done = asyncio.Event()
    left = {"copier->green-postgres", "replayer->queue"}

    async def prove(link: str) -> dict[str, Any]:
        under_way.add(link)
        together.append(set(under_way))
        if link == "clients->edge:public":  # would wait for ever if the jobs came after it
            await asyncio.wait_for(jobs_done.wait(), 5.0)
        await asyncio.sleep(0)
        under_way.discard(link)
        left.discard(link)
        if not left:
            jobs_done.set()
        return {"proven": True, "usual_s": 0.001, "delayed_s": 0.1}

    journal = Journal(tmp_path / "history.jsonl", scenario="unit", seed=1, engine="process")
    await prove_links(LINKS, prove, journal)
    journal.close()
    services = {"clients->edge:public", "edge->queue", "authz->blue-hydra:admin"}
    for seen in together:
        assert len(seen & services) <= 1
        assert len({link for link in seen if link.startswith("copier")}) <= 1
    done = [op for op in History.load(tmp_path / "history.jsonl").ops if op.type == "ok"]
    assert sorted(op.value["link"] for op in done) == sorted(LINKS)


async def test_a_link_that_can_t_be_tried_is_told_and_the_others_are_tried(tmp_path: Path) -> None:
    async def prove(link: str) -> dict[str, Any]:
        if link == "edge->queue":
            raise StepFailed("the link's probe has no answer without a fault", where=link)
        return {"proven": True}

    journal = Journal(tmp_path / "history.jsonl", scenario="unit", seed=1, engine="process")
    await prove_links(LINKS, prove, journal)
    journal.close()
    ended = {op.value["link"]: op.type for op in History.load(tmp_path / "history.jsonl").ops if op.of is not None}
    assert ended == {link: "fail" if link == "edge->queue" else "ok" for link in LINKS}
