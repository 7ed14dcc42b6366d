"""A plausible history of scenario 10, written without any real part: for the screen's tests only.

It says what a run says (the vocabulary of sim.history.op), so that follower, state, widgets and
checks have something to show. It proves nothing about Hydra.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from sim.history.op import Header, Op
from sim.runbook.catalogue import CATALOGUE
from sim.scenario import Scenario, load_scenario, resolved

PLAN = (  # step, begins, takes
    ("baseline", 4.0, 15.0), ("lifetime", 19.0, 20.0), ("capture", 39.0, 0.9), ("copy", 39.9, 3.1),
    ("cleanup", 43.0, 0.4), ("migrate", 43.4, 10.7), ("repair", 54.1, 0.6), ("cutover", 54.7, 0.8),
    ("replay", 55.5, 2.9), ("soak", 58.4, 20.0), ("verify", 78.4, 6.0), ("close", 84.4, 1.0))
LINKS = ("clients->edge:public", "resource-servers->edge:internal", "clients->authz", "edge->blue-hydra:public",
         "edge->blue-hydra:admin", "edge->blue-postgres", "edge->queue", "blue-hydra->blue-postgres",
         "copier->blue-postgres", "migrator->green-postgres", "replayer->queue", "authz->blue-hydra:admin")
SNAPSHOT_S, SWITCH_S, END_S = 40.4, 55.2, 86.0


class Recording:
    """Ops of a whole run, about `rate` operations a second."""

    def __init__(self, *, rate: float = 40.0, seed: int = 10, gate: bool = False, loses: bool = False) -> None:
        self._random = random.Random(seed)
        self._rate, self._gate, self._loses = rate, gate, loses
        self._lines: list[tuple[float, int, dict[str, Any]]] = []
        self._calls = 0
        self._grants = [f"g{n:05d}" for n in range(400)]
        self._tokens = {g: 0 for g in self._grants}
        self._dead: list[str] = []
        self._new = self._rotated = self._captured = self._green = 0

    def ops(self) -> list[Op]:
        """All ops, in order, invocations matched with completions."""
        self._stack()
        self._traffic()
        self._steps()
        self._gauges()
        self._lines.sort(key=lambda line: (line[0], line[1]))
        index: dict[int, int] = {}
        made = []
        for i, (t_s, call, fields) in enumerate(self._lines):
            if fields["type"] == "invoke":
                index[call] = i
            elif fields.pop("closes", False):
                fields["of"] = index[call]
            made.append(Op(i=i, t_s=round(t_s, 6), **fields))
        return made

    # -- what is written

    def _note(self, t_s: float, process: str, f: str, **value: Any) -> None:
        self._calls += 1
        self._lines.append((t_s, self._calls, {"type": "info", "process": process, "f": f, "value": value}))

    def _call(self, t_s: float, took_s: float, process: str, f: str, told: dict[str, Any], *, type: str = "ok",
              asked: dict[str, Any] | None = None, grant: str | None = None, token: str | None = None,
              route: str | None = None, due_s: float | None = None, error: str | None = None) -> None:
        self._calls += 1
        common = {"process": process, "f": f, "grant": grant, "token_hash": token}
        self._lines.append((t_s, self._calls, {"type": "invoke", **common, "due_s": due_s, "value": asked}))
        self._lines.append((t_s + took_s, self._calls, {"type": type, **common, "closes": True, "route": route,
                                                        "value": told, "error": error}))

    def _stack(self) -> None:
        self._call(0.1, 2.5, "harness", "stack", {"ready_s": 2.5})
        for n, link in enumerate(LINKS):
            self._call(2.7 + n * 0.08, 0.05, "harness", "link", {"link": link, "proven": True}, asked={"link": link})
        self._note(3.8, "runbook", "plan", steps=[
            {"name": s, "kind": s, "needs": CATALOGUE[s].needs, "measured": CATALOGUE[s].measured, "undo": f"undo {s}",
             "abort_costs": "nothing", "deadline_s": 300.0,
             "gate": s == "cutover" and self._gate, "least_s": t if s in ("baseline", "lifetime", "soak") else 0.0}
            for s, _, t in PLAN])
        self._note(3.9, "runbook", "state", state="RUNNING", why="traffic begins")

    def _steps(self) -> None:
        captured = self._captured
        lost = min(3, captured) if self._loses else 0
        figures = {"replay": {"captured": captured, "replayed": captured - 1 - lost, "void": 1, "unexpected": 0}}
        for n, (step, at_s, took_s) in enumerate(PLAN, start=1):
            self._call(at_s, took_s, "runbook", "step", {"step": step, "took_s": took_s,
                                                         "figures": figures.get(step, {})},
                       asked={"step": step, "kind": step, "n": n, "of": 12, "deadline_s": 300.0,
                              "undo": f"undo {step}", "does": f"does {step}"})
        self._note(39.2, "runbook", "cmd", kind="http", command="PUT /capture {on: true}")
        self._note(SNAPSHOT_S, "runbook", "snapshot", by="dump")
        for n in range(40):
            self._note(43.5 + n * 0.26, "runbook", "progress", step="migrate", done=n * 4, total=157,
                       version=f"2022{n:02d}", now=f"2022{n:02d} hydra_oauth2_access", for_s=1.8,
                       statement="UPDATE hydra_oauth2_access SET nid = (SELECT id FROM networks LIMIT 1)",
                       locked=["hydra_oauth2_access"], waits=False, temp_bytes=31_000_000)
        self._note(46.0, "harness", "note", text="20211019000001 set state 128 on 17,204 logins; repair mends them",
                   level="warn")
        self._call(43.45, 0.1, "verify", "equality", {"tables": {}, "keys": 171_904, "different": 0})
        self._call(54.0, 0.05, "verify", "migrations", {"expected": 157, "applied": 157, "missing": [],
                                                        "unexpected": []})
        if self._gate:
            self._note(54.61, "runbook", "state", state="GATE", why="Cut over to 2.3.0?")
            self._call(54.6, 0.05, "runbook", "gate", {"decision": "go", "who": "lead", "reason": ""},
                       asked={"step": "cutover", "ask": "Cut over to 2.3.0?", "who": "lead", "timeout_s": 300.0,
                              "on_timeout": "postpone", "preconditions": ["green is ready"]})
        self._note(54.8, "runbook", "state", state="BUFFERING", why="cutover")
        self._note(54.9, "runbook", "fence", side="blue", on=True)
        for what, at_s in (("login_consent", 55.0), ("authz", 55.1), ("edge", SWITCH_S)):
            self._note(at_s, "runbook", "switch", what=what, to="green", epoch=2)
        self._note(55.45, "runbook", "state", state="RUNNING", why="cutover")
        for n in (1, 2, 3):
            self._note(55.6 + n * 0.6, "runbook", "progress", step="replay", done=captured * n // 3, total=captured,
                       now="replay")
        reads = {"oracle": {"when": "end", "gone": [], "inactive": [], "gone_count": 0, "inactive_count": 0},
                 "revoked_rows": {"checked": captured, "alive": {}}, "lost_grants": {"count": 8, "grants": []},
                 "lost_chains": {"count": 0, "total": 380, "grants": []},
                 "consents": {"at_snapshot": 50, "revoked": 0, "present": 50, "missing_count": 0, "missing": []},
                 "browser_sessions": {"count": 612},
                 "database": {"rows_updated": 195_412, "rows_inserted": 170_882, "rows_deleted": 0,
                              "temp_bytes": 52_000_000, "commits": 168, "size_bytes": 214_000_000}}
        for n, (question, answer) in enumerate(reads.items()):
            self._call(79.0 + n * 0.2, 0.1, "verify", question, answer,
                       asked={"when": "end"} if question == "oracle" else None)
        self._note(END_S, "harness", "end", ended="completed", why="")
        self._note(END_S + 0.01, "runbook", "state", state="FINISHED", why="completed")

    def _route(self, t_s: float) -> str:
        return "green" if t_s >= SWITCH_S else "blue"

    def _traffic(self) -> None:
        draw = self._random
        for n, grant in enumerate(self._grants):
            self._call(4.0 + n * 0.01, 0.008, f"web-{n % 40}", "refresh", self._pair(grant), grant=grant,
                       token=f"{grant}.r0", route="blue", asked={"gen": 0})
        t_s = 9.0
        while t_s < END_S - 1:
            t_s += draw.expovariate(self._rate)
            kind = draw.choices(("introspect", "refresh", "client_credentials", "authorize", "revoke", "logout"),
                                (83, 6, 4, 2, 1.5, 1))[0]
            took_s = draw.lognormvariate(-5.4, 0.5)
            late = t_s + took_s
            if not SWITCH_S - 0.5 < t_s < SWITCH_S + 0.3:
                self._act(kind, t_s, took_s, self._route(late))

    def _act(self, kind: str, t_s: float, took_s: float, route: str) -> None:
        draw, due_s = self._random, t_s - 0.0004
        grant = draw.choice(self._grants)
        if kind == "introspect":
            self._call(t_s, took_s, f"rs-{draw.randrange(4)}", "introspect", {"active": True, "status": 200},
                       asked={"token": "access", "gen": self._tokens[grant]}, grant=grant, route=route, due_s=due_s,
                       token=f"{grant}.a{self._tokens[grant]}")
        elif kind == "refresh" and t_s < SNAPSHOT_S:
            presented = f"{grant}.r{self._tokens[grant]}"
            self._call(t_s, took_s, "mcp-1", "refresh", self._pair(grant), grant=grant, token=presented, route=route,
                       asked={"gen": self._tokens[grant] - 1}, due_s=due_s)
        elif kind == "revoke" and len(self._grants) > 100 and t_s < SWITCH_S:
            self._grants.remove(grant)
            self._dead.append(grant)
            captured = 39.9 < t_s
            self._captured += captured
            self._call(t_s, took_s, "web-3", "revoke",
                       {"kind": "refresh", "grants": [grant], "status": 200,
                        "capture": self._captured if captured else None},
                       asked={"kind": "refresh", "grants": [grant]}, grant=grant, route=route, due_s=due_s,
                       token=f"{grant}.r{self._tokens[grant]}")
        elif kind in ("client_credentials", "logout"):
            told = {"access": f"s{self._calls}", "expires_in_s": 3600.0} if kind == "client_credentials" else {}
            self._call(t_s, took_s * 1.6, "service-2", kind, told, route=route, due_s=due_s)
        elif kind == "authorize":
            self._new += SNAPSHOT_S < t_s < SWITCH_S
            self._call(t_s, took_s * 9, "web-5", "authorize", {"code": f"c{self._calls}", "skipped_login": False,
                                                               "skipped_consent": False},
                       asked={"scope": "openid"}, route=route, due_s=due_s, grant=f"n-{self._calls}")

    def _pair(self, grant: str) -> dict[str, Any]:
        self._tokens[grant] += 1
        gen = self._tokens[grant]
        return {"access": f"{grant}.a{gen}", "refresh": f"{grant}.r{gen}", "gen": gen, "expires_in_s": 3600.0,
                "status": 200, "coalesced": False}

    def _gauges(self) -> None:
        for second in range(4, int(END_S)):
            at_s = second + 0.5
            inside = SNAPSHOT_S < at_s
            acknowledged = sum(1 for t, _, line in self._lines
                               if line["f"] == "revoke" and line["type"] == "ok" and t <= at_s
                               and line["value"].get("capture"))
            hydra = {"cpu_s": second * 0.6, "rss_bytes": 118_000_000, "heap_bytes": 41_000_000, "goroutines": 214,
                     "connections": 14, "waiting": 0, "oldest_s": 0.2}
            after = at_s > SWITCH_S
            self._note(at_s, "harness", "gauge", route=self._route(at_s), blue=hydra,
                       green={**hydra, "heap_bytes": 27_000_000, "goroutines": 171} if after else {},
                       edge={"buffering": False, "waiting": 0, "in_flight": {"blue": 1, "green": 0},
                             "capture": {"on": at_s > 39.9, "direction": "back" if after else "forward",
                                         "captured": acknowledged, "confirmed": acknowledged, "open": 0}},
                       host={"cpu": 0.61, "cores": 2, "rss_bytes": 140_000_000, "free_bytes": 4_000_000_000},
                       cut={"grants": min(18, max(0, second - 40)) if inside else 0,
                            "chains": min(28, max(0, second - 40) * 2) if inside else 0,
                            "logins": 3 if inside else 0},
                       way_back={"state": "costs" if after else "free", "grants": second - 54 if after else 0,
                                 "revocations": 2 if after else 0,
                                 "why": f"{second - 54} grants made on green would be lost, 2 revocations carried over"
                                 if after else "blue serves; nothing is lost"},
                       late_p99_s=0.0014, late=0, sent=second * 40, unsent=0)


def write_run(folder: Path, *, until_s: float = 1e9, rate: float = 40.0, gate: bool = False,
              loses: bool = False, scenario: Scenario | None = None) -> list[Op]:
    """Write scenario.yaml and history.jsonl of a recording, up to an instant; returns its ops.

    `loses`: three captured revocations are never replayed, so that a check breaks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chosen = scenario if scenario is not None else load_scenario("10")
    (folder / "scenario.yaml").write_text(resolved(chosen, seed=10))
    ops = [op for op in Recording(rate=rate, gate=gate, loses=loses).ops() if op.t_s <= until_s]
    header = Header(origin_utc="2026-01-01T14:30:25.000Z", scenario=chosen.slug, seed=10, engine="process",
                    grants=20_000)
    (folder / "history.jsonl").write_bytes(b"".join(lines(header, ops)))
    return ops


def lines(header: Header, ops: list[Op]) -> Iterator[bytes]:
    """The file's lines."""
    encode = msgspec.json.Encoder().encode
    yield encode(header) + b"\n"
    for op in ops:
        yield encode(op) + b"\n"


def write_verdict(folder: Path) -> dict[str, Any]:
    """Judge the recording and write verdict.json and report.txt as a run would."""
    from sim.history.history import History
    from sim.report.files import write_reports
    from sim.scenario import load_scenario

    write_reports(folder, History.load(folder / "history.jsonl"), load_scenario(str(folder / "scenario.yaml")))
    told: dict[str, Any] = json.loads((folder / "verdict.json").read_text())
    return told
