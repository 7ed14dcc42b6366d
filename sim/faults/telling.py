"""What the history and faults.jsonl say of a fault before it is made: kind, place and figures."""

from __future__ import annotations

from typing import Any

from sim.faults.toxics import as_op
from sim.scenario import Fault, Surprise
from sim.scenario.kinds import CATALOGUE, own_keys
from sim.scenario.quantities import duration_text


def tell(fault: Fault) -> dict[str, Any]:
    """The value of its op, and all that whoever must heal it needs to know.

    `{name, fault, link, stream, toxic, effect, least_delay_s, most_delay_s, for_s?}` on a link,
    `{name, fault, part, for_s?, …its own keys in inner units}` on a part; a surprise has its mark.
    """
    if CATALOGUE[fault.fault].on == "link":
        return as_op(fault) | mark(fault)
    told: dict[str, Any] = {"name": fault.name, "fault": fault.fault, "part": fault.part}
    told |= {key.rstrip("_"): getattr(fault, key) for key in own_keys(fault.fault)
             if getattr(fault, key) is not None}
    if fault.for_ is not None:
        told["for_s"] = fault.for_
    return told | mark(fault)


def mark(fault: Fault) -> dict[str, Any]:
    """What every op about a surprise carries, so that it can be kept from the players; {} of any other fault."""
    return {"surprise": True} if isinstance(fault, Surprise) else {}


def said(fault: Fault) -> str:
    """A fault in a few words, with its figures as the scenario file writes them."""
    figures = fault.model_dump(mode="json", include=set(own_keys(fault.fault)), exclude_none=True, by_alias=True)
    return " ".join([fault.fault, "on", fault.where, *(f"{key} {value}" for key, value in figures.items())])


def lasting(fault: Fault) -> str:
    """How long it lasts, in words; '' if nothing is said of it."""
    words = f" for {duration_text(fault.for_)}" if fault.for_ is not None else ""
    return words + (f", until {fault.until} at the latest" if fault.until is not None else "")
