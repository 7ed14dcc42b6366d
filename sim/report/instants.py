"""Instants as people read them: since the run began, and in UTC."""

from __future__ import annotations

from datetime import datetime, timedelta

from sim.history.op import Header


def since(t_s: float) -> str:
    """`T+01:24.3`."""
    tenths = round(t_s * 10)
    return f"T+{tenths // 600:02d}:{tenths % 600 / 10:04.1f}"


def utc(header: Header, t_s: float) -> str:
    """`04:15:56.833Z`; the origin's text as it stands if it is no instant."""
    try:
        origin = datetime.fromisoformat(header.origin_utc.replace("Z", "+00:00"))
    except ValueError:
        return header.origin_utc
    return (origin + timedelta(seconds=t_s)).strftime("%H:%M:%S.%f")[:-3] + "Z"


def day(header: Header) -> str:
    """`2026-11-24 04:14:32 UTC`: when the run began."""
    try:
        return datetime.fromisoformat(header.origin_utc.replace("Z", "+00:00")).strftime("%Y-%m-%d %H:%M:%S UTC")
    except ValueError:
        return header.origin_utc
