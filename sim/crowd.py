"""When so many requests are under way that clients wait, and the harness had better not add to it."""

from __future__ import annotations

ANSWERED_S = 0.1
"""Assumption: whoever is answered within a tenth of a second does not wait."""
FEWEST = 16
"""Assumption: at 150 operations a second, answered within 40 ms, six are under way; sixteen are made to wait."""
LOOK_S = 0.05
"""Assumption: a crowd that has gone is seen as soon as a person could."""


def crowd_at(rate: float) -> int:
    """Requests under way (count) above which clients wait, at so many a second.

    Source: Little's law: what is under way is the rate times how long each takes.
    """
    return max(FEWEST, round(rate * ANSWERED_S))
