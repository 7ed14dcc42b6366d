"""The marks that ops of a game day carry: whose they are, what they are about, who may not see them.

Who writes an op marks it: a surprise of the card (`surprise: true`), whatever the facilitator
does (`role: facilitator`). Whoever shows a running rehearsal to anybody else leaves those out. It
is an honour system: the run folder belongs to one user, and its files say everything.
"""

from __future__ import annotations

from sim.history.op import Op

FACILITATOR = "facilitator"
"""The one role that sees everything; every other one, and none, is a player's."""
NOW = "now"
"""The tag of an act that is about whatever is wrong now, by somebody who has no name for it."""
NOTHING = "nothing"
"""The facilitator's tag for an act that is about no surprise."""


def is_hidden(op: Op) -> bool:
    """Is it for the facilitator alone until the run has ended?"""
    value = op.value
    return value is not None and (bool(value.get("surprise")) or value.get("role") == FACILITATOR)
