"""The scenario's types. Times are seconds, shares fractions, rates 1/s, sizes bytes.

Made by `load_scenario` only, which also checks what one key alone cannot know (order of the
steps, links of the stack, names of figures: sim.scenario.rules).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, field_validator, model_validator

from sim.history.figures import Unit
from sim.scenario.expect import Expectation, expectation
from sim.scenario.faults import Draw, Fault, Guard
from sim.scenario.gameday import GameDay, Surprise
from sim.scenario.quantities import Duration, Rate, Share, amount, amount_text, share, share_text
from sim.scenario.steps import Step, StepBase, Strict

FORMAT = 1
"""The format of scenario files that this program reads."""


class Blue(Strict):
    """The old stack."""

    hydra: str = "1.11.10"
    postgres: int = 15
    columns: Literal["all", "explicit"] = "all"
    """explicit = it reads through views that name the columns it knows, as a mended one would."""
    begins_as: str | None = None
    """An older version that it is when the run begins; the step `upgrade` takes it to `hydra`."""

    @property
    def first(self) -> str:
        """The version it is when the run begins."""
        return self.begins_as or self.hydra


class Green(Strict):
    """The new stack."""

    hydra: str = "2.3.0"
    postgres: int = 15
    database: Literal["own", "blue"] = "own"
    """own = a Postgres of its own, filled by the copy; blue = blue's own, upgraded in place."""
    grace_period: Duration = Field(default=0.0, le=300)
    """Hydra's rotation grace period; at most 5m (Hydra clamps it)."""


class Edge(Strict):
    """What the edge does besides routing."""

    coalescing: Duration = 10.0
    """Seconds a refresh's answer is kept for a retry; 0 = off."""
    buffer: Duration = 3.0
    """Seconds a request may wait at the edge."""
    queue_down: Literal["fail_closed", "fail_open"] = "fail_closed"
    """A revocation that can't be captured: refused with 503, or let through unrecorded."""
    buffer_max: int = Field(default=2000, ge=1)
    """Requests that may wait at once."""
    instances: int = Field(default=1, ge=1, le=3)
    """Edges side by side; clients' requests go to each in turn."""
    answers: Literal["own", "shared"] = "own"
    """Whose kept refresh answers an edge gives out: its own, or any edge's (kept in the queue's memory)."""


class CleanupGuard(Strict):
    """What stands between the cleanup job and its deletions."""

    ceiling: Share = Field(default=0.02, gt=0, le=1)
    """Most of the grants looked at in one run that may go; more, and the run deletes nothing."""
    cross_check: Literal["introspect", "none"] = "introspect"
    """introspect = a grant goes only if its last token is inactive; without a token it stays."""


class CleanupJob(Strict):
    """The authorization service's periodic job: deletes grants that Hydra's consent list lacks."""

    every: Duration = Field(default=5.0, gt=0)
    """Seconds from one run to the next."""
    subjects: int = Field(default=200, ge=1, le=100_000)
    """People looked at in one run, the longest not looked at first."""
    dry_run: bool = False
    """True = it only counts what it would delete."""
    guard: CleanupGuard | None = None
    """None = whatever is not listed goes."""


class AuthzService(Strict):
    """The authorization service beside Hydra."""

    cleanup: CleanupJob | None = None
    """None = the job is off."""


class StackChoice(Strict):
    """Which programs, and how the services around them are set."""

    blue: Blue = Blue()
    green: Green = Green()
    edge: Edge = Edge()
    authz: AuthzService = AuthzService()
    override: str | None = None
    """Absolute path of a Compose override file."""


class Tokens(Strict):
    """Lifetimes on blue when the run begins."""

    access: Duration = 20.0
    refresh: Duration = 720 * 3600.0


class ClientCounts(Strict):
    """Registered clients by persona."""

    web: int = Field(default=40, ge=0)
    cli: int = Field(default=20, ge=0)
    mcp: int = Field(default=20, ge=0)
    service: int = Field(default=20, ge=0)


class PopulationSize(Strict):
    """What blue holds when the run begins."""

    grants: int = Field(default=20_000, ge=1, le=2_000_000)
    clients: ClientCounts = ClientCounts()
    hash_cost: int = Field(default=4, ge=4, le=15)
    """bcrypt cost of client secrets. Assumption: 4 keeps the hash out of the measurement."""
    extra_sql: str | None = None
    """Absolute path of an SQL file with odd rows of one's own."""


def _begin(raw: Any) -> float:
    named = {"trough": 0.0, "peak": 0.5}
    if isinstance(raw, str) and raw in named:
        return named[raw]
    try:
        return share(raw)
    except ValueError as error:
        raise ValueError(f"`{raw}` is not a time of day: write trough, peak or a share of the day like 25%") from error


def _begin_text(fraction: float) -> str:
    return {0.0: "trough", 0.5: "peak"}.get(fraction) or share_text(fraction)


Kind = Literal["introspect", "refresh", "client_credentials", "authorize", "revoke"]

_MIX: dict[Kind, float] = {
    "introspect": 0.83,
    "refresh": 0.08,
    "client_credentials": 0.04,
    "authorize": 0.02,
    "revoke": 0.03,
}
"""Source: the format's example; resource servers ask far more often than anything changes."""


class TrafficShape(Strict):
    """How much of what, and when in the day."""

    rate: Rate = Field(default=240.0, gt=0)
    """All operations together, mean of the day."""
    day: Duration = Field(default=480.0, gt=0)
    """Seconds that one turn of the daily curve takes."""
    begin_at: Annotated[
        float,
        BeforeValidator(_begin),
        PlainSerializer(_begin_text, when_used="json"),
        WithJsonSchema({"type": "string", "pattern": r"^(trough|peak|\d+(\.\d+)?%)$"}),
    ] = 0.0
    """Fraction of the day: 0 the trough, 0.5 the peak."""
    mix: dict[Kind, Share] = Field(default_factory=lambda: dict(_MIX))
    """What share of all operations each kind has; together 100%."""
    client_timeout: Duration = 5.0

    @field_validator("mix")
    @classmethod
    def _whole(cls, mix: dict[str, float]) -> dict[str, float]:
        total = sum(mix.values())
        if abs(total - 1) > 1e-9:
            raise ValueError(f"the shares of the mix add up to {share_text(round(total, 9))}, not 100%")
        return mix


class Tolerance(Strict):
    """How much of a figure the scenario allows, and why."""

    max: float | Literal["all"]
    unit: Unit = "count"
    because: str = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _read(cls, raw: Any) -> Any:
        if isinstance(raw, dict) and "max" in raw and "unit" not in raw and raw["max"] != "all":
            number, unit = amount(raw["max"])
            return {**raw, "max": number, "unit": unit}
        return raw

    def written(self) -> str | int:
        """`max` as the scenario file writes it."""
        return "all" if self.max == "all" else amount_text(self.max, self.unit)


def _seed(raw: Any) -> Any:
    if raw == "random":
        return None
    if raw is not None and (isinstance(raw, bool) or not isinstance(raw, int)):
        raise ValueError(f"`{raw}` is not a seed: write an integer or random")
    return raw


class Scenario(Strict):
    """One rehearsal's definition, complete and checked."""

    format: Literal[1] = 1
    slug: str
    """The file's name without .yaml; kept in the run folder's resolved copy."""
    path: Path | None = Field(default=None, exclude=True)
    """The file it was read from."""
    title: str = Field(min_length=1)
    asks: str = Field(min_length=1)
    """The question the rehearsal answers."""
    seed: Annotated[
        int | None,
        BeforeValidator(_seed),
        WithJsonSchema({"anyOf": [{"type": "integer"}, {"const": "random"}]}),
    ] = None
    """None = drawn when a run begins."""
    ci: bool = False
    """True = `rehearse test` holds it to its expectation."""
    stands_for: dict[str, str] = Field(default_factory=dict)
    """A label for screen and report; nothing is computed from it."""
    stack: StackChoice = StackChoice()
    tokens: Tokens = Tokens()
    population: PopulationSize = PopulationSize()
    traffic: TrafficShape = Field(default_factory=TrafficShape)
    runbook: list[Step] = Field(min_length=1)
    faults: list[Fault] = Field(default_factory=list)
    nemesis: Draw | None = None
    """Draws further faults; a run folder's copy has them in `faults`."""
    guards: list[Guard] = Field(default_factory=list)
    tolerate: dict[str, Tolerance] = Field(default_factory=dict)
    """`check.figure` → tolerance; what is not listed is 0."""
    gameday: GameDay | None = None
    """A run folder's copy has it only if a game day was played."""
    expect: Annotated[
        Expectation,
        BeforeValidator(expectation),
        WithJsonSchema({"anyOf": [{"enum": ["held", "open"]}, {"type": "object"}]}),
    ] = Expectation("held", {}, {})
    notes: tuple[str, ...] = Field(default=(), exclude=True)
    """What the reader should know and nothing fails on, such as keys that are not played yet."""

    @property
    def surprises(self) -> list[Surprise]:
        """The card of the game day; [] without one."""
        return self.gameday.card if self.gameday is not None else []

    @property
    def every_fault(self) -> list[Fault]:
        """What everybody may know of, then the surprises."""
        return [*self.faults, *self.surprises]

    def faults_with_paths(self) -> Iterator[tuple[tuple[str | int, ...], Fault]]:
        """Every fault and where it stands in the file: the planned ones, then the card's."""
        for n, fault in enumerate(self.faults):
            yield ("faults", n), fault
        for n, surprise in enumerate(self.surprises):
            yield ("gameday", "card", n), surprise

    @property
    def in_place(self) -> bool:
        """Both sides use one database: blue's is upgraded, nothing is copied."""
        return self.stack.green.database == "blue"

    @property
    def way_back_after_migration(self) -> bool:
        """Blue can serve once the migration has run: on its own database, or by naming its columns."""
        return not self.in_place or self.stack.blue.columns == "explicit"

    def step(self, name: str) -> StepBase | None:
        """The step of that name, or None."""
        return next((s for s in self.runbook if s.name == name), None)

    def meets(self, verdict: dict[str, Any]) -> tuple[bool, str]:
        """Is this verdict (verdict.json, read) as the scenario expects? → (yes, why)."""
        return self.expect.meets(verdict)

    def __eq__(self, other: object) -> bool:
        """Equal in everything but the file they were read from."""
        return isinstance(other, Scenario) and self.model_dump() == other.model_dump()

    __hash__ = None  # type: ignore[assignment]  # frozen, but holds dicts
