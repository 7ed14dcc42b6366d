"""The history that `rehearse bench checker` judges: the default mix around a switch."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from random import Random
from typing import Any

from sim.history.op import Op

GAP_S = 0.0005
"""Seconds between two ops: a thousand operations a second."""
MIX = (("introspect", 0.83), ("refresh", 0.08), ("client_credentials", 0.04), ("code", 0.02), ("revoke", 0.03))
"""Source: the scenario format's default mix."""
LIFETIME_S = 100_000.0
"""Longer than any such history: nothing expires in it."""
EXPIRES_SOON_S = 10.0
"""Assumption: far more than what the checks leave open around an expiry."""


class _Grant:
    __slots__ = ("expires_s", "gen", "name", "on_green", "revoked", "rotated_late")

    def __init__(self, name: str, *, on_green: bool) -> None:
        self.name, self.gen, self.revoked, self.on_green, self.rotated_late = name, 0, False, on_green, False
        self.expires_s = 0.0

    def token(self, kind: str) -> str:
        return sha256(f"{self.name} {kind} {self.gen}".encode()).hexdigest()[:16]


class Run:
    """Writes ops one after another; every answer is the right one."""

    def __init__(self, ops: int, random: Random, *, grants: int, gap_s: float = GAP_S,
                 lifetime_s: float = LIFETIME_S) -> None:
        self._wanted, self._random = ops, random
        self._gap_s, self._lifetime_s = gap_s, lifetime_s
        self._grants = [_Grant(f"{n:032x}", on_green=True) for n in range(grants)]
        self._live: list[_Grant] = []
        self._revoked = 0
        self._captured = 0
        self._made = 0
        self._i = 0
        self._t_s = 0.0
        self._route = "blue"
        self._copied = False

    def ops(self) -> Iterator[Op]:
        """The whole history, in order."""
        yield from self._call("harness", "link", {"link": "edge->blue-hydra:public"}, {"proven": True}, route=None)
        for grant in self._grants:
            yield from self._issue("code", grant)
        self._live = list(self._grants)
        yield from self._published()
        yield from self._step("baseline", self._traffic(0.3))
        yield from self._step("capture", iter(()))
        yield self._note("snapshot", {})
        self._copied = True
        yield from self._measure("equality", {"tables": {}, "keys": len(self._grants), "different": 0})
        yield from self._step("copy", iter(()))
        yield from self._measure("migrations", {"expected": 157, "applied": 157, "missing": [], "unexpected": []})
        yield from self._step("migrate", self._traffic(0.5))
        yield self._note("switch", {"what": "edge", "to": "green", "epoch": 1})
        self._route = "green"
        lost = [g for g in self._live if not g.on_green]
        chains = [g for g in self._live if g.on_green and g.rotated_late]
        self._live = [g for g in self._live if g.on_green and not g.rotated_late]
        yield from self._step("cutover", iter(()))
        yield from self._step("replay", iter(()), {"captured": self._captured, "replayed": self._captured, "void": 0,
                                                   "unexpected": 0})
        yield from self._step("soak", self._traffic(1.0))
        yield from self._published()
        yield from self._by_key(lost, chains)
        yield self._note("end", {"ended": "completed", "why": ""}, process="harness")

    def _traffic(self, until: float) -> Iterator[Op]:
        names, weights = [f for f, _ in MIX], [w for _, w in MIX]
        while self._i < self._wanted * until - 100:
            for f in self._random.choices(names, weights, k=100):
                yield from self._one(f)

    def _one(self, f: str) -> Iterator[Op]:
        grant = self._random.choice(self._live)
        if f == "introspect" and grant.expires_s < self._t_s + EXPIRES_SOON_S:
            yield from self._issue("refresh", grant)  # as a client does whose token is used up
        elif f == "introspect":
            yield from self._call(f"rs-{self._random.randrange(20)}", f, {"token": "access", "gen": grant.gen},
                                  {"active": True, "status": 200, "sub_ok": True, "coalesced": False},
                                  grant=grant.name, token=grant.token("access"))
        elif f == "refresh":
            yield from self._issue(f, grant)
        elif f == "client_credentials":
            self._made += 1
            yield from self._call(f"service-{self._made % 20}", f, {}, {
                "access": f"{self._made:016x}", "expires_in_s": self._lifetime_s}, grant=f"s-{self._made}")
        elif f == "code":
            self._made += 1
            made = _Grant(f"n-{self._made}", on_green=self._route == "green" or not self._copied)
            yield from self._issue(f, made)
            self._live.append(made)
        elif len(self._live) > 100:
            yield from self._revoke(grant)

    def _issue(self, f: str, grant: _Grant) -> Iterator[Op]:
        token = grant.token("refresh") if f == "refresh" else f"c{grant.name}"
        value = {"gen": grant.gen} if f == "refresh" else {}
        grant.gen += 1
        grant.expires_s = self._t_s + self._lifetime_s
        grant.rotated_late = grant.rotated_late or (self._copied and self._route == "blue")
        yield from self._call(f"web-{len(grant.name) + grant.gen % 40}", f, value, {
            "access": grant.token("access"), "refresh": grant.token("refresh"), "expires_in_s": self._lifetime_s,
            "gen": grant.gen, "coalesced": False, "status": 200}, grant=grant.name, token=token)

    def _revoke(self, grant: _Grant) -> Iterator[Op]:
        self._live.remove(grant)
        capture = None
        if self._copied:
            self._captured += self._route == "blue"
            self._revoked += 1
            capture = self._revoked
        asked = {"kind": "refresh", "grants": [grant.name]}
        yield from self._call("web-1", "revoke", asked, {**asked, "status": 200, "capture": capture},
                              grant=grant.name, token=grant.token("refresh"))
        yield from self._call("probe-1", "introspect", {"token": "access", "gen": grant.gen},
                              {"active": False, "status": 200}, grant=grant.name, token=grant.token("access"))

    def _published(self) -> Iterator[Op]:
        yield from self._call("probe-1", "discovery", {}, {"issuer": "http://auth.rehearse.test/"})
        yield from self._call("probe-1", "jwks", {}, {"kids": ["public:one"]})

    def _by_key(self, lost: list[_Grant], chains: list[_Grant]) -> Iterator[Op]:
        empty: dict[str, Any] = {"gone": [], "inactive": [], "gone_count": 0, "inactive_count": 0}
        yield from self._measure("oracle", {"when": "end", **empty})
        yield from self._measure("revoked_rows", {"checked": self._revoked, "alive": {}})
        yield from self._measure("lost_grants", {"count": len(lost), "grants": [g.name for g in lost[:1000]]})
        yield from self._measure("lost_chains", {"count": len(chains), "total": len(self._live) + len(chains),
                                                 "grants": [g.name for g in chains[:1000]]})
        yield from self._measure("consents", {"at_snapshot": 100, "revoked": 0, "present": 100, "missing_count": 0,
                                              "missing": []})
        yield from self._measure("browser_sessions", {"count": 100})
        yield from self._step("verify", iter(()))

    def _step(self, name: str, inside: Iterator[Op], figures: dict[str, Any] | None = None) -> Iterator[Op]:
        begun = self._op("invoke", "runbook", "step", {"step": name, "kind": name})
        yield begun
        yield from inside
        yield self._op("ok", "runbook", "step", {"step": name, "figures": figures or {}}, of=begun.i)

    def _measure(self, question: str, answer: dict[str, Any]) -> Iterator[Op]:
        asked = {"when": answer["when"]} if "when" in answer else {}
        yield from self._call("verify", question, asked, answer, route=None)

    def _note(self, f: str, value: dict[str, Any], *, process: str = "runbook") -> Op:
        return self._op("info", process, f, value)

    def _call(self, process: str, f: str, value: dict[str, Any], answer: dict[str, Any], *, grant: str | None = None,
              token: str | None = None, route: str | None = "") -> Iterator[Op]:
        begun = self._op("invoke", process, f, value, grant=grant, token=token, due_s=self._t_s)
        yield begun
        yield self._op("ok", process, f, answer, of=begun.i, grant=grant, token=token,
                       route=self._route if route == "" else route)

    def _op(self, type: Any, process: str, f: str, value: dict[str, Any], *, of: int | None = None,
            grant: str | None = None, token: str | None = None, route: str | None = None,
            due_s: float | None = None) -> Op:
        self._t_s = round(self._t_s + self._gap_s, 6)
        op = Op(self._i, type, process, f, self._t_s, of, due_s, grant, token, route, value)
        self._i += 1
        return op
