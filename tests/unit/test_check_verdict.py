"""How one verdict follows from many, exit codes, crashes, and the forming verdict."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from builders import Tale, crossing

from sim.checks import judge
from sim.checks.forming import Forming
from sim.checks.losses import Lost
from sim.checks.reading import Reading
from sim.checks.verdict import Check, Verdict, exit_code, from_json, to_json, worst
from sim.history.figures import FIGURES, tolerable


def made(verdict: str, ended: str = "completed") -> Verdict:
    return Verdict(verdict=verdict, ended=ended, scenario="s", engine="e", seed=1, checks=[])  # type: ignore[arg-type]


@pytest.mark.parametrize("words", itertools.permutations(["broken", "unknown", "held", "not_asked"]))
def test_broken_over_unknown_over_held(words: tuple[str, ...]) -> None:
    assert worst(words) == "broken"  # type: ignore[arg-type]
    assert worst([w for w in words if w != "broken"]) == "unknown"  # type: ignore[misc]
    assert worst([w for w in words if w in ("held", "not_asked")]) == "held"  # type: ignore[misc]
    assert worst(["not_asked"]) == "unknown"


def test_exit_codes_first_that_applies() -> None:
    assert exit_code(made("broken"), tool_failed=True) == 255
    assert exit_code(made("broken", "rolled_back")) == 1
    assert exit_code(made("unknown", "rolled_back")) == 2
    assert exit_code(made("held", "rolled_back")) == 3
    assert exit_code(made("held")) == 0
    assert exit_code(made("held", "failed")) == 2


def test_a_crashed_check_is_unknown_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(reading: Reading, lost: Lost) -> Check:
        raise KeyError("nobody expects this")

    monkeypatch.setitem(judge.ORDER, "migration", crash)
    tale = Tale()
    crossing(tale)
    verdict = tale.ended().verdict()
    check = verdict.check("migration")
    assert check.verdict == "unknown" and "KeyError" in check.summary
    assert verdict.check("data_equality").verdict == "held"


def test_a_history_without_an_end_has_failed() -> None:
    tale = Tale()
    crossing(tale)
    verdict = tale.verdict()
    assert verdict.ended == "failed" and verdict.verdict in ("unknown", "broken")


def test_checks_and_figures_are_those_of_the_table() -> None:
    tale = Tale()
    crossing(tale)
    verdict = tale.ended().verdict()
    assert [c.name for c in verdict.checks] == list(FIGURES)
    for check in verdict.checks:
        assert set(check.figures) <= set(FIGURES[check.name])


def test_verdict_json_reads_back() -> None:
    tale = Tale(write_loss__grants="all")
    crossing(tale)
    verdict = tale.ended().verdict()
    assert from_json(to_json(verdict)) == verdict
    raw = msgspec.json.decode(to_json(verdict))
    assert set(raw) == {"verdict", "ended", "why", "scenario", "engine", "seed", "checks", "phases", "database",
                        "hydra", "planted"}
    assert set(raw["checks"][0]) == {
        "name", "verdict", "summary", "evidence", "figures", "tolerated", "witnesses"}


def test_tolerable_figures() -> None:
    assert tolerable("revocation", "longest_gap") is not None
    assert tolerable("revocation", "acknowledged") is None
    assert tolerable("revocation", "nonsense") is None and tolerable("nonsense", "x") is None


def test_forming_is_open_then_the_judges_verdict() -> None:
    tale = Tale(login_continuity__browser_sessions="all", write_loss__grants=60)
    crossing(tale)
    tale.ended()
    forming = Forming(tale.terms)
    words: list[set[str]] = []
    for op in tale.ops:
        forming.feed(op)
        if op.i % 50 == 0:
            words.append({c.verdict for c in forming.verdict().checks})
    assert all("unknown" not in seen for seen in words)
    assert "open" in words[0]
    last, judged = forming.verdict(), tale.verdict()
    assert [(c.name, c.verdict, c.figures) for c in last.checks if c.name != "revocation"] == [
        (c.name, c.verdict, c.figures) for c in judged.checks if c.name != "revocation"]
    assert last.check("revocation").verdict == judged.check("revocation").verdict


def test_forming_tells_guards_their_figures() -> None:
    tale = Tale()
    grant = tale.grant("y")
    tale.revoke(grant, capture=1)
    tale.wait(7)
    tale.ask(grant, active=False)
    forming = Forming(tale.terms)
    for op in tale.ops:
        forming.feed(op)
    oldest = forming.figure("revocation.oldest_wait")
    assert oldest is not None and oldest > 7
    assert forming.figure("availability.failed_share") == 0
    assert forming.figure("nonsense.figure") is None


def test_phases_are_told_in_order() -> None:
    tale = Tale()
    for role in ("baseline", "soak"):
        step = tale.begin("runbook", "step", step=role, kind=role)
        tale.wait(1)
        tale.end(step, route=None, step=role)
    assert [(p.name, p.outcome) for p in tale.ended().verdict().phases] == [("baseline", "ok"), ("soak", "ok")]
