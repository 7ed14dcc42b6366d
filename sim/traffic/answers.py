"""What the edge says of an answer beyond what every rig can say."""

from __future__ import annotations

from sim.rigs.rig import Answer


class EdgeAnswer(Answer, frozen=True):
    """An answer that came through the real edge."""

    waited_s: float | None = None
    """Seconds the request waited in the edge's buffer; None if it did not."""


def waited_s(answer: Answer) -> float | None:
    """How long the request waited in the edge's buffer; None if it did not, or nobody says."""
    return answer.waited_s if isinstance(answer, EdgeAnswer) else None
