"""Failures that the edge gave out again: an exchange that is over has no answer for anybody else.

A refresh may join one that is under way and share its failure; it must not be given the failure of
one that had ended before it came. Which exchange it joined nobody says, so it counts only if no
other one could have been under way.
"""

from __future__ import annotations

from sim.history.op import Op


class KeptFailures:
    """Fed with every refresh, by the token it presented."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        """Completions that say such a failure."""
        self._begun: dict[str, list[int]] = {}
        """Token → refreshes with it, under way or sent since its last failure, that may have begun an exchange."""
        self._over: dict[str, int] = {}
        """Token → the last failure that an exchange of its own brought."""

    def begins(self, begun: Op) -> None:
        """A refresh is sent."""
        if begun.token_hash is not None:
            self._begun.setdefault(begun.token_hash, []).append(begun.i)

    def ends(self, begun: Op, done: Op) -> None:
        """It has its answer, or none."""
        token, value = begun.token_hash, done.value or {}
        if token is None:
            return
        over_i = self._over.get(token)
        shared = done.type == "fail" and bool(value.get("coalesced"))
        if shared or over_i is None:
            self._begun[token].remove(begun.i)
        if done.type == "fail" and not shared and not value.get("shed"):
            self._over[token] = done.i
        elif over_i is None and not self._begun[token]:
            del self._begun[token]
        if shared and over_i is not None and over_i < begun.i and not any(i > over_i for i in self._begun[token]):
            self.seen.append(done.i)
