"""What a running part uses of the machine, whatever runs it."""

from __future__ import annotations

import msgspec


class Usage(msgspec.Struct, frozen=True):
    """CPU seconds since the part's start, and resident memory."""

    cpu_s: float
    rss_bytes: int
