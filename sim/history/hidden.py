"""What the players of a game day do not see while it goes on.

Who writes an op marks it: a surprise of the card (`surprise: true`), whatever the facilitator
does (`role: facilitator`). Whoever shows a running rehearsal to anybody else leaves those out. It
is an honour system: the run folder belongs to one user, and its files say everything.
"""

from __future__ import annotations

from sim.history.op import Op

FACILITATOR = "facilitator"
"""The one role that sees everything; every other one, and none, is a player's."""


def is_hidden(op: Op) -> bool:
    """Is it for the facilitator alone until the run has ended?"""
    value = op.value
    return value is not None and (bool(value.get("surprise")) or value.get("role") == FACILITATOR)
