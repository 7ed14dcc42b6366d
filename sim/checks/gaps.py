"""How long an operation was asked for and nobody got an answer, kind by kind.

A gap of one kind begins when the first request since the last usable answer was sent (at that
answer, if others were still open then) and ends with the next usable answer. Requests that wait
for a lock are open, failed ones came back empty: both count. What the edge held back itself or
refused on purpose is counted elsewhere: it is taken out here.

Completions at one instant may come in any order: what the answers of an instant ended is told when
time has gone on.
"""

from __future__ import annotations

from typing import NamedTuple

KINDS = frozenset({"introspect", "refresh", "client_credentials", "revoke"})
"""Single requests of programs, often enough for a gap to mean something; a login takes several pages."""
WORTH_S = 0.2
"""Assumption: shorter ones are the latency of a single request."""


class Gap(NamedTuple):
    """One stretch without an answer, in seconds of the history."""

    f: str
    from_s: float
    to_s: float
    i: int
    """The answer that ended it; -1 while none has."""


class _Answers:
    """A kind's last usable answers, all of one instant."""

    __slots__ = ("asked_s", "i", "since_s", "t_s", "told")

    def __init__(self, t_s: float, i: int, *, since_s: float, asked_s: float) -> None:
        self.t_s, self.i = t_s, i
        self.since_s, self.asked_s = since_s, asked_s
        """When the answers before came; when the first request had been sent that had none until now."""
        self.told = False


class Gaps:
    """Fed with invocations and completions, in order."""

    def __init__(self) -> None:
        self._open: dict[str, dict[int, float]] = {f: {} for f in KINDS}
        """Kind → requests without a completion, oldest first: index → when it was sent."""
        self._answers: dict[str, _Answers] = {}
        self._unanswered_s: dict[str, float] = {}
        """Kind → when the first failed request since the last answer had been sent."""
        self._long: list[Gap] = []
        self._held: list[tuple[float, float]] = []
        """Stretches in which the edge buffered."""

    def begins(self, f: str, i: int, t_s: float) -> None:
        """A request was sent."""
        if f in KINDS:
            self._open[f][i] = t_s

    def ends(self, f: str, begun_i: int, done_i: int, t_s: float, *, answered: bool | None,
             waited_s: float = 0.0) -> None:
        """It has its completion; `answered` None = refused on purpose or cut off by the end of the run."""
        if f not in KINDS:
            return
        last = self._answers.get(f)
        if last is not None and not last.told and t_s > last.t_s:
            self._tell(f, last)
        sent_s = self._open[f].pop(begun_i, None)
        if sent_s is None:
            return
        if waited_s:
            self._held.append((sent_s, sent_s + waited_s))
        if answered:
            self._answered(f, last, done_i, t_s, sent_s)
        elif answered is not None:
            self._failed(f, last, begun_i, done_i, t_s, sent_s)

    def _answered(self, f: str, last: _Answers | None, i: int, t_s: float, sent_s: float) -> None:
        asked_s = min(sent_s, self._unanswered_s.pop(f, sent_s))
        if last is not None and last.t_s == t_s:
            last.i, last.asked_s = i, min(last.asked_s, asked_s)
        else:
            self._answers[f] = _Answers(t_s, i, since_s=last.t_s if last is not None else 0.0, asked_s=asked_s)

    def _failed(self, f: str, last: _Answers | None, begun_i: int, i: int, t_s: float, sent_s: float) -> None:
        if last is None or begun_i > last.i:
            self._unanswered_s[f] = min(sent_s, self._unanswered_s.get(f, sent_s))
        elif t_s == last.t_s:
            last.asked_s = min(last.asked_s, sent_s)
        else:  # under way at the last answer and failed since: nobody was waiting after it
            self._keep(Gap(f, last.t_s, t_s, i))

    def _tell(self, f: str, last: _Answers) -> None:
        """What a kind's last answers ended; those sent before them and still without one were waiting too."""
        oldest_s = next(iter(self._open[f].values()), last.asked_s)
        self._keep(Gap(f, max(last.since_s, min(last.asked_s, oldest_s)), last.t_s, last.i))
        last.told = True

    def _keep(self, gap: Gap) -> None:
        if gap.to_s - gap.from_s > WORTH_S:
            self._long.append(gap)

    def longest(self, buffering: list[tuple[float, float]], now_s: float, *,
                over: bool) -> tuple[float, Gap | None]:
        """(seconds, gap) of the longest one, without `buffering` and what requests say they waited.

        A kind that failed and has had no answer since counts up to `now_s`. `over`: no more will come.
        """
        for f, last in self._answers.items():
            if not last.told and (over or now_s > last.t_s):
                self._tell(f, last)
        held = _merged([*buffering, *self._held])
        # What is still open may yet be answered, or turn out to be refused on purpose.
        open_gaps = [Gap(f, since_s, now_s, -1) for f, since_s in self._unanswered_s.items()]
        best_s, best = 0.0, None
        for gap in [*self._long, *open_gaps]:
            took_s = gap.to_s - gap.from_s - sum(
                max(0.0, min(gap.to_s, b) - max(gap.from_s, a)) for a, b in held)
            if took_s > max(best_s, WORTH_S):
                best_s, best = took_s, gap
        return best_s, best


def _merged(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for a, b in sorted(spans):
        if merged and a <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(b, merged[-1][1]))
        else:
            merged.append((a, b))
    return merged
