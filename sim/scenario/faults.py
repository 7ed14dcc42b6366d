"""What goes wrong by plan, and what acts by itself: faults, anchors and guards."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, NamedTuple, get_args

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, field_validator, model_validator

from sim.history.figures import Unit
from sim.scenario.quantities import NUMBER, Duration, Flow, Size, amount, duration, duration_text
from sim.scenario.steps import Strict

Toxic = Literal["latency", "bandwidth", "slow_close", "timeout", "reset_peer", "slicer", "limit_data", "down"]

FAULTS: tuple[str, ...] = get_args(Toxic)

LATER_FAULTS = ("kill", "pause", "restart", "disk", "clock")
"""Known by name, not built yet."""

TOXIC_FIELDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "latency": (("latency",), ("jitter",)),
    "bandwidth": (("rate",), ()),
    "slow_close": (("delay",), ()),
    "timeout": ((), ("timeout",)),
    "reset_peer": ((), ("timeout",)),
    "slicer": (("average_size",), ("size_variation", "delay")),
    "limit_data": (("bytes",), ()),
    "down": ((), ()),
}
"""Fault → (keys it needs, keys it may have)."""

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


class Fault(Strict):
    """Something made to go wrong on one link, at an instant, for a time."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    fault: Toxic
    link: str
    """A link of the stack file; without a port all links of that pair."""
    stream: Literal["upstream", "downstream"] = "downstream"
    at: At
    for_: Duration | None = Field(default=None, alias="for")
    """Seconds until it is healed; None = until the run ends or somebody heals it."""
    latency: Duration | None = None
    jitter: Duration | None = None
    rate: Flow | None = None
    """Bytes per second."""
    timeout: Duration | None = None
    delay: Duration | None = None
    bytes: Size | None = None
    average_size: Size | None = None
    size_variation: Size | None = None

    @field_validator("fault", mode="before")
    @classmethod
    def _later(cls, fault: Any) -> Any:
        if fault in LATER_FAULTS:
            raise ValueError(f"the fault `{fault}` is not built yet: {', '.join(FAULTS)} are")
        return fault

    @model_validator(mode="after")
    def _fields_fit(self) -> Fault:
        needed, optional = TOXIC_FIELDS[self.fault]
        for key in needed:
            if getattr(self, key) is None:
                raise ValueError(f"the fault `{self.fault}` needs `{key}`")
        for key in toxic_keys():
            if getattr(self, key) is not None and key not in needed + optional:
                takes = ", ".join(needed + optional) or "no keys of its own"
                raise ValueError(f"`{key}` does not belong to the fault `{self.fault}`, which takes {takes}")
        return self


def toxic_keys() -> tuple[str, ...]:
    """All keys that some toxic takes."""
    return "latency", "jitter", "rate", "timeout", "delay", "bytes", "average_size", "size_variation"


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
