"""Faults in phases: the cells, the runs that show them, and what a run settles."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.checks.judge import ORDER
from sim.checks.verdict import Check, Verdict
from sim.cli.bench_faults import PHASES, proofs, shown, word_of
from sim.faults.matrix import Cell, Seen, cells, figures, rounds, settles
from sim.history.op import Op
from sim.paths import data
from sim.scenario import load_scenario
from sim.scenario.kinds import CATALOGUE
from sim.scenario.links import known_links, known_parts
from sim.scenario.rules import misplaced

STAGE = load_scenario(data("scenarios", "bench", "faults.yaml"))


def all_cells(engine: str = "process", seed: int = 100) -> list[Cell]:
    return cells(STAGE, seed, list(CATALOGUE), list(PHASES), known_links(), known_parts(), engine)


def seen(kind: str = "down", phase: str = "copy", word: Any = "held", *, proven: bool = True, alone: bool = False,
         effect_s: float | None = 0.01) -> Seen:
    return Seen(kind, phase, f"{kind} somewhere", word, proven, effect_s, "", alone, "process", 100, 60.0)


def test_there_are_at_least_a_hundred_cells_and_each_empty_one_says_why() -> None:
    found = all_cells()
    assert len(found) == len(CATALOGUE) * len(PHASES) and sum(c.fault is not None for c in found) >= 100
    assert all(cell.why for cell in found if cell.fault is None)
    assert {cell.phase for cell in found if cell.kind in ("full", "duplicate") and cell.fault is None} == {"lifetime"}
    assert {cell.why for cell in found if cell.kind == "cpu"} == {
        "the process engine can't make the fault `cpu`: a process has no share of its own; use pause"}
    assert all(cell.fault is not None for cell in all_cells("docker") if cell.kind == "cpu" and cell.phase == "soak")


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_every_cell_is_a_fault_that_could_stand_in_a_scenario(seed: int) -> None:
    for cell in all_cells(seed=seed):
        if cell.fault is not None:
            assert misplaced(cell.fault, known_links(), known_parts()) is None
            assert cell.fault.at.step == cell.phase  # type: ignore[union-attr]
    assert all_cells(seed=seed) == all_cells(seed=seed)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(list(CATALOGUE)), st.sampled_from(PHASES)), unique=True), st.integers(1, 6))
def test_runs_hold_every_cell_once_and_no_two_of_one_phase(names: list[tuple[str, str]], together: int) -> None:
    todo = [cell for cell in all_cells() if cell.name in names and cell.fault is not None]
    made = rounds(todo, together)
    assert sorted(cell.name for run in made for cell in run) == sorted(cell.name for cell in todo)
    for run in made:
        assert 1 <= len(run) <= together and len({cell.phase for cell in run}) == len(run)


def test_a_run_that_held_under_proven_faults_settles_them_and_any_other_only_one() -> None:
    assert settles([seen(), seen("kill", "soak")])
    assert not settles([seen(), seen("kill", "soak", proven=False)])
    assert not settles([seen(word="broken"), seen("kill", "soak", word="broken")])
    assert settles([seen(word="broken", proven=False)])


def fault(i: int, kind: str, name: str, of: int | None = None, f: str = "fault", **value: Any) -> Op:
    return Op(i, kind, "nemesis", f, float(i), of=of, value={"name": name, **value},  # type: ignore[arg-type]
              error="no" if kind == "fail" else None)


def test_what_a_history_says_of_faults() -> None:
    found = proofs([
        fault(0, "invoke", "a"), fault(1, "ok", "a", 0, proven=True, effect_s=0.004, seen="refused"),
        fault(2, "invoke", "a", f="heal"), fault(3, "ok", "a", 2, "heal"),
        fault(4, "invoke", "b"), fault(5, "ok", "b", 4, proven=True, effect_s=0.1, seen="gone"),
        fault(6, "invoke", "b", f="heal"), fault(7, "fail", "b", 6, "heal"),
        fault(8, "invoke", "c"), fault(9, "fail", "c", 8)])
    assert found["a"] == (True, True, 0.004, "refused")
    assert (found["b"].proven, found["b"].healed) == (True, False)
    assert (found["c"].proven, found["c"].said) == (False, "no") and "d" not in found


def verdict(word: Any, ended: Any = "completed", **checks: Any) -> Verdict:
    return Verdict(verdict=word, ended=ended, why="the copy failed" if ended != "completed" else "", scenario="faults",
                   engine="process", seed=100, checks=[
                       Check(name=n, verdict=checks.get(n, "held"), summary=f"{n} says so") for n in ORDER])


@pytest.mark.parametrize(("given", "word", "why"), [
    (verdict("held"), "held", ""),
    (verdict("broken", revocation="broken"), "broken", "revocation: revocation says so"),
    (verdict("unknown", fault_proof="unknown"), "unknown", "fault_proof: fault_proof says so"),
    (verdict("unknown", "rolled_back", revocation="unknown"), "rolled back", "the copy failed"),
    (verdict("held", "rolled_back"), "rolled back", "the copy failed"),
    (verdict("broken", "rolled_back", revocation="broken"), "broken", "revocation: revocation says so"),
    (verdict("unknown", "rolled_back", rollback="unknown"), "unknown", "rollback: rollback says so"),
    (verdict("held", "failed"), "unknown", "the copy failed"),
    (None, "none", "the run left no verdict"),
])
def test_a_way_back_counts_if_blue_was_proven_well(given: Verdict | None, word: str, why: str) -> None:
    assert word_of(given) == (word, why)


def test_the_matrix_shows_what_did_not_hold_and_counts() -> None:
    asked = [cell for cell in all_cells() if cell.kind in ("down", "wrong_secret") and cell.phase in ("copy", "soak")]
    known = [seen(), seen("down", "soak", "broken", alone=True, effect_s=0.03),
             seen("wrong_secret", "soak", proven=False)]
    text = shown(asked, known)
    assert "down          ✓     ✗" in text and "not proven" in text
    assert "3 cells, 2 proven: 2 held, 0 rolled back, 1 broken, 0 unknown" in text
    assert "p50 10 ms, at most 30 ms" in text
    told = figures(known)
    assert not told["met"] and figures(known[:2])["met"] and not figures([])["met"]
