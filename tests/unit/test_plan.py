"""The plan: the same bytes in every process, the mix that was asked for, nothing shared."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import msgspec
import pytest

from sim.paths import PROJECT
from sim.scenario import Scenario
from sim.traffic.intents import Asks, Held, Revocation, Service, Session, Visit
from sim.traffic.plan import EARLY, STAY_S, Plan, make_plan, refreshes, session_share
from sim.traffic.population import Population

RUNBOOK = [{"kind": kind} for kind in
           ("baseline", "lifetime", "capture", "copy", "cleanup", "migrate", "repair", "cutover", "replay", "soak")]
HORIZON_S = 200.0


def scenario(**changes: object) -> Scenario:
    return Scenario.model_validate({"slug": "plan", "title": "t", "asks": "a", "seed": 10, "runbook": RUNBOOK,
                                    **changes})


@cache
def population() -> Population:
    return Population.draw(10, 6000, {"web": 10, "cli": 5, "mcp": 5, "service": 5})


@cache
def plan() -> Plan:
    return make_plan(scenario(), population(), horizon_s=HORIZON_S)


PROGRAM = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path("tests/unit").resolve()))
import importlib.util
spec = importlib.util.spec_from_file_location("plans", "tests/unit/test_plan.py")
plans = importlib.util.module_from_spec(spec)
spec.loader.exec_module(plans)
plans.make_plan(plans.scenario(), plans.population(), horizon_s=40.0).write(Path(sys.argv[1]))
"""


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    digests = set()
    for hash_seed in ("0", "4711"):
        path = tmp_path / f"plan-{hash_seed}.jsonl"
        subprocess.run([sys.executable, "-c", PROGRAM, str(path)], cwd=PROJECT, check=True,
                       env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(PROJECT)})
        digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
        assert path.stat().st_mode & 0o777 == 0o600
    assert len(digests) == 1


def test_another_seed_is_another_plan() -> None:
    assert make_plan(scenario(), population(), seed=11, horizon_s=20.0).items != \
        make_plan(scenario(), population(), seed=10, horizon_s=20.0).items


def test_without_a_seed_there_is_no_plan() -> None:
    with pytest.raises(ValueError, match="seed"):
        make_plan(scenario(seed=None), population())


def test_the_mix_is_met_by_count() -> None:
    items = plan().items
    least = 146 * HORIZON_S  # it begins at the trough
    asked = sum(len(item.at_ms) for item in items if isinstance(item, Asks))
    services = sum(isinstance(item, Service) for item in items)
    visits = sum(isinstance(item, Visit) for item in items)
    revocations = sum(isinstance(item, Revocation) for item in items)
    everything = asked / 0.83
    assert everything > least
    assert services == pytest.approx(0.04 * everything, rel=0.15)
    assert visits == pytest.approx(0.02 * everything, rel=0.2)
    assert revocations == pytest.approx(0.03 * everything, rel=0.15)


def test_sessions_make_the_mixs_refreshes() -> None:
    share = session_share({"refresh": 0.08}, 20.0)
    every_s = 20.0 * sum(weight * sum(EARLY[name]) / 2 for name, weight in
                         (("web", 0.4), ("cli", 0.35), ("mcp", 0.25)))
    assert share * (1 + refreshes(STAY_S, every_s)) == pytest.approx(0.08)
    raised = 1 + refreshes(STAY_S, every_s * 6)
    assert raised < 0.5 * (1 + refreshes(STAY_S, every_s)), "raising the lifetime must show"
    assert session_share({"refresh": 0.001, "authorize": 0.5}, 20.0) == 0.0


def test_refreshes_are_what_their_formula_says() -> None:
    from random import Random

    random = Random(1)
    drawn = sum(int(random.expovariate(1 / 60) // 15) for _ in range(40_000)) / 40_000
    assert refreshes(60, 15) == pytest.approx(drawn, rel=0.02)


def test_no_two_actors_use_one_chain_and_the_untouched_stay_so() -> None:
    used: Counter[int] = Counter()
    for item in (*plan().items, *plan().cohorts):
        if isinstance(item, Session):
            used[item.n] += 1
        elif isinstance(item, Revocation) and item.n is not None:
            used.update([item.n, *item.others])
    assert max(used.values()) == 1
    assert plan().good and not set(plan().good) & set(used)
    people = {item.person for item in (*plan().items, *plan().cohorts) if isinstance(item, Visit | Held)}
    grants = population().grants
    assert not {grants[n].subject for n in people} & {grants[n].subject for n in (*used, *plan().good)}


def test_all_of_a_subject_is_all_of_it() -> None:
    grants = population().grants
    consented: dict[str, set[int]] = {}
    for n, grant in enumerate(grants):
        if grant.state != "abandoned":  # an expired grant's consent goes too
            consented.setdefault(grant.subject, set()).add(n)
    seen = 0
    for item in plan().items:
        if isinstance(item, Revocation) and item.how == "subject" and item.n is not None:
            assert {item.n, *item.others} == consented[grants[item.n].subject]
            seen += 1
    assert seen > 10


def test_cohorts_have_every_kind_between_snapshot_and_cutover() -> None:
    cohorts = plan().cohorts
    before = {(c.how, min(c.rotate, 1)) for c in cohorts if isinstance(c, Revocation) and c.anchor == "snapshot"}
    assert before >= {("refresh", 0), ("refresh", 1), ("access", 1), ("consent", 0), ("consent", 1), ("subject", 0),
                      ("subject", 1), ("login", 0)}
    assert any(isinstance(c, Revocation) and c.rotate == 2 for c in cohorts), "no older generation in the copy"
    after = {c.how for c in cohorts if isinstance(c, Revocation) and c.anchor == "switch"}
    assert after == {"refresh", "access", "consent", "subject", "login"}
    across = [c for c in cohorts if isinstance(c, Revocation) and c.until]
    assert across and all((c.anchor, c.until, c.rotate) == ("repair", "switch", 1) for c in across), \
        "no chain that only blue has rotated is taken back on green"
    held = Counter(c.kind for c in cohorts if isinstance(c, Held))
    assert held["login"] and held["code"] and held["revoked_code"]
    steps = {step["kind"] for step in RUNBOOK}
    known = {"snapshot", "switch", *steps, *(f"{step}.end" for step in steps)}
    assert all(c.anchor in known for c in cohorts)


def test_without_copy_and_cutover_there_are_no_cohorts() -> None:
    assert make_plan(scenario(runbook=[{"kind": "baseline"}]), population(), horizon_s=5.0).cohorts == []


def test_a_plan_holds_no_token_and_nobodys_name(tmp_path: Path) -> None:
    path = tmp_path / "plan.jsonl"
    plan().write(path)
    text = path.read_text()
    grants = population().grants
    assert not any(grants[n].subject in text for n in range(0, len(grants), 97))
    lines = text.splitlines()
    header = msgspec.json.decode(lines[0])
    assert len(lines) == 1 + header["items"] + header["cohorts"]
    assert [item.due_s for item in plan().items] == sorted(item.due_s for item in plan().items)
