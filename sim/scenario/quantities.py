"""Quantities as a user writes them: `250ms`, `5m`, `240/s`, `0.5%`, `64MiB`, `3x`.

Inside there is one unit each: seconds, 1/s, fractions, bytes, factors. Every parser refuses
what could be misread (a bare number is not a duration) and says what to write instead; every
writer gives a text that reads back to exactly the same number, so a resolved scenario is equal
to the one it came from.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

NUMBER = r"\d+(?:\.\d+)?"
_DURATION = re.compile(rf"({NUMBER})\s*(ms|s|m|h)")
_RATE = re.compile(rf"({NUMBER})\s*/s")
_SHARE = re.compile(rf"({NUMBER})\s*%")
_TIMES = re.compile(rf"({NUMBER})\s*x")
_SIZE = re.compile(rf"({NUMBER})\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)")
_FLOW = re.compile(rf"({NUMBER})\s*(B|kB|KB|MB|GB|KiB|MiB|GiB)/s")

SECONDS = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600)}
BYTES = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def plain(number: float | Decimal) -> str:
    """A number without exponent and without needless zeros; reads back exactly."""
    text = format(Decimal(repr(number)) if isinstance(number, float) else Decimal(number), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _shown(raw: Any) -> str:
    return str(raw).lower() if isinstance(raw, bool) else str(raw)


def duration(raw: Any) -> float:
    """Seconds from `250ms`, `20s`, `5m` or `2h`.

    Raises ValueError with what to write instead.
    """
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        raise ValueError(f"a bare number is not a duration: write {plain(raw)}s, {plain(raw)}m or {plain(raw)}h")
    match = _DURATION.fullmatch(str(raw).strip())
    if match is None:
        raise ValueError(f"`{_shown(raw)}` is not a duration: write it like 250ms, 20s, 5m or 2h")
    return float(Decimal(match[1]) * SECONDS[match[2]])


def duration_text(seconds: float) -> str:
    """The shortest text that `duration` reads back to exactly `seconds`."""
    if seconds == 0:
        return "0s"
    for unit, least in (("h", 3600), ("m", 60), ("s", 1), ("ms", 0)):
        number = Decimal(repr(float(seconds))) / SECONDS[unit]
        if seconds >= least and number == number.to_integral_value():
            return f"{plain(number)}{unit}"
    return f"{plain(float(seconds))}s"


def offset(raw: Any) -> float:
    """Seconds with a sign, from `+30s` or `-1h`. Raises ValueError with what to write instead."""
    text = str(raw).strip()
    if text[:1] not in ("+", "-") or isinstance(raw, int | float):
        raise ValueError(f"`{_shown(raw)}` is not an offset: write it like +30s (ahead) or -1h (behind)")
    return (1 if text[0] == "+" else -1) * duration(text[1:])


def offset_text(seconds: float) -> str:
    """The shortest text that `offset` reads back to exactly `seconds`."""
    return ("-" if seconds < 0 else "+") + duration_text(abs(seconds))


def rate(raw: Any) -> float:
    """Events per second from `240/s`. Raises ValueError with what to write instead."""
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        raise ValueError(f"a bare number is not a rate: write {plain(raw)}/s")
    match = _RATE.fullmatch(str(raw).strip())
    if match is None:
        raise ValueError(f"`{_shown(raw)}` is not a rate: write it like 240/s")
    return float(match[1])


def share(raw: Any) -> float:
    """A fraction from 0 to 1, from `83%`. Raises ValueError with what to write instead."""
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        raise ValueError(f"a bare number is not a share: write {plain(raw)}%")
    match = _SHARE.fullmatch(str(raw).strip())
    if match is None:
        raise ValueError(f"`{_shown(raw)}` is not a share: write it like 0.5%")
    number = float(Decimal(match[1]) / 100)
    if number > 1:
        raise ValueError(f"`{_shown(raw)}` is more than 100%")
    return number


def share_text(fraction: float) -> str:
    """The text that `share` reads back to exactly `fraction`."""
    return f"{plain(Decimal(repr(float(fraction))) * 100)}%"


def size(raw: Any) -> int:
    """Bytes from `64MiB`, `512B` or `10kB`. Raises ValueError with what to write instead."""
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        raise ValueError(f"a bare number is not a size: write {plain(raw)}B or {plain(raw)}KiB")
    match = _SIZE.fullmatch(str(raw).strip())
    if match is None:
        raise ValueError(f"`{_shown(raw)}` is not a size: write it like 512B, 64KiB or 64MiB")
    return int(Decimal(match[1]) * BYTES[match[2]])


def size_text(number: int) -> str:
    """The shortest text that `size` reads back to exactly `number` bytes."""
    for unit in ("GiB", "MiB", "KiB"):
        if number and number % BYTES[unit] == 0:
            return f"{number // BYTES[unit]}{unit}"
    return f"{number}B"


def flow(raw: Any) -> float:
    """Bytes per second from `64KiB/s`. Raises ValueError with what to write instead."""
    match = _FLOW.fullmatch(str(raw).strip())
    if match is None:
        raise ValueError(f"`{_shown(raw)}` is not a data rate: write it like 64KiB/s")
    return float(Decimal(match[1]) * BYTES[match[2]])


def flow_text(bytes_per_s: float) -> str:
    """The text that `flow` reads back to exactly `bytes_per_s`."""
    if bytes_per_s == int(bytes_per_s):
        return f"{size_text(int(bytes_per_s))}/s"
    return f"{plain(bytes_per_s)}B/s"


def amount(raw: Any) -> tuple[float, str]:
    """A limit of any figure: (number, unit), unit one of count, s, share, times.

    `60` is a count, `5s` seconds, `0.5%` a share, `3x` a factor. Raises ValueError.
    """
    if isinstance(raw, int) and not isinstance(raw, bool):
        return float(raw), "count"
    text = str(raw).strip()
    if text.isdigit():
        return float(text), "count"
    if _DURATION.fullmatch(text):
        return duration(text), "s"
    if _SHARE.fullmatch(text):
        return share(text), "share"
    if match := _TIMES.fullmatch(text):
        return float(match[1]), "times"
    raise ValueError(f"`{_shown(raw)}` is not a limit: write a count 60, a duration 5s, a share 0.5% or a factor 3x")


def amount_text(number: float, unit: str) -> str | int:
    """What `amount` reads back to exactly (`number`, `unit`)."""
    if unit == "count":
        return int(number)
    if unit == "s":
        return duration_text(number)
    return share_text(number) if unit == "share" else f"{plain(number)}x"


def _quantity(read: Callable[[Any], Any], write: Callable[[Any], str], pattern: str, example: str) -> tuple[Any, ...]:
    """What pydantic needs: how to read, how to write, and the JSON Schema of the text."""
    schema = {"type": "string", "pattern": pattern, "examples": [example]}

    return BeforeValidator(read), PlainSerializer(write, when_used="json"), WithJsonSchema(schema)


_OF_DURATION = _quantity(duration, duration_text, rf"^{NUMBER}(ms|s|m|h)$", "20s")
_OF_RATE = _quantity(rate, lambda v: f"{plain(v)}/s", rf"^{NUMBER}/s$", "240/s")
_OF_SHARE = _quantity(share, share_text, rf"^{NUMBER}%$", "0.5%")
_OF_SIZE = _quantity(size, size_text, rf"^{NUMBER}(B|kB|KB|MB|GB|KiB|MiB|GiB)$", "64KiB")
_OF_FLOW = _quantity(flow, flow_text, rf"^{NUMBER}(B|kB|KB|MB|GB|KiB|MiB|GiB)/s$", "64KiB/s")
_OF_OFFSET = _quantity(offset, offset_text, rf"^[+-]{NUMBER}(ms|s|m|h)$", "-1h")

Duration = Annotated[float, *_OF_DURATION]
"""Seconds; written with a unit."""
Rate = Annotated[float, *_OF_RATE]
"""1/s; written `240/s`."""
Share = Annotated[float, *_OF_SHARE]
"""A fraction; written with `%`."""
Size = Annotated[int, *_OF_SIZE]
"""Bytes; written with a unit."""
Offset = Annotated[float, *_OF_OFFSET]
"""Seconds with a sign; written `+30s` or `-1h`."""
Flow = Annotated[float, *_OF_FLOW]
"""Bytes per second; written `64KiB/s`."""
