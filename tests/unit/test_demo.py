"""The recording that ships: small, judged alike again, and without a secret."""

import lzma

import msgspec

from sim.checks.judge import judge
from sim.checks.verdict import from_json, to_json
from sim.history.history import History
from sim.paths import data
from sim.scenario import load_scenario

DEMO = data("scenarios", "demo")


def test_the_demo_is_small_and_judged_alike_again():
    packed = (DEMO / "history.jsonl.xz").read_bytes()
    assert len(packed) <= 1_000_000
    raw = lzma.decompress(packed)
    scenario = load_scenario(str(DEMO / "scenario.yaml"))
    verdict = judge(History.parse(raw), scenario)
    assert to_json(verdict) == to_json(from_json((DEMO / "verdict.json").read_bytes()))
    assert scenario.meets(msgspec.to_builtins(verdict))[0]
    assert b"ory_rt_" not in raw and b"ory_at_" not in raw and b"refresh_token=" not in raw
