"""Traffic after the harness was killed: who had a token then has lost it with us.

Tokens stand nowhere but in the memory of whoever holds them. So actors begin anew, with grants that
nobody had used, and what was used or revoked before is left alone, but for the proof that it is dead.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from sim.history.op import TAKE_CONSENT, Op
from sim.traffic.ledger import Ledger
from sim.traffic.plan import Plan

if TYPE_CHECKING:
    from sim.traffic.population import Population


def rest_of(plan: Plan, elapsed_s: float) -> Plan:
    """What the plan has after `elapsed_s`, counted from there; no cohorts, for their phases are over."""
    items = [msgspec.structs.replace(item, due_s=round(item.due_s - elapsed_s, 3))
             for item in plan.items if item.due_s >= elapsed_s]
    return msgspec.structs.replace(plan, items=items, cohorts=[])


def remember(ledger: Ledger, population: Population, before: Iterable[Op]) -> dict[str, int]:
    """Tell the ledger what became of the seeded grants: {revoked, touched, unknown, consents_unknown}.

    `unknown` are revoked grants made in the run: nobody has a token of theirs any more to try. Of these
    `consents_unknown` had their consent taken back and nobody knows whose it was, or nobody knows whether they had.
    """
    index = {grant.name: n for n, grant in enumerate(population.grants)}
    touched: set[str] = set()
    revoked: dict[str, str] = {}
    open_consents: set[int] = set()
    for op in before:
        value = op.value or {}
        names = [*(value.get("grants") or ()), *([op.grant] if op.grant else ())]
        if op.f in ("refresh", "code", "revoke"):
            touched.update(names)
        if op.f == "revoke" and value.get("kind") in TAKE_CONSENT and op.type != "info":
            (open_consents.add(op.i) if op.of is None else open_consents.discard(op.of))
        if op.f == "revoke" and op.type == "ok" and value.get("kind") != "login":
            revoked |= dict.fromkeys(names, str(value.get("kind")))
    for name in sorted(touched - revoked.keys()):
        if name in index:
            ledger.unknown(ledger.seeded(index[name]))
    known = {name: kind for name, kind in revoked.items() if name in index}
    for name, kind in known.items():
        ledger.revoked([ledger.seeded(index[name])], kind, 0.0)
    unknown = {name: kind for name, kind in revoked.items() if name not in index}
    return {"revoked": len(known), "touched": len(touched), "unknown": len(unknown),
            "consents_unknown": len(open_consents) + sum(kind in TAKE_CONSENT for kind in unknown.values())}
