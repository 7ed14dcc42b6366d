"""The drawn schedule: one seed one schedule, never two faults on one link, each inside its phase."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.cli.app import call
from sim.errors import BadInput
from sim.faults.drawing import LONGEST_S, draw, with_drawn
from sim.refusing import refuse_unable
from sim.scenario import BadScenario, Scenario, load_scenario, load_text, resolved
from sim.scenario.faults import Anchor, Draw, Fault
from sim.scenario.kinds import CATALOGUE, unfit
from sim.scenario.links import known_links, known_parts

TEN = load_scenario("10")
LINKS, PARTS = known_links(), known_parts()


def planned(**keys: Any) -> Scenario:
    return TEN.model_copy(update={"nemesis": Draw.model_validate(keys)})


def touched(fault: Fault) -> set[str]:
    def ends(link: str) -> list[str]:
        return link.partition(":")[0].split("->")

    return {link for link in LINKS if link == fault.link or fault.part in ends(link)}


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**31), budget=st.integers(1, 30),
       kinds=st.lists(st.sampled_from(list(CATALOGUE)), min_size=1, max_size=6, unique=True),
       phases=st.lists(st.sampled_from([s.name for s in TEN.runbook]), min_size=1, max_size=5, unique=True))
def test_every_drawn_schedule_keeps_the_rules(seed: int, budget: int, kinds: list[str], phases: list[str]) -> None:
    scenario = planned(budget=budget, kinds=kinds, phases=phases)
    faults = draw(scenario, seed, LINKS, PARTS)
    assert faults == draw(scenario, seed, LINKS, PARTS), "a pure function"
    assert len(faults) <= budget and {f.fault for f in faults} <= set(kinds)
    for fault in faults:
        assert isinstance(fault.at, Anchor) and fault.at.step in phases
        length_s = scenario.step(fault.at.step).least_s  # type: ignore[union-attr]
        if CATALOGUE[fault.fault].lasts and PARTS.get(fault.part or "") != "job":
            assert str(fault.until) == f"{fault.at.step}.end"
            assert fault.for_ is not None and fault.for_ > 0
            assert not length_s or fault.at.offset_s + fault.for_ <= length_s + 0.11, "its time is inside its phase"
        assert fault.at.offset_s <= length_s
        assert fault.link in LINKS if fault.link else unfit(fault.fault, fault.part or "", PARTS) is None
    for n, one in enumerate(faults):
        for other in faults[n + 1:]:
            if one.at.step == other.at.step and touched(one) & touched(other):  # type: ignore[union-attr]
                (first, second) = sorted((one, other), key=lambda f: f.at.offset_s)  # type: ignore[union-attr]
                lasts_s = first.for_ if first.for_ is not None else LONGEST_S
                assert first.at.offset_s + lasts_s <= second.at.offset_s, (first, second)  # type: ignore[union-attr]


def test_another_seed_another_schedule_and_the_written_faults_are_kept_clear_of() -> None:
    assert draw(planned(), 1, LINKS, PARTS) != draw(planned(), 2, LINKS, PARTS)
    busy = [Fault.model_validate({"name": f"w{n}", "fault": "down", "link": link, "at": "copy", "for": "1h"})
            for n, link in enumerate(LINKS)]
    scenario = planned(phases=["copy"]).model_copy(update={"faults": busy})
    assert draw(scenario, 1, LINKS, PARTS) == [], "nothing fits beside them"


def test_green_s_hydra_is_left_alone_before_it_runs() -> None:
    for seed in range(40):
        for fault in draw(planned(budget=20, phases=["copy", "migrate"]), seed, LINKS, PARTS):
            assert "green-hydra" not in (fault.link or fault.part or "")


def test_the_run_folder_s_copy_has_them_among_its_faults() -> None:
    scenario = planned(budget=3)
    copy = load_text(resolved(with_drawn(scenario, 7), seed=7))
    assert copy.nemesis is None
    assert [f.name for f in copy.faults] == ["drawn-1", "drawn-2", "drawn-3"]
    assert copy.faults == draw(scenario, 7, LINKS, PARTS)
    own = planned(budget=3, seed=8)
    assert with_drawn(own, 7).faults == draw(own, 8, LINKS, PARTS), "its own seed counts more than the run's"


def test_dry_shows_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("format: 1\nextends: 10\npopulation: {grants: 100}\nnemesis: {seed: 3, budget: 2, kinds: [down]}\n")
    assert call(["run", str(mine), "--dry", "--run-dir", str(tmp_path / "run")]) == 0
    out = capsys.readouterr().out
    for fault in draw(load_scenario(mine), 3, LINKS, PARTS):
        assert f"down on {fault.link}" in out and f"({fault.name} for " in out
    assert "drawn-2" in (tmp_path / "run" / "scenario.yaml").read_text()
    json.loads((tmp_path / "run" / "plan.jsonl").read_text().splitlines()[0])


@pytest.mark.parametrize(("line", "why"), [
    ("nemesis: {phases: [migrat]}", "did you mean migrate?"),
    ("nemesis: {kinds: [dwn]}", "did you mean down?"),
    ("nemesis: {budget: 0}", "at least 1"),
    ("faults: [{name: a, fault: kill, part: edg, at: copy}]", "did you mean edge?"),
    ("faults: [{name: a, fault: full, part: edge, at: copy}]", "it can on queue"),
    ("faults: [{name: a, fault: fsync, part: edge, delay: 50ms, at: copy}]", "it can on blue-postgres, green-postgres"),
    ("faults: [{name: a, fault: fsync, part: blue-postgres, at: copy}]", "needs `delay`"),
    ("faults: [{name: a, fault: fsync, part: blue-postgres, delay: 101ms, at: copy}]",
     "`delay` of the fault `fsync` is 1ms to 100ms"),
    ("faults: [{name: a, fault: fsync, part: blue-postgres, delay: 0s, at: copy}]", "is 1ms to 100ms"),
    ("faults: [{name: a, fault: fsync, part: blue-postgres, delay: 50ms, latency: 1s, at: copy}]", "takes delay"),
    ("faults: [{name: a, fault: disk, part: green-postgres, size: 100MiB, at: copy}]", "is at least 256MiB"),
    ("faults: [{name: a, fault: twice, part: copier, at: copy}]", "it can on migrator"),
    ("faults: [{name: a, fault: kill, part: toxiproxy, at: copy}]", "the stack has no part `toxiproxy`"),
    ("faults: [{name: a, fault: partition, part: edge, from: copier, at: copy}]", "no link leads between"),
    ("faults: [{name: a, fault: restart, part: edge, at: copy, for: 3s}]", "over at once"),
    ("faults: [{name: a, fault: down, link: edge->queue, at: copy, until: by hand}]", "`by hand` is no instant"),
    ("faults: [{name: a, fault: down, link: edge->queue, at: copy, until: migrat.end}]", "did you mean migrate?"),
    ("faults: [{name: a, fault: kill, part: edge, link: edge->queue, at: copy}]", "on a part, not on a link"),
    ("faults: [{name: a, fault: kill, part: replayer, message: 1, at: replay + 1s}]", "the replayer works by then"),
    ("faults: [{name: a, fault: kill, part: replayer, message: 1, at: soak}]", "the replayer works by then"),
    ("faults: [{name: a, fault: kill, part: replayer, message: 1, at: nowhere}]", "no step `nowhere`"),
    ("remove: [replay]\nfaults: [{name: a, fault: kill, part: replayer, message: 1, at: copy}]", "nothing is replayed"),
    ("faults: [{name: a, fault: kill, part: authz, after: forward, at: copy}]", "on `edge`, not on `authz`"),
])
def test_what_can_not_be_is_refused_in_words(line: str, why: str) -> None:
    with pytest.raises(BadScenario) as told:
        load_text(f"format: 1\nextends: 10\n{line}\n")
    assert why in str(told.value)


@pytest.mark.parametrize("line", [
    "faults: [{name: a, fault: kill, part: edge, after: intent, at: copy, for: 1s}]",
    "stack: {edge: {instances: 2}}\nfaults: [{name: a, fault: kill, part: edge-2, after: forward, at: by hand}]",
    *(f"faults: [{{name: a, fault: kill, part: replayer, message: 0, at: {at}}}]"
      for at in ("replay", "cutover.end", "cutover + 1s", "switch", "by hand")),
])
def test_a_kill_may_wait_for_its_point(line: str) -> None:
    (fault,) = load_text(f"format: 1\nextends: 10\n{line}\n").faults
    assert fault.waits


def test_what_an_engine_can_not_do_is_refused_by_name_before_anything_is_started() -> None:
    scenario = load_text("format: 1\nextends: 10\nfaults: [{name: a, fault: cpu, part: edge, cpu: 10%, at: copy}]\n")
    refuse_unable(scenario, "docker")
    with pytest.raises(BadInput, match="the process engine can't make the fault `cpu`"):
        refuse_unable(scenario, "process")
    scenario = load_text("format: 1\nextends: 10\nfaults: [{name: a, fault: disk, part: blue-postgres, at: copy}]\n")
    with pytest.raises(BadInput, match="this machine's own disk, and that is never filled"):
        refuse_unable(scenario, "process")


def test_a_drawn_schedule_is_one_that_the_file_may_write() -> None:
    """Whatever is drawn loads again: links of one shared database only where there is one."""
    for seed in range(12):
        drawn = with_drawn(planned(budget=12, phases=["copy", "migrate", "soak"]), seed)
        assert load_text(resolved(drawn, seed=seed)).faults == drawn.faults
