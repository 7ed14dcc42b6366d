"""An operation of traffic: when it was due is told on the history's clock."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import simpy

from sim import clock
from sim.clock import LiveEnvironment
from sim.history.history import History
from sim.history.journal import Journal
from sim.rigs.rig import Answer, Clients
from sim.traffic.acts import Acts
from sim.traffic.ledger import Ledger
from sim.traffic.watching import Watchlist


async def _nothing() -> Answer:
    return Answer(200, {}, None, None, False, None, 0.0)


def test_history_and_sender_agree_on_how_late_an_operation_was(tmp_path: Path) -> None:
    """Whatever lies between the start of the history's clock, of the traffic and of the run."""
    env = LiveEnvironment()
    journal = Journal(tmp_path / "history.jsonl", scenario="unit", seed=1, engine="process")
    acts = Acts(env, cast(Clients, None), journal, cast(Ledger, None), Watchlist(), 1.0)
    time.sleep(0.2)

    def body() -> Generator[simpy.Event, Any, None]:
        yield env.timeout(0.01)
        yield env.call(acts.act("rs-1", "introspect", env.now, _nothing(), lambda _: ("ok", {}, None)))

    async def main() -> None:
        await env.run_live(env.process(body()))

    clock.run(main())
    journal.close()
    begun = next(op for op in History.load(tmp_path / "history.jsonl").ops if op.due_s is not None)
    assert begun.due_s is not None
    seen_late_s = begun.t_s - begun.due_s
    assert abs(seen_late_s - acts.lateness.get_max_value() / 1e6) < 0.1
