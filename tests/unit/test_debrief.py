"""The debrief: acts, injections, and who noticed what when."""

from __future__ import annotations

import math

from builders import Tale

from sim.report.debrief import debrief, recovery
from sim.scenario import Scenario, load_scenario
from sim.scenario.model import GameDay


def scenario(*, noticed_in: str = "60s") -> Scenario:
    card = [{"name": "queue-gone", "fault": "down", "noticed_in": noticed_in, "hope": "hold the cutover"}]
    return load_scenario("10").model_copy(update={"gameday": GameDay(roles={"lead": "decides"}, goals=["notice it"],
                                                                     card=card)})


def injected(tale: Tale, name: str = "queue-gone") -> None:
    i = tale.begin("nemesis", "fault", name=name, fault="down", link="edge->queue")
    tale.end(i, route=None, name=name, proven=True)


def test_a_run_without_acts_and_game_day_has_none() -> None:
    tale = Tale()
    injected(tale)
    tale.note("harness", "note", text="the tool's own words", level="warn")
    assert debrief(tale.history(), load_scenario("10")) is None


def test_the_first_note_that_names_the_injection_notices_it() -> None:
    tale = Tale()
    injected(tale)
    tale.wait(20)
    tale.note("harness", "note", text="slow coffee", level="info", who="scribe")
    tale.wait(20)
    tale.note("harness", "note", text="captures fail: #queue-gone", level="info", who="lead")
    i = tale.begin("nemesis", "heal", name="queue-gone")
    tale.end(i, route=None, name="queue-gone")
    found = debrief(tale.history(), scenario())
    assert found is not None
    one = found.injections[0]
    assert "lead" in one.noticed and one.after_s is not None and 40 < one.after_s < 41
    assert one.in_time is True and one.hope == "hold the cutover" and one.healed != "not healed"
    late = debrief(tale.history(), scenario(noticed_in="30s"))
    assert late is not None and late.injections[0].in_time is False
    assert [a.who for a in found.acts] == ["scribe", "lead"] and found.roles == [("lead", "decides")]


def test_a_tag_notices_too_and_an_act_that_names_nothing_does_not() -> None:
    tale = Tale()
    injected(tale)
    tale.wait(5)
    i = tale.begin("operator", "pause", who="operator")
    tale.end(i, route=None, told="paused")
    found = debrief(tale.history(), scenario())
    assert found is not None and found.injections[0].after_s is None
    assert "nobody named it" in found.injections[0].noticed and "operator's pause" in found.injections[0].noticed
    tale.note("harness", "note", text="there it is", level="info", who="lead", injection="queue-gone")
    found = debrief(tale.history(), scenario())
    assert found is not None and found.injections[0].after_s is not None


def test_gates_and_refused_commands_are_told() -> None:
    tale = Tale()
    i = tale.begin("runbook", "gate", step="cutover", ask="go?")
    tale.end(i, route=None, decision="go", who="lead", reason="all green")
    i = tale.begin("operator", "abort", who="operator")
    tale.end(i, "fail", route=None, told="there is no way back any more")
    found = debrief(tale.history(), load_scenario("10"))
    assert found is not None
    assert [a.text for a in found.acts] == ["go for cutover: all green", "there is no way back any more (refused)"]


def test_the_injector_s_own_commands_and_common_words_notice_nothing() -> None:
    tale = Tale()
    i = tale.begin("operator", "inject", who="facilitator", fault="down", name="last")
    injected(tale, "last")
    tale.end(i, route=None, told="last: down on edge->queue")
    tale.note("harness", "note", text="the last step was slow", level="info", who="scribe")
    i = tale.begin("operator", "ask_heal", who="facilitator", name="last")
    tale.end(i, route=None, told="healed: #last")
    found = debrief(tale.history(), load_scenario("10"))
    assert found is not None and found.injections[0].after_s is None
    assert [a.what for a in found.acts] == ["inject", "note", "heal"]
    tale.note("harness", "note", text="#last is the queue", level="info", who="scribe")
    found = debrief(tale.history(), load_scenario("10"))
    assert found is not None and found.injections[0].after_s is not None


def test_well_again_is_five_seconds_without_a_failed_call() -> None:
    refused = [1.0, 10.0, 11.0, 14.0, 30.0]
    assert recovery(refused, 9.5, 12.0) == (3, 14.0)
    assert recovery(refused, 2.0, 12.0) == (3, 14.0), "what it breaks later than at once counts too"
    assert recovery(refused, 20.0, 22.0) == (0, 20.0)
    assert recovery(refused, 9.5, math.inf) == (4, 30.0)
    assert recovery([], 3.0, 4.0) == (0, 3.0)
