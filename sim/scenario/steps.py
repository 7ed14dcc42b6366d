"""The runbook's steps, as the scenario file writes them; one class a kind.

A step's `name` is its kind unless given; amendments, anchors, the screen and the history speak
of it by that name. `role` is the place it takes in the order: a step of one's own named `copy`
(`change: {copy: {exec: …}}`) stands where the copy stands.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from sim.scenario.quantities import Duration, Share

DEADLINE_S = 300.0
"""Source: the format's default deadline, 5m."""

KINDS: tuple[str, ...] = (
    "baseline",
    "preflight",
    "lifetime",
    "capture",
    "writes",
    "upgrade",
    "copy",
    "cleanup",
    "migrate",
    "repair",
    "cutover",
    "replay",
    "janitor",
    "soak",
    "return",
    "restore",
    "verify",
    "close",
    "exec",
    "manual",
)

PROBES = 500
"""Assumption: so many grants proven through the API after the switch; SQL proves all of them."""


class Strict(BaseModel):
    """A part of a scenario: unknown keys are refused, nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, use_attribute_docstrings=True)


class Gate(Strict):
    """A decision before a step begins."""

    ask: str
    who: str = "lead"
    timeout: Duration = 300.0
    """Seconds a person has."""
    on_timeout: Literal["go", "postpone", "rollback"] = "postpone"
    unattended: Literal["go", "refuse", "wait"] = "refuse"
    """What a run without a person does: goes on, refuses to start, or waits until `timeout`."""


def _no_gate(raw: Any) -> Any:
    return None if raw == "none" else raw


Command = Annotated[list[str], Field(min_length=1)]
"""A program and its arguments; a path beginning with `./` is looked up beside the file."""


class StepBase(Strict):
    """What every step has."""

    name: str = ""
    """How others speak of it; the kind, unless given."""
    deadline: Duration = DEADLINE_S
    """Seconds until the step counts as failed."""
    gate: Annotated[Gate | None, BeforeValidator(_no_gate)] = None
    undo: Command | None = None
    """A command instead of the step's own undo; None = its own."""
    point_of_no_return: bool = False
    """True = there is no undo from here on."""

    @property
    def role(self) -> str:
        """The place it takes in the order."""
        return self.name if self.name in KINDS else getattr(self, "kind", "")

    @property
    def least_s(self) -> float:
        """Seconds the step takes by its own words (0 if it doesn't say)."""
        return 0.0

    @field_validator("name")
    @classmethod
    def _speakable(cls, name: str) -> str:
        if name and not all(c.isalnum() or c in "-_" for c in name):
            raise ValueError(f"`{name}` is not a step's name: letters, digits, - and _ only (anchors say name.end)")
        return name

    @model_validator(mode="after")
    def _complete(self) -> StepBase:
        if not self.name:
            object.__setattr__(self, "name", getattr(self, "kind", ""))
        if "deadline" not in self.model_fields_set and self.least_s > self.deadline:
            object.__setattr__(self, "deadline", self.least_s + DEADLINE_S)
        return self


class Baseline(StepBase):
    """Watches the old stack until it is known to be steady."""

    kind: Literal["baseline"] = "baseline"
    for_: Duration = Field(default=15.0, alias="for")
    windows: int = Field(default=3, ge=1, le=20)
    """How many windows may be watched until one is steady; the last one counts."""

    @property
    def least_s(self) -> float:
        return self.for_


class Preflight(StepBase):
    """Rehearses copy, cleanup and migration on a copy of its own, and finds the rows that abort it."""

    kind: Literal["preflight"] = "preflight"


class Lifetime(StepBase):
    """Raises the access tokens' lifetime and waits until old ones are gone."""

    kind: Literal["lifetime"] = "lifetime"
    access: Duration = 120.0
    dwell: Duration = 20.0
    """Seconds to wait afterwards; at least the old lifetime."""

    @property
    def least_s(self) -> float:
        return self.dwell


class Capture(StepBase):
    """Each revocation is also put in the queue from here on."""

    kind: Literal["capture"] = "capture"
    record: Literal["grant", "request"] = "grant"
    """What is kept: the grant it meant (resolved before blue is asked), or the sealed request."""


class Writes(StepBase):
    """Refuses whatever writes (authorize, token, revoke, logout) at the edge, or lets it in again."""

    kind: Literal["writes"] = "writes"
    allowed: bool
    """false = answered 503 from here on; true = let in again."""


class Upgrade(StepBase):
    """Takes blue from the version it begins as to its own, in place and online, before the rest."""

    kind: Literal["upgrade"] = "upgrade"


class Copy(StepBase):
    """Copies blue's database to green's."""

    kind: Literal["copy"] = "copy"
    by: Literal["dump", "template"] = "dump"
    jobs: int = Field(default=2, ge=1, le=64)


class Cleanup(StepBase):
    """Removes or mends rows that would abort the migration: in the copy, or in place."""

    kind: Literal["cleanup"] = "cleanup"
    rows: str = "known"
    """none (only look), known (what the classes and the preflight find), or the absolute path of an SQL file."""
    old: Literal["serves", "stopped"] = "serves"
    """What the old Hydra does from here on (in place only): while it serves, odd rows may still come."""

    @field_validator("rows")
    @classmethod
    def _known(cls, rows: str) -> str:
        if rows not in ("none", "known") and not rows.endswith(".sql"):
            raise ValueError(f"`{rows}` is neither none, known nor a FILE.sql")
        return rows


class Migrate(StepBase):
    """Runs the new version's migrations on the copy, or in place on the shared database."""

    kind: Literal["migrate"] = "migrate"
    by: Literal["stock", "online"] = "stock"
    """online = the stock migrations' own statements, rewritten so that nobody waits for them (in place only)."""
    old: Literal["serves", "stopped"] = "serves"
    """What the old Hydra does from here on (in place only)."""
    analyze: bool = True


class Repair(StepBase):
    """Mends what the migrations marked falsely."""

    kind: Literal["repair"] = "repair"
    marks: list[Literal["subject", "state", "grants"]] = ["subject", "state", "grants"]


class Cutover(StepBase):
    """New requests go to green from one instant."""

    kind: Literal["cutover"] = "cutover"
    switch: Annotated[list[Literal["edge", "login_consent", "authz"]], Field(min_length=1)] = [
        "edge",
        "login_consent",
        "authz",
    ]
    hold: Literal["together", "each"] = "together"
    """together = every edge buffers, all switch, all let go; each = one edge after the other does all three."""
    spread: Duration = 0.0
    """Seconds from one switch to the next: of the systems, or with hold: each of the edges."""
    share: Share = Field(default=1.0, gt=0)
    """The share of requests that go to green; the rest stays on blue (in place only)."""
    fence: Literal["blue", "none"] = "blue"
    """blue = nothing can write to blue from the switch on; none = stragglers still can."""


class Replay(StepBase):
    """Applies the captured revocations on green."""

    kind: Literal["replay"] = "replay"
    traffic: Literal["open", "buffered"] = "open"
    """open = a gap until it is done; buffered = requests wait at the edge meanwhile."""
    workers: int = Field(default=4, ge=1, le=64)
    by: Literal["grant", "token"] = "grant"
    """grant = green's rows of the grant; token = the token string is sent again (misses chains)."""
    indexes: bool = True
    """Where green has no index on request_id, build one before the cutover; close drops it."""


class Janitor(StepBase):
    """Runs the new version's own janitor on green's database, as its operators do by clock."""

    kind: Literal["janitor"] = "janitor"
    what: Annotated[list[Literal["requests", "tokens", "grants"]], Field(min_length=1)] = ["requests"]
    """Which of its cleanings: login and consent requests, tokens, trust relationships."""


class Soak(StepBase):
    """Watches green under traffic."""

    kind: Literal["soak"] = "soak"
    for_: Duration = Field(default=20.0, alias="for")
    capture_back: bool = False
    """True = revocations made on green go to blue if we return."""

    @property
    def least_s(self) -> float:
        return self.for_


class Return(StepBase):
    """New requests go to blue again, from one instant (in place only)."""

    kind: Literal["return"] = "return"


class Restore(StepBase):
    """Puts back what authz' cleanup job deleted, from the copy kept when blue was copied."""

    kind: Literal["restore"] = "restore"


class Verify(StepBase):
    """Proves by key and through the API what is in force on green."""

    kind: Literal["verify"] = "verify"
    sample: int = Field(default=PROBES, ge=1)
    """Grants proven through the API; SQL proves all of them."""


class Close(StepBase):
    """Capture off, lifetime back, blue stopped and kept."""

    kind: Literal["close"] = "close"


class Exec(StepBase):
    """A command of one's own, with REHEARSE_* in its environment."""

    kind: Literal["exec"] = "exec"
    exec: Command
    verify: Command | None = None
    """Run after it; its exit code 0 proves the step."""


class Manual(StepBase):
    """A sentence and a person; the time is measured."""

    kind: Literal["manual"] = "manual"
    manual: str
    who: str = "operator"


Step = Annotated[
    Baseline
    | Preflight
    | Lifetime
    | Capture
    | Writes
    | Upgrade
    | Copy
    | Cleanup
    | Migrate
    | Repair
    | Cutover
    | Replay
    | Janitor
    | Soak
    | Return
    | Restore
    | Verify
    | Close
    | Exec
    | Manual,
    Field(discriminator="kind"),
]

STEP_TYPES: dict[str, type[StepBase]] = {
    "baseline": Baseline,
    "preflight": Preflight,
    "lifetime": Lifetime,
    "capture": Capture,
    "writes": Writes,
    "upgrade": Upgrade,
    "copy": Copy,
    "cleanup": Cleanup,
    "migrate": Migrate,
    "repair": Repair,
    "cutover": Cutover,
    "replay": Replay,
    "janitor": Janitor,
    "soak": Soak,
    "return": Return,
    "restore": Restore,
    "verify": Verify,
    "close": Close,
    "exec": Exec,
    "manual": Manual,
}
