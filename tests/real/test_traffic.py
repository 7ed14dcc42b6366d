"""Traffic against a real Hydra 1.11.10 behind the real edge: nothing goes wrong by itself."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from services_rig import BlueGreen, blue_green
from small_population import addresses, populate

from sim import clock
from sim.clock import LiveEnvironment
from sim.history.history import Call, History
from sim.history.journal import Journal
from sim.phases import Phases
from sim.rigs.real.sender import Sender
from sim.scenario import Scenario
from sim.traffic.intents import Held
from sim.traffic.plan import make_plan
from sim.traffic.play import Traffic

pytestmark = pytest.mark.real

STEPS_S = 5.0
RUNBOOK = [{"kind": "baseline"}, {"kind": "copy"}, {"kind": "cutover"}]


@pytest.fixture(scope="module")
def rig() -> Any:
    with blue_green() as started:
        yield started


@pytest.fixture(scope="module")
def played(rig: BlueGreen, tmp_path_factory: pytest.TempPathFactory) -> tuple[History, Traffic]:
    """15 s of traffic in which copy and switch are marked; the stack behind stays blue."""
    path: Path = tmp_path_factory.mktemp("traffic") / "history.jsonl"

    async def main() -> Traffic:
        async with Sender(addresses(rig)) as sender:
            made = await populate(rig, sender, people=130)
            scenario = Scenario.model_validate({"slug": "traffic", "title": "t", "asks": "a", "seed": 7,
                                                "runbook": RUNBOOK, "traffic": {"rate": "120/s"}})
            plan = make_plan(scenario, made, horizon_s=60.0)  # type: ignore[arg-type]
            env = LiveEnvironment()
            phases = Phases(env)
            journal = Journal(path, scenario="traffic", seed=7, engine="process")
            traffic = Traffic(env, plan, made, made, sender, journal, phases, scenario)  # type: ignore[arg-type]

            def body() -> Any:
                traffic.start()
                phases.mark("baseline")
                yield env.timeout(STEPS_S)
                for anchor in ("copy", "snapshot"):
                    phases.mark(anchor)
                yield env.timeout(STEPS_S)
                phases.mark("cutover")
                yield env.timeout(0.5)
                phases.mark("switch")
                yield env.timeout(STEPS_S)
                yield traffic.stop()

            await env.run_live(env.process(body()))
            assert journal.open_ops() == [] and env.in_flight == 0
            journal.close()
            return traffic

    traffic = clock.run(main())
    return History.load(path), traffic


def calls(history: History, f: str) -> list[Call]:
    return [call for call in history.calls() if call.begun.f == f]


def test_every_operation_has_its_one_completion_and_none_failed_by_itself(
        played: tuple[History, Traffic]) -> None:
    history, traffic = played
    everything = list(history.calls())
    assert len(everything) > 600 and all(call.done is not None for call in everything)
    assert len({op.of for op in history.ops if op.of is not None}) == len(everything)
    wrong = Counter((c.begun.f, c.done.type, c.done.error) for c in everything if c.done and c.done.type != "ok"
                    and not (c.begun.f == "code" and "revoked-code" in c.begun.process))
    assert not wrong
    assert traffic.unsent == 0 and traffic.sent == sum(c.begun.f != "id_token" for c in everything)


def test_every_kind_of_operation_came(played: tuple[History, Traffic]) -> None:
    history, _ = played
    assert {call.begun.f for call in history.calls()} >= {
        "introspect", "refresh", "authorize", "code", "client_credentials", "revoke", "authz", "discovery", "jwks",
        "id_token", "logout"}
    kinds = {call.begun.value["kind"] for call in calls(history, "revoke") if call.begun.value}
    assert kinds == {"access", "refresh", "consent", "subject", "login"}


def test_live_tokens_are_active_with_their_subject_and_revoked_ones_are_not(
        played: tuple[History, Traffic]) -> None:
    history, _ = played
    revoked_at = {grant: call.done.i for call in calls(history, "revoke") if call.done and call.done.value
                  for grant in call.done.value["grants"]}
    seen = Counter()
    for call in calls(history, "introspect"):
        assert call.done and call.done.value and call.begun.grant
        gone = revoked_at.get(call.begun.grant)
        if gone is not None and call.begun.i > gone:
            assert not call.done.value["active"], call
            seen["revoked"] += 1
        elif call.done.value["active"]:
            assert call.done.value["sub_ok"], call
            seen["good"] += 1
    assert seen["revoked"] > 50 and seen["good"] > 200


def test_nobody_uses_a_grant_after_its_revocation_or_anothers_chain(played: tuple[History, Traffic]) -> None:
    history, _ = played
    owners: dict[str, set[str]] = {}
    gone: set[str] = set()
    for call in history.calls():
        if call.begun.f == "refresh" and call.begun.grant:
            owners.setdefault(call.begun.grant, set()).add(call.begun.process)
    for op in history.ops:
        if op.f == "revoke" and op.type == "ok" and op.value:
            gone.update(op.value["grants"])
        assert not (op.f == "refresh" and op.type == "invoke" and op.grant in gone)
    assert max(len(owner) for owner in owners.values()) == 1


def test_logins_and_codes_were_under_way_across_the_switch(played: tuple[History, Traffic]) -> None:
    history, traffic = played
    held = {item.actor: item for item in traffic._plan.cohorts if isinstance(item, Held)}
    began_s = ((traffic._env._origin_ns or 0) - traffic.acts._journal.origin_ns) / 1e9  # on the history's clock
    switch_s = traffic._phases.times_s["switch"] + began_s
    across = [call for call in calls(history, "authorize") if call.begun.process in held
              and held[call.begun.process].kind == "login"]
    assert across and all(call.done and call.begun.t_s < switch_s < call.done.t_s for call in across)
    late = [call for call in calls(history, "code") if call.begun.process in held
            and held[call.begun.process].kind == "code"]
    assert late and all(call.done and call.done.type == "ok" and call.begun.t_s > switch_s for call in late)
    refused = [call for call in calls(history, "code") if "revoked-code" in call.begun.process]
    assert refused and all(call.done and call.done.type == "fail" for call in refused)


def test_names_hashes_and_nothing_secret_in_the_history(played: tuple[History, Traffic]) -> None:
    history, traffic = played
    text = "\n".join(str(op) for op in history.ops)
    made = [chain for chain in traffic.ledger.chains.values() if chain.index is None]
    assert made and all(chain.name.startswith("n-") for chain in made)
    secrets = [token for chain in traffic.ledger.chains.values() for token in chain.refresh.values()]
    assert len(secrets) > 50 and not any(token in text for token in secrets)
    assert not any(chain.subject in text for chain in traffic.ledger.chains.values())
    assert set(traffic.ledger.signatures().values()) <= {chain.name for chain in made}
