"""Noticing, on histories written by hand: which act was the first about which injection."""

from __future__ import annotations

import pytest
from builders import Tale
from hypothesis import given
from hypothesis import strategies as st

from sim.history.op import Op
from sim.report.noticing import FALSE_ALARM, Noticing, names


class Day(Tale):
    """A tale of a game day."""

    def make(self, name: str, *, surprise: bool = True, by: str = "") -> int:
        i = self.begin("nemesis", "fault", name=name, fault="down", link="edge->queue",
                       **({"surprise": True} if surprise else {}), **({"by": by} if by else {}))
        self.note("nemesis", "made", name=name, effect_s=0.01)
        return self.end(i, route=None, name=name, proven=True)

    def heal(self, name: str) -> None:
        self.end(self.begin("nemesis", "heal", name=name), route=None, name=name)

    def say(self, text: str, who: str = "kim", **more: str) -> int:
        return self.note("harness", "note", text=text, level="info", who=who, **more)

    def command(self, verb: str, type: str = "ok", **value: str) -> int:
        i = self.begin("operator", verb, **value)
        self.end(i, type, route=None, told="done")
        return i

    def retag(self, of: int, injection: str, type: str = "ok") -> None:
        self.end(self.begin("operator", "tag", who="li", role="facilitator", of=of, injection=injection),
                 type, route=None, told="")

    def read(self) -> Noticing:
        noticing = Noticing()
        for op in self.ops:
            noticing.feed(op)
        return noticing


def text_of(noticing: Noticing, name: str) -> str:
    act = noticing.noticed(name)
    return "" if act is None else act.text


def test_a_note_about_what_is_wrong_now_notices_the_surprise_that_is_on() -> None:
    day = Day()
    day.make("first")
    day.say("nice weather")
    day.say("captures fail", tag="now")
    day.heal("first")
    day.make("second")
    day.say("the queue again", tag="now")
    noticing = day.read()
    assert text_of(noticing, "first") == "captures fail" and text_of(noticing, "second") == "the queue again"


def test_of_several_it_is_the_one_made_last_and_after_all_the_one_healed_last() -> None:
    day = Day()
    day.make("long")
    day.make("short")
    a = day.say("something", tag="now")
    day.heal("short")
    b = day.say("still something", tag="now")
    day.heal("long")
    c = day.say("that was bad", tag="now")
    noticing = day.read()
    about = {act.i: noticing.about(act) for act in noticing.acts}
    assert about == {a: "short", b: "long", c: "long"}


def test_before_anything_was_made_it_is_a_false_alarm() -> None:
    day = Day()
    day.make("planned", surprise=False)
    day.say("it burns", tag="now")
    day.make("real")
    noticing = day.read()
    assert [a.text for a in noticing.false_alarms()] == ["it burns"]
    assert noticing.noticed("planned") is None, "a fault that everybody knows of is no surprise"
    assert noticing.noticed("real") is None


def test_one_that_could_not_be_made_is_wrong_for_nobody() -> None:
    day = Day()
    i = day.begin("nemesis", "fault", name="broken", fault="down", link="edge->queue", surprise=True)
    day.end(i, "fail", route=None, name="broken", error="refused")
    day.say("hm", tag="now")
    noticing = day.read()
    assert noticing.injected["broken"].failed and noticing.about(noticing.acts[0]) == FALSE_ALARM


def test_a_command_notices_too_if_it_is_tagged() -> None:
    day = Day()
    day.make("gone")
    day.command("pause", who="kim", role="lead")
    assert day.read().noticed("gone") is None
    assert day.read().first_after("gone") is not None
    i = day.command("postpone", who="kim", role="lead", tag="now")
    noticed = day.read().noticed("gone")
    assert noticed is not None and (noticed.i, noticed.what, noticed.text) == (i, "postpone", "done")


def test_the_facilitators_tag_outweighs_and_the_last_one_counts() -> None:
    day = Day()
    day.make("a-one")
    day.make("a-two")
    i = day.say("the first!", tag="now")
    j = day.command("abort", who="kim")
    day.retag(i, "a-one")
    day.retag(j, "a-two")
    assert text_of(day.read(), "a-one") == "the first!"
    two = day.read().noticed("a-two")
    assert two is not None and two.i == j
    day.retag(i, "nothing")
    assert day.read().noticed("a-one") is None
    day.retag(i, "a-one", type="fail")
    assert day.read().noticed("a-one") is None, "a refused tag is none"


def test_the_facilitator_and_whoever_injected_notice_nothing() -> None:
    day = Day()
    day.make("gone")
    day.make("mine", surprise=False, by="kim")
    day.say("they sleep", who="li", role="facilitator", tag="now")
    day.say("#mine works", who="kim")
    noticing = day.read()
    assert noticing.noticed("gone") is None and noticing.noticed("mine") is None
    day.say("#mine hurts", who="ann")
    assert text_of(day.read(), "mine") == "#mine hurts"


def test_what_was_said_before_it_began_is_not_about_it() -> None:
    day = Day()
    day.say("#gone may come", tag="gone")
    day.make("gone")
    assert day.read().noticed("gone") is None
    day.retag(0, "gone")
    assert day.read().noticed("gone") is None, "nobody notices what is not there yet, whoever tags it"


def test_gates_are_acts_with_decision_and_reason() -> None:
    day = Day()
    i = day.begin("runbook", "gate", step="cutover", ask="go?")
    day.end(i, route=None, decision="go", who="ann", reason="all green")
    day.end(day.begin("runbook", "gate", step="close", ask="go?"), route=None, decision="go", who="")
    assert [(a.what, a.text) for a in day.read().acts] == [("gate", "go for cutover: all green")]


@pytest.mark.parametrize(("text", "does"), [
    ("it is #last", True), ("the last step", False), ("queue-gone!", True), ("name=queue-gone", True), ("#la", False)])
def test_a_name_that_is_a_common_word_needs_its_hash(text: str, does: bool) -> None:
    assert names(text, "queue-gone" if "queue" in text else "last") is does


def test_other_ops_are_nothing_to_it() -> None:
    noticing = Noticing()
    noticing.feed(Op(0, "info", "harness", "note", 0.0, value={"text": "the tool's own", "level": "warn"}))
    noticing.feed(Op(1, "ok", "nemesis", "heal", 0.0, 0, value={"name": "never begun"}))
    noticing.feed(Op(2, "ok", "operator", "pause", 0.0, 1, value={"told": "begun before us"}))
    assert noticing.acts == [] and noticing.injected == {}


STEPS = st.lists(st.tuples(st.sampled_from(("make", "heal", "say", "tag")), st.integers(0, 3)), max_size=30)


@given(STEPS)
def test_whatever_happens_nobody_notices_what_was_not_there_yet(steps: list[tuple[str, int]]) -> None:
    day, noticing = Day(), Noticing()
    on: list[str] = []
    said: list[int] = []
    for verb, n in steps:
        fed = len(day.ops)
        if verb == "make" and f"s-{n}" not in noticing.injected:
            day.make(f"s-{n}")
            on.append(f"s-{n}")
        elif verb == "heal" and f"s-{n}" in on:
            day.heal(f"s-{n}")
            on.remove(f"s-{n}")
        elif verb == "say":
            said.append(day.say("!", tag="now"))
        elif verb == "tag" and said and noticing.injected:
            day.retag(said[n % len(said)], list(noticing.injected)[-1])
        for op in day.ops[fed:]:
            noticing.feed(op)
        if verb == "say":
            last = noticing.about(noticing.acts[-1])
            expected = on[-1] if on else FALSE_ALARM
            assert last == expected if on or not noticing.injected else last in noticing.injected
        for name, one in noticing.injected.items():
            act = noticing.noticed(name)
            assert act is None or (act.t_s >= one.begun_s and noticing.about(act) == name)
    again = day.read()
    assert (again.acts, again.injected) == (noticing.acts, noticing.injected), "op by op or all at once"
