"""Plain lines of a rehearsal for whoever has no screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.history.gameday import is_hidden
from sim.history.journal import Journal
from sim.runbook.price import Price


class Heartbeat:
    """Plain lines for whoever has no screen: every step, and a sign of life each 10 s; no surprise."""

    EVERY_S = 10.0

    def __init__(self, say: Callable[[str], None], journal: Journal, price: Price) -> None:
        self._say, self._journal, self._price = say, journal, price
        self._last_s = 0.0
        self._done = self._failed = 0
        self._step = "-"

    def __call__(self, op: Any) -> None:
        if is_hidden(op):
            return
        value = op.value or {}
        at = f"T+{int(op.t_s // 60):02d}:{op.t_s % 60:04.1f}"
        if op.f == "step" and op.type == "invoke":
            self._step = value["step"]
            self._say(f"{at} {value['n']:>2}/{value['of']} {value['step']}: {value['does']}")
        elif op.f in ("step", "undo") and op.type in ("ok", "fail"):
            took = f" {value['took_s']:.1f} s" if "took_s" in value else ""
            self._say(f"{at}       {op.f} {value.get('step')} {op.type}{took}{' ' + op.error if op.error else ''}")
        elif op.f == "note" and value.get("level") != "info":
            self._say(f"{at}       {value.get('level')}: {value.get('text')}")
        elif op.f == "fault" and op.type != "invoke":
            self._say(f"{at}       fault {value.get('name')} {op.type} {value.get('seen', op.error)}")
        elif op.type in ("ok", "fail", "info") and op.of is not None and op.process[0] != "v":
            self._done += 1
            self._failed += op.type != "ok"
        if op.t_s - self._last_s >= self.EVERY_S:
            self._last_s = op.t_s
            cut = self._price.cut()
            self._say(f"{at}       {self._step}: {self._done} operations, {self._failed} not ok; "
                      f"if we cut now {cut['grants']} grants, {cut['chains']} chains")
