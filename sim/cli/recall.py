"""How well the checks do, from runs whose truth is known: recall and false alarms.

With a bug planted its check must say BROKEN; UNKNOWN is a miss, and so is a run without a verdict.
Without one, no check may say BROKEN that the stage itself does not expect to. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sim.services.planted import BUGS

if TYPE_CHECKING:
    from sim.checks.verdict import Verdict

STAGES = tuple(dict.fromkeys(bug.stage for bug in BUGS.values()))
"""The scenarios of scenarios/bench/ that the bugs need; clean runs go round over them."""
SEED = 100
"""The stages' own seed: the seeded blue of one run serves the next."""
CLEAN = 20
"""Source: the benchmark's goal: no false alarm in 20 clean runs."""


class Try(NamedTuple):
    """One run to be played."""

    bug: str
    """'' = a clean run."""
    stage: str
    seed: int

    @property
    def name(self) -> str:
        """For people and folders."""
        return self.bug or f"clean-{self.stage}"

    @property
    def expects(self) -> str:
        """The check that must be BROKEN; '' for a clean run."""
        return BUGS[self.bug].expects if self.bug else ""


class Seen(NamedTuple):
    """What came of one try."""

    tried: Try
    word: str
    """The expected check's verdict, or a clean run's; `none` if the run left no verdict that counts."""
    good: bool
    """Found, or rightly quiet."""
    evidence: str
    took_s: float = 0.0
    folder: str = ""


def tries(bugs: Sequence[str], *, runs: int, clean: int) -> list[Try]:
    """Every bug `runs` times, then the clean runs, each round of the stages with a seed of its own."""
    planted = [Try(bug, BUGS[bug].stage, SEED) for bug in bugs for _ in range(runs)]
    return planted + [Try("", STAGES[k % len(STAGES)], SEED + k // len(STAGES)) for k in range(clean)]


def judged(tried: Try, verdict: Verdict | None, expected: Mapping[str, str]) -> Seen:
    """What a verdict says of the checks. `expected`: check → word, of the stage without a bug."""
    if verdict is None:
        return Seen(tried, "none", False, "the run left no verdict")
    if verdict.planted != tried.bug:
        return Seen(tried, "none", False, f"this run had {verdict.planted or 'no bug'} planted, not "
                                          f"{tried.bug or 'none'}: it shows nothing")
    if tried.bug:
        check = verdict.check(tried.expects)
        return Seen(tried, check.verdict, check.verdict == "broken", check.summary)
    wrong = [c for c in verdict.checks if c.verdict == "broken" and expected.get(c.name) != "broken"]
    unsure = [c for c in verdict.checks if c.verdict == "unknown" and expected.get(c.name) != "unknown"]
    named = wrong or unsure
    word = "broken" if wrong else "unknown" if unsure or verdict.ended != "completed" else "held"
    return Seen(tried, word, not wrong, "; ".join(f"{c.name}: {c.summary}" for c in named) or verdict.why)


def figures(seen: Sequence[Seen]) -> dict[str, Any]:
    """{planted, found, recall, missed: [bug], clean, false_alarms, undecided, met}.

    `recall` is a share, None without a planted bug. `undecided`: clean runs that showed nothing, because a
    check was UNKNOWN or the run did not complete; they are no false alarm and no proof either.
    """
    planted, clean = [s for s in seen if s.tried.bug], [s for s in seen if not s.tried.bug]
    missed = [s.tried.bug for s in planted if not s.good]
    alarms = sum(s.word == "broken" and not s.good for s in clean)
    without = sum(s.word == "none" for s in clean)
    return {"planted": len(planted), "found": len(planted) - len(missed),
            "recall": (len(planted) - len(missed)) / len(planted) if planted else None, "missed": missed,
            "clean": len(clean), "false_alarms": alarms, "undecided": sum(s.word == "unknown" for s in clean) + without,
            "met": not missed and not alarms and not without}
