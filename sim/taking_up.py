"""A run whose harness was killed is taken up: its history goes on, and so does the way back to blue.

What the stack was to be stands in the history (sim.runbook.stood), its data in the killed run's folder.
Tokens that traffic held went with the harness, so what follows is played by actors of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, NamedTuple

import simpy

from sim.faults.written import Written, unhealed
from sim.history.history import History
from sim.history.journal import Journal
from sim.runbook.context import Context
from sim.runbook.runner import Ended, Runner
from sim.runbook.steady import WARM_UP_S
from sim.runbook.stood import Stood
from sim.traffic.aftermath import remember

OUTLIVES = frozenset({"full"})
"""Faults that a restart does not take off: the queue keeps its limit on the disk."""


class Taken(NamedTuple):
    """A killed run, as it is taken up."""

    history: History
    stood: Stood
    adopted: Any
    """sim.rigs.real.adopting.Adopted: where its data is."""


def go_on(path: Path, taken: Taken, say: Callable[[str], None]) -> Journal:
    """The same history, open again, with a note of how long nobody wrote it."""
    journal = Journal.reopen(path, taken.history)
    if taken.history.torn:
        say("the last line of the history was torn by the kill and is left out")
    from_s, to_s = taken.stood.last_s, round(journal.now_s(), 3)
    journal.note("harness", "gap", {"from_s": from_s, "to_s": to_s, "torn": taken.history.torn})
    text = f"the harness was killed; it and its stack were away for {to_s - from_s:.0f} s"
    journal.note("harness", "note", {"level": "warn", "text": text})
    say(text)
    return journal


def take_up(taken: Taken, ctx: Context, runner: Runner, traffic: Any, population: Any,
            written: Written) -> Generator[simpy.Event, Any, Ended]:
    """Back to blue, or on where there is no way back; then every revocation of which a token is known is tried."""
    for fault in unhealed(written.path):
        if fault.get("fault") in OUTLIVES:
            continue
        i = ctx.journal.invoke("nemesis", "heal", value={"name": fault["name"]})
        written.write(str(fault["name"]), "healed", by="resume")
        ctx.journal.complete(i, "ok", value={"name": fault["name"], "seen": "what it was made on was started anew"})
    told = remember(traffic.ledger, population, taken.history.ops)
    ctx.note(f"{told['revoked']} revoked grants will be tried; {told['unknown']} were made in the run, and nobody has "
             "their tokens any more")
    ctx.facts["consents_unknown"] = told["consents_unknown"]
    traffic.start()
    yield ctx.env.timeout(WARM_UP_S)
    ended: Ended = yield ctx.env.process(runner.take_up(taken.stood))
    if ended.how != "failed":
        yield ctx.env.call(ctx.proofs.prove(revoked=list(ctx.facts["revoked"].all()), sample=0))
    yield traffic.stop()
    return ended
