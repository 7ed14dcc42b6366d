"""Histories written by hand, for the checks' tests.

    tale = Tale().baseline().crossing()
    g = tale.grant("g1")                      # authorize + code, both ok
    tale.ask(g, active=True)
    tale.revoke(g)
    assert tale.check("revocation").verdict == "held"

Every method writes an invocation and its completion 10 ms later, unless it is begun with
`begin` and ended with `end`. Nothing here judges.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sim.checks.judge import judge_under
from sim.checks.reading import Reading
from sim.checks.terms import Limit, Terms
from sim.checks.verdict import Check, Verdict
from sim.history.history import History
from sim.history.op import Header, Op

ALL_ROLES = frozenset({
    "baseline", "lifetime", "capture", "copy", "cleanup", "migrate", "repair", "cutover", "replay", "soak",
    "verify", "close"})


@dataclass
class Grant:
    """A grant and its newest tokens (names stand for hashes)."""

    name: str
    gen: int = 0
    route: str = "blue"
    older: list[str] = field(default_factory=list)
    """Access tokens, as the next are refresh tokens."""
    older_refresh: list[str] = field(default_factory=list)
    given_for: str = ""
    """The refresh token that the newest were given for."""

    @property
    def access(self) -> str:
        return f"{self.name}.a{self.gen}"

    @property
    def refresh(self) -> str:
        return f"{self.name}.r{self.gen}"


class Tale:
    """A history in the making."""

    def __init__(self, *, roles: frozenset[str] = ALL_ROLES, step_s: float = 0.01, **tolerate: float | str) -> None:
        limits = {}
        for name, most in tolerate.items():
            check, _, rest = name.partition("__")
            figure, _, unit = rest.partition("__")
            limits[f"{check}.{figure}"] = Limit(most, unit or "count", "the test says so", True)  # type: ignore[arg-type]
        self.terms = Terms(slug="tale", limits=limits, roles=roles)
        self.ops: list[Op] = []
        self.now_s = 0.0
        self.step_s = step_s
        self.route = "blue"

    # -- the two words every other is made of

    def begin(self, process: str, f: str, *, grant: str | None = None, token: str | None = None,
              due_s: float | None = None, **value: Any) -> int:
        """Write an invocation; returns its index."""
        self.now_s += self.step_s
        op = Op(len(self.ops), "invoke", process, f, self.now_s, None, due_s, grant, token, None, value)
        self.ops.append(op)
        return op.i

    def end(self, of: int, type: str = "ok", *, route: str | None = "", error: str | None = None, **value: Any) -> int:
        """Write the completion of `of`; the route is where the edge points unless given."""
        begun = self.ops[of]
        self.now_s += self.step_s
        said = self.route if route == "" else route
        op = Op(len(self.ops), type, begun.process, begun.f, self.now_s, of, None, begun.grant,  # type: ignore[arg-type]
                begun.token_hash, said, value, error)
        self.ops.append(op)
        return op.i

    def note(self, process: str, f: str, **value: Any) -> int:
        """Write a lone info."""
        self.now_s += self.step_s
        self.ops.append(Op(len(self.ops), "info", process, f, self.now_s, None, None, None, None, None, value))
        return len(self.ops) - 1

    def wait(self, seconds: float) -> Tale:
        """Let time pass."""
        self.now_s += seconds
        return self

    # -- traffic

    def grant(self, name: str, *, expires_in_s: float = 3600.0) -> Grant:
        """A person authorizes; returns the grant with its first tokens."""
        made = Grant(name, route=self.route)
        i = self.begin("web-1", "authorize", grant=name)
        self.end(i, code=f"{name}.c", skipped_login=False, skipped_consent=False)
        i = self.begin("web-1", "code", grant=name, token=f"{name}.c")
        self.end(i, access=made.access, refresh=made.refresh, expires_in_s=expires_in_s)
        return made

    def ask(self, grant: Grant, *, active: bool, token: str | None = None, process: str = "rs-1",
            route: str | None = "") -> int:
        """Introspect its newest access token (or another)."""
        i = self.begin(process, "introspect", grant=grant.name, token=token or grant.access, token_kind="access")
        return self.end(i, active=active, route=route)

    def refresh(self, grant: Grant, *, expires_in_s: float = 3600.0, process: str = "web-1") -> Grant:
        """Refresh with success; the grant's newest tokens change."""
        i = self.begin(process, "refresh", grant=grant.name, token=grant.refresh, gen=grant.gen)
        grant.older.append(grant.access)
        grant.older_refresh.append(grant.refresh)
        grant.gen += 1
        self.end(i, access=grant.access, refresh=grant.refresh, expires_in_s=expires_in_s, status=200)
        return grant

    def refused(self, grant: Grant, *, token: str | None = None, process: str = "web-1") -> int:
        """A refresh is clearly refused."""
        i = self.begin(process, "refresh", grant=grant.name, token=token or grant.refresh, gen=grant.gen)
        return self.end(i, "fail", status=401, oauth_error="token_inactive", error="status 401")

    def revoke(self, *grants: Grant, kind: str = "refresh", capture: int | None = None) -> int:
        """An acknowledged revocation."""
        names = [g.name for g in grants]
        i = self.begin("web-1", "revoke", grant=names[0], kind=kind, grants=names)
        return self.end(i, kind=kind, grants=names, status=200, capture=capture)

    # -- runbook

    def step(self, name: str, *, outcome: str = "ok", **figures: Any) -> Tale:
        """A step from beginning to end."""
        i = self.begin("runbook", "step", step=name, kind=name)
        self.end(i, outcome, route=None, step=name, figures=figures)
        return self

    def snapshot(self) -> Tale:
        """The copy's data is fixed now."""
        self.note("runbook", "snapshot")
        return self

    def switch(self, to: str = "green") -> Tale:
        """The edge points elsewhere."""
        self.note("runbook", "switch", what="edge", to=to)
        self.route = to
        return self

    def measure(self, question: str, **answer: Any) -> Tale:
        """Something was read by key."""
        when = {"when": answer["when"]} if "when" in answer else {}
        i = self.begin("verify", question, **when)
        self.end(i, route=None, **answer)
        return self

    def ended(self, how: str = "completed") -> Tale:
        """The run's last word."""
        self.note("harness", "end", ended=how, why="")
        return self

    # -- the end

    def history(self) -> History:
        """What was written so far."""
        header = Header(origin_utc="2026-01-01T00:00:00Z", scenario="tale", seed=1, engine="test")
        return History(header, list(self.ops))

    def verdict(self) -> Verdict:
        """The verdict on it."""
        return judge_under(self.history(), self.terms)

    def check(self, name: str) -> Check:
        """One check's verdict."""
        return self.verdict().check(name)


def forgetful(history: History, terms: Terms) -> Reading:
    """A history read by one who forgets after every op whatever tokens may be forgotten."""
    reading = Reading(terms)
    for op in history.ops:
        reading.feed(op)
        reading.tracking.forget(op.t_s)
    return reading


def crossing(tale: Tale, *, revoked: int = 25, made: int = 8, rows: bool = True,
             window_s: float = 0.0) -> list[Grant]:
    """A whole migration with enough evidence for every floor; returns grants alive on both sides.

    `window_s` is how long nothing happens after the copy's snapshot.

    Between snapshot and switch `revoked` grants are revoked (one after a rotation) and `made`
    are made; the rows read by key say that all of it went well, unless `rows` is False.
    """
    tale.note("runbook", "plan", steps=[])
    link = tale.begin("harness", "link", link="edge->blue-hydra:public")
    tale.end(link, route=None, proven=True)
    good = [tale.grant(f"g{n}") for n in range(12)]
    ending = [tale.grant(f"x{n}") for n in range(revoked)]
    for f, value in (("discovery", {"issuer": "http://i/", "token_endpoint": "t"}), ("jwks", {"kids": ["k1"]})):
        tale.end(tale.begin("probe-1", f), **value)
    tale.step("baseline").step("capture")
    tale.snapshot()
    tale.now_s += window_s
    tale.measure("equality", tables={}, keys=100, different=0).step("copy")
    tale.measure("migrations", expected=3, applied=3, missing=[], unexpected=[]).step("migrate")
    new = [tale.grant(f"n-{n}") for n in range(made)]
    if ending:
        tale.refresh(ending[0])
    for number, grant in enumerate(ending, start=1):
        tale.revoke(grant, capture=number)
    tale.switch()
    tale.step("cutover")
    tale.step("replay", captured=revoked, replayed=revoked, void=0, unexpected=0)
    for _ in range(15):
        for grant in good:
            tale.ask(grant, active=True)
    for grant in good:
        tale.refresh(grant)
        tale.ask(grant, active=True)
    for n in range(12):
        tale.grant(f"n-after-{n}")
    for f, value in (("discovery", {"issuer": "http://i/", "token_endpoint": "t"}), ("jwks", {"kids": ["k1", "k2"]})):
        tale.end(tale.begin("probe-1", f), **value)
    tale.step("soak")
    if rows:
        tale.measure("oracle", when="end", gone=[], inactive=[], gone_count=0, inactive_count=0)
        tale.measure("revoked_rows", checked=revoked, alive={})
        tale.measure("lost_grants", count=len(new), grants=[g.name for g in new])
        tale.measure("lost_chains", count=0, total=500, grants=[])
        tale.measure("consents", at_snapshot=50, revoked=0, present=50, missing_count=0, missing=[])
        tale.measure("browser_sessions", count=9)
        tale.measure("accounted", tables={}, copied=100, kept=60, merged=38, cleaned=2, lost=0, names=[])
        tale.measure("schema", objects=300, different_count=0, different=[], own=[])
        tale.step("verify")
    return good
