"""A scenario's fault as Toxiproxy's toxic, and what a probe must see of it.

Toxiproxy's own `toxicity` and seed are not used: a toxic is on or off, and jitter is a
seeded schedule of ours, so that two runs of one seed meet the same delays.
Units are Toxiproxy's: milliseconds, KB/s, bytes, and microseconds for the slicer's delay.
"""

from __future__ import annotations

import random
from hashlib import sha256
from typing import Any, Literal

import msgspec

from sim.scenario import Fault

Effect = Literal["slower", "no_answer", "refused"]

JITTER_EVERY_S = 0.25
"""Assumption: a new delay four times a second is finer than what a person or a check sees."""
SEEN_SHARE = 0.8
"""Assumption: a probe that took four fifths of the expected delay longer has seen it."""


_EFFECTS: dict[str, Effect] = {"timeout": "no_answer", "limit_data": "no_answer", "reset_peer": "refused",
                               "down": "refused"}


class Toxic(msgspec.Struct, frozen=True):
    """One toxic as Toxiproxy takes it; `kind` "down" means the proxy is disabled."""

    kind: str
    stream: str
    attributes: dict[str, int]
    effect: Effect
    least_delay_s: float
    """What a probe must take longer at least, for effect `slower`."""
    most_delay_s: float
    """What may delay its answer at most: so long it must be waited for."""


def toxic(fault: Fault) -> Toxic:
    """The toxic of a fault; its jitter is left to the schedule."""
    attributes = _attributes(fault)
    delay_s = jitter_s = 0.0
    if fault.fault == "latency":
        delay_s, jitter_s = fault.latency or 0.0, fault.jitter or 0.0
    elif fault.fault == "slicer":
        delay_s = fault.delay or 0.0
    return Toxic(fault.fault, fault.stream, attributes, _EFFECTS.get(fault.fault, "slower"),
                 round(max(0.0, delay_s - jitter_s) * SEEN_SHARE, 4), delay_s + jitter_s)


def _attributes(fault: Fault) -> dict[str, int]:
    """In Toxiproxy's own units and names; {} for `down`. Source: Toxiproxy 2.12 README."""

    def ms(seconds: float | None) -> int:
        return round((seconds or 0.0) * 1000)

    match fault.fault:
        case "latency":
            return {"latency": ms(fault.latency), "jitter": 0}
        case "bandwidth":
            return {"rate": max(1, round((fault.rate or 0.0) / 1000))}
        case "slow_close":
            return {"delay": ms(fault.delay)}
        case "timeout" | "reset_peer":
            return {"timeout": ms(fault.timeout)}
        case "slicer":
            return {"average_size": int(fault.average_size or 64), "size_variation": int(fault.size_variation or 0),
                    "delay": round((fault.delay or 0.0) * 1e6)}
        case "limit_data":
            return {"bytes": int(fault.bytes or 0)}
    return {}


def jittered(fault: Fault, seed: int, n: int) -> dict[str, int]:
    """The attributes of a jittered latency at its n-th quarter of a second."""
    digest = sha256(f"{seed}/{fault.name}/{n}".encode()).digest()
    spread = fault.jitter or 0.0
    latency_s = max(0.0, (fault.latency or 0.0) + random.Random(digest).uniform(-spread, spread))
    return {"latency": round(latency_s * 1000), "jitter": 0}


def as_op(fault: Fault) -> dict[str, Any]:
    """What the history says of a fault: its name, kind, place and figures."""
    told: dict[str, Any] = {"name": fault.name, "fault": fault.fault, "link": fault.link}
    made = toxic(fault)
    told |= {"stream": made.stream, "toxic": made.attributes, "effect": made.effect,
             "least_delay_s": made.least_delay_s, "most_delay_s": made.most_delay_s}
    if fault.for_ is not None:
        told["for_s"] = fault.for_
    return told
