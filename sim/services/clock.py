"""The wall clock of our own services, which a fault can set ahead or behind.

Whatever a service writes down or compares as a time of day reads it here. Waiting and measuring use the
monotonic clock, which no administrator changes.
"""

from __future__ import annotations

import time
from typing import Any

_offset_s = 0.0


def now() -> float:
    """Unix seconds, as this service believes."""
    return time.time() + _offset_s


def control(method: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """`/clock` of every control listener: GET → {now}; PUT {offset_s} → {now}. Raises KeyError, ValueError."""
    global _offset_s
    if method == "PUT":
        _offset_s = float(body["offset_s"])
    return 200, {"now": now()}
