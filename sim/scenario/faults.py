"""What goes wrong by plan, and what acts by itself: faults, anchors and guards."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, field_validator, model_validator

from sim.history.figures import Unit
from sim.scenario.kinds import CATALOGUE, COMMON, own_keys
from sim.scenario.messages import did_you_mean
from sim.scenario.quantities import NUMBER, Duration, Flow, Offset, Share, Size, amount, duration, duration_text
from sim.scenario.steps import Strict

FAULTS: tuple[str, ...] = tuple(CATALOGUE)

FaultName = Annotated[str, WithJsonSchema({"enum": list(FAULTS)})]

FSYNC_DELAY_S = (0.001, 0.1)
"""Source: PostgreSQL: commit_delay is at most 100 ms. Assumption: a flush of less than one more is not slow."""
DISK_LEAST_BYTES = 256 << 20
"""Source: an empty Postgres 15 takes 46 MB [measured]; its log and a first copy want some more."""

_ANCHOR = re.compile(rf"([A-Za-z0-9_-]+(?:\.end)?)\s*(?:\+\s*({NUMBER}\s*(?:ms|s|m|h)))?")


class Anchor(NamedTuple):
    """An instant of the runbook, and how long after it."""

    step: str
    """`<step>` (it began), `<step>.end`, `snapshot` or `switch`."""
    offset_s: float = 0.0

    def __str__(self) -> str:
        return f"{self.step} + {duration_text(self.offset_s)}" if self.offset_s else self.step


def anchor(raw: Any) -> Anchor | Literal["by hand"]:
    """Read `migrate + 20s`, `capture.end`, `snapshot` or `by hand`. Raises ValueError."""
    if isinstance(raw, Anchor):
        return raw
    text = str(raw).strip()
    if text == "by hand":
        return "by hand"
    match = _ANCHOR.fullmatch(text)
    if match is None:
        raise ValueError(f"`{text}` is not an instant: write it like migrate + 20s, capture.end + 1s or by hand")
    return Anchor(match[1], duration(match[2]) if match[2] else 0.0)


At = Annotated[
    Anchor | Literal["by hand"],
    BeforeValidator(anchor),
    PlainSerializer(str, when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["migrate + 20s", "capture.end + 1s", "by hand"]}),
]


def known_fault(fault: str) -> str:
    """The name itself. Raises ValueError if there is no such fault."""
    if fault not in CATALOGUE:
        near = did_you_mean(fault, FAULTS)
        raise ValueError(f"there is no fault `{fault}`: {near or 'there are ' + ', '.join(FAULTS)}")
    return fault


def _instant(raw: Any) -> Any:
    found = anchor(raw)
    if found == "by hand":
        raise ValueError("`by hand` is no instant: leave until out, and heal it")
    return found


Until = Annotated[
    Anchor, BeforeValidator(_instant), PlainSerializer(str, when_used="json"),
    WithJsonSchema({"type": "string", "examples": ["migrate.end"]}),
]


class Fault(Strict):
    """Something made to go wrong on one link or one part, at an instant, for a time."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    fault: FaultName
    link: str | None = None
    """A link of the stack file; without a port all links of that pair."""
    part: str | None = None
    """A service or job of the stack file, for faults that are made on a part."""
    stream: Literal["upstream", "downstream"] = "downstream"
    at: At
    for_: Duration | None = Field(default=None, alias="for")
    """Seconds until it is healed; None = until the run ends or somebody heals it."""
    until: Until | None = None
    """An instant at which it is healed at the latest."""
    latency: Duration | None = None
    jitter: Duration | None = None
    rate: Flow | None = None
    """Bytes per second."""
    timeout: Duration | None = None
    delay: Duration | None = None
    bytes: Size | None = None
    average_size: Size | None = None
    size_variation: Size | None = None
    from_: str | None = Field(default=None, alias="from")
    """The part it is cut off from; None = from all."""
    role: Literal["hydra", "edge"] | None = None
    """Whose backends are ended; None = Hydra's."""
    connections: int | None = Field(default=None, ge=1, le=2000)
    """How many are held; None = all that are left."""
    table: str | None = Field(default=None, pattern=r"^[a-z_0-9]+$")
    """The table that is locked; None = hydra_client."""
    waiter: bool | None = None
    """True = an ACCESS EXCLUSIVE waits behind the idle session, and everybody behind that."""
    size: Size | None = None
    """Of the disk, which its Postgres has for the whole run; None = by the population."""
    cpu: Share | None = None
    """Of one core."""
    memory: Size | None = None
    after: Literal["intent", "forward"] | None = None
    """The point of a captured revocation at which an edge is killed; None = at its instant, wherever it is then."""
    message: int | None = Field(default=None, ge=0)
    """How many captured revocations the replayer has applied when it is killed; None = at its instant."""
    offset: Offset | None = None
    """Of its wall clock: + ahead, - behind."""

    @field_validator("fault")
    @classmethod
    def _known(cls, fault: str) -> str:
        return known_fault(fault)

    @model_validator(mode="after")
    def _fields_fit(self) -> Fault:
        kind = CATALOGUE[self.fault]
        other = "part" if kind.on == "link" else "link"
        if getattr(self, kind.on) is None:
            raise ValueError(f"the fault `{self.fault}` needs `{kind.on}`")
        if getattr(self, other) is not None:
            raise ValueError(f"the fault `{self.fault}` is made on a {kind.on}, not on a {other}")
        for key in kind.needs:
            if getattr(self, key) is None:
                raise ValueError(f"the fault `{self.fault}` needs `{key}`")
        for key in sorted((self.model_fields_set & set(Fault.model_fields)) - set(COMMON)):
            if getattr(self, key) is not None and key not in own_keys(self.fault):
                takes = ", ".join(own.rstrip("_") for own in own_keys(self.fault)) or "no keys of its own"
                word = key.rstrip("_")
                others = " or ".join(name for name in CATALOGUE if key in own_keys(name))
                raise ValueError(f"`{word}` does not belong to the fault `{self.fault}`, which takes {takes}"
                                 f": write fault: {others or 'another'}, or leave {word} out")
        if self.fault == "fsync" and not FSYNC_DELAY_S[0] <= (self.delay or 0.0) <= FSYNC_DELAY_S[1]:
            least, most = map(duration_text, FSYNC_DELAY_S)
            raise ValueError(f"`delay` of the fault `fsync` is {least} to {most}: Postgres delays a flush by no more")
        if self.size is not None and self.size < DISK_LEAST_BYTES:
            raise ValueError(f"`size` of the fault `disk` is at least {DISK_LEAST_BYTES >> 20}MiB: "
                             "an empty Postgres needs some of it")
        if self.for_ is not None and not kind.lasts:
            raise ValueError(f"the fault `{self.fault}` is over at once: it takes no `for`")
        if self.until is not None and not kind.lasts:
            raise ValueError(f"the fault `{self.fault}` is over at once: it takes no `until`")
        return self

    @property
    def where(self) -> str:
        """The link or part it is made on."""
        return self.link or self.part or ""

    @property
    def waits(self) -> bool:
        """True: once ordered it waits for its part to come to a point, and is made there."""
        return self.after is not None or self.message is not None


class Draw(Strict):
    """Faults drawn by a seed, beside the written ones."""

    seed: int | None = None
    """None = the run's own."""
    budget: int = Field(default=5, ge=1, le=100)
    """How many faults at most; fewer if no more fit without meeting."""
    kinds: list[FaultName] = Field(default=["latency", "down", "timeout", "kill", "pause", "restart"], min_length=1)
    """What is drawn from."""
    phases: list[str] = Field(default=["copy", "migrate", "soak"], min_length=1)
    """Steps in which a fault begins and is healed."""

    @field_validator("kinds")
    @classmethod
    def _known(cls, kinds: list[str]) -> list[str]:
        for kind in kinds:
            known_fault(kind)
        return kinds


_WHEN = re.compile(r"([a-z_0-9]+\.[a-z_0-9]+)\s*(>=|<=|>|<)\s*(\S+)")


class Condition(NamedTuple):
    """A figure compared with a limit."""

    figure: str
    op: Literal[">", ">=", "<", "<="]
    limit: float
    unit: Unit


def condition(text: str) -> Condition:
    """Read `availability.failed_share > 1%`. Raises ValueError."""
    match = _WHEN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"`{text}` is not a condition: write it like availability.failed_share > 1%")
    limit, unit = amount(match[3])
    return Condition(match[1], match[2], limit, unit)  # type: ignore[arg-type]  # the pattern allows no other


class Guard(Strict):
    """A limit that acts by itself, looked at every second from baseline to close."""

    when: str
    for_: Duration = Field(default=0.0, alias="for")
    """Seconds the condition must hold without a break."""
    then: Literal["pause", "postpone", "rollback"]

    @field_validator("when")
    @classmethod
    def _readable(cls, when: str) -> str:
        condition(when)
        return when

    @property
    def figure(self) -> str:
        """`check.figure`, as in verdict.json."""
        return condition(self.when).figure

    @property
    def op(self) -> Literal[">", ">=", "<", "<="]:
        return condition(self.when).op

    @property
    def limit(self) -> float:
        """In the figure's own unit: count, seconds, fraction or factor."""
        return condition(self.when).limit
