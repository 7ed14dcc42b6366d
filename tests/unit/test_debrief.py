"""The debrief: acts, injections, who noticed what when, since when all was well; on the page and as text."""

from __future__ import annotations

from pathlib import Path

from builders import Tale

from sim.checks.judge import judge
from sim.report.debrief import Debrief, debrief
from sim.report.debrief_text import WIDTH, debrief_lines
from sim.report.files import write_reports
from sim.scenario import Scenario, load_scenario
from sim.scenario.gameday import GameDay, Surprise

CARD = {"name": "queue-gone", "fault": "down", "link": "edge->queue", "at": "copy", "hope": "hold the cutover",
        "guard": "availability.shed"}


def scenario(*, noticed_in: str = "60s") -> Scenario:
    card = [Surprise.model_validate({**CARD, "noticed_in": noticed_in})]
    return load_scenario("10").model_copy(update={"gameday": GameDay(roles={"lead": "decides"}, goals=["notice it"],
                                                                     card=card)})


def seconds(tale: Tale, n: int, *, shed: bool = False) -> None:
    """So many seconds with ten calls each; in a bad one a revocation is shed."""
    for _ in range(n):
        begun_s = tale.now_s
        for _ in range(10):
            tale.end(tale.begin("rs-1", "introspect"), active=True)
        if shed:
            tale.end(tale.begin("web-1", "revoke"), "fail", status=503, shed=True)
        tale.now_s = begun_s + 1.0


def day() -> Tale:
    """A baseline, a surprise that costs six seconds of revocations, and a calm end."""
    tale = Tale()
    i = tale.begin("runbook", "step", step="baseline", kind="baseline")
    seconds(tale, 5)
    tale.end(i, route=None, step="baseline")
    i = tale.begin("nemesis", "fault", name="queue-gone", fault="down", link="edge->queue", surprise=True)
    tale.note("nemesis", "made", name="queue-gone", surprise=True)
    tale.end(i, route=None, name="queue-gone", proven=True, surprise=True)
    seconds(tale, 3, shed=True)
    tale.note("harness", "note", text="revocations get 503", level="info", who="kim", role="scribe", tag="now")
    seconds(tale, 3, shed=True)
    tale.end(tale.begin("nemesis", "heal", name="queue-gone", surprise=True), route=None, name="queue-gone")
    seconds(tale, 8)
    tale.note("harness", "note", text="Action: watch 503s of revocations", level="info", who="kim", role="scribe")
    return tale.ended()


def sheet(tale: Tale, of: Scenario) -> Debrief:
    found = debrief(tale.history(), of, judge(tale.history(), of))
    assert found is not None
    return found


def test_a_run_without_acts_and_game_day_has_none() -> None:
    tale = Tale()
    tale.begin("nemesis", "fault", name="slow", fault="down", link="edge->queue")
    tale.note("harness", "note", text="the tool's own words", level="warn")
    assert debrief(tale.history(), load_scenario("10")) is None


def test_a_surprise_is_noticed_and_overcome() -> None:
    one = sheet(day(), scenario()).injections[0]
    assert one.surprise and one.what == "down on edge->queue" and one.hope == "hold the cutover"
    assert one.after_s is not None and 2.5 < one.after_s < 4 and one.in_time is True
    assert "by kim (scribe): revocations get 503" in one.noticed
    assert one.broke == 6 and one.recovered_s is not None and 5 < one.recovered_s < 8
    assert "shed 1 at worst" in one.recovered
    assert sheet(day(), scenario(noticed_in="2s")).injections[0].in_time is False


def test_the_guard_decides_what_recovered_means() -> None:
    other = scenario()
    assert other.gameday is not None
    other.gameday.card[0] = Surprise.model_validate({**CARD, "guard": "availability.failed_share"})
    assert sheet(day(), other).injections[0].recovered == "share failed never left its baseline"


def test_what_was_not_seen_well_is_said_and_asked_about() -> None:
    tale = day()
    tale.ops = [op for op in tale.ops if op.t_s < 9 and op.f != "note"]
    found = sheet(tale, scenario())
    one = found.injections[0]
    assert one.noticed == "not noticed" and one.after_s is None and one.in_time is None and one.healed == "not healed"
    assert one.recovered.startswith("not recovered") and one.recovered_s is None
    assert [q.partition(":")[0] for q in found.questions] == [
        "queue-gone was not noticed", "queue-gone was not over when the day ended"]


def test_without_a_baseline_nothing_is_said_of_recovery() -> None:
    tale = day()
    tale.ops = [op for op in tale.ops if op.f != "step"]
    tale.ops = [op for op in tale.ops if op.of is None or op.of in {o.i for o in tale.ops}]
    assert "no baseline" in sheet(tale, scenario()).injections[0].recovered


def test_the_timeline_tells_all_in_order_and_items_are_collected() -> None:
    found = sheet(day(), scenario())
    assert [(line.what, line.about) for line in found.timeline] == [
        ("step", ""), ("surprise", "queue-gone"), ("note", "queue-gone"), ("well", "queue-gone"),
        ("healed", "queue-gone"), ("note", "")], "well again by the second in which it was healed"
    assert found.actions == ["watch 503s of revocations"] and found.questions == []
    assert found.roles == [("lead", "decides"), ("facilitator", "injects")] and found.goals == ["notice it"]
    assert all(word in ("broken", "unknown") for _, word, _ in found.broke) and found.broke


def test_an_act_nobody_tied_to_it_is_named_and_notices_nothing() -> None:
    tale = Tale()
    i = tale.begin("nemesis", "fault", name="last", fault="down", link="edge->queue", by="li")
    tale.end(i, route=None, name="last", proven=True)
    tale.end(tale.begin("operator", "pause", who="kim"), route=None, told="paused")
    tale.end(tale.begin("operator", "abort", who="kim"), "fail", route=None, told="there is no way back any more")
    found = sheet(tale, load_scenario("10"))
    assert not found.gameday and not found.injections[0].surprise
    assert "nobody tagged it; the first act after it was kim's pause" in found.injections[0].noticed
    assert [line.text for line in found.timeline if line.who == "kim"] == [
        "paused", "there is no way back any more (refused)"]


def test_as_text_it_is_narrow_and_stands_in_the_report(tmp_path: Path) -> None:
    tale = day()
    lines = debrief_lines(sheet(tale, scenario()))
    assert all(len(line) <= WIDTH for line in lines), [line for line in lines if len(line) > WIDTH]
    _, text = write_reports(tmp_path, tale.history(), scenario())
    assert "DEBRIEF" in text and "revocations get 503 [queue-gone]" in " ".join(text.split())
    assert text.index("CHECKS") < text.index("DEBRIEF") < text.index("NOT SHOWN")
    assert text.splitlines()[-1].startswith("NEXT"), "the last line says what next"
    page = (tmp_path / "report.html").read_text()
    assert "Debrief" in page and "surprise: down on edge-&gt;queue" in page and "watch 503s of revocations" in page
    _, plain = write_reports(tmp_path, tale.history(), load_scenario("10"))
    assert "DEBRIEF" not in plain


def test_what_looks_like_a_credential_is_masked_in_it(tmp_path: Path) -> None:
    tale = day()
    tale.note("harness", "note", text="#queue-gone token=ory_at_abcdef.ghij", level="info", who="ann")
    found = sheet(tale, scenario())
    assert "ory_at" not in str(found) and "***" in str(found)
