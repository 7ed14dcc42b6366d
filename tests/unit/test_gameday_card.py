"""The card: a file of its own, checked by the rules of the scenario file, wrong keys told at their line."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.checks.terms import Terms
from sim.paths import data
from sim.scenario import BadScenario, Surprise, load_scenario, resolved
from sim.scenario.gameday import ROLES, watched

GOOD = """\
format: 1
goals: [see it]
card:
  - {name: queue-gone, fault: down, link: edge->queue, at: migrate + 2s, for: 9s, noticed_in: 60s, hope: hold}
  - {name: edge-dies, fault: kill, part: edge, at: by hand}
"""


def card(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "card.yaml"
    path.write_text(text)
    return path


def wrong(tmp_path: Path, text: str) -> str:
    with pytest.raises(BadScenario) as raised:
        load_scenario("10", card=card(tmp_path, text))
    return str(raised.value)


def test_a_card_replaces_the_scenarios_and_is_kept_in_its_copy(tmp_path: Path) -> None:
    scenario = load_scenario("10", card=card(tmp_path, GOOD))
    assert [s.name for s in scenario.surprises] == ["queue-gone", "edge-dies"]
    first = scenario.surprises[0]
    assert isinstance(first, Surprise) and (first.noticed_in, first.for_, first.hope) == (60.0, 9.0, "hold")
    assert scenario.gameday is not None and scenario.gameday.roles == ROLES and scenario.gameday.goals == ["see it"]
    stored = tmp_path / "scenario.yaml"
    stored.write_text(resolved(scenario))
    assert load_scenario(stored) == scenario
    assert Terms.of(scenario).faults == ("queue-gone",), "one that is made by hand need not be made"


def test_a_card_keeps_what_it_does_not_say(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("format: 1\nextends: 10\ngameday: {roles: {captain: decides}, goals: [go], card: []}\n")
    scenario = load_scenario(mine, card=card(tmp_path, GOOD.replace("goals: [see it]\n", "")))
    assert scenario.gameday is not None and scenario.gameday.goals == ["go"]
    assert list(scenario.gameday.roles) == ["captain", "facilitator"], "there is always a facilitator"


@pytest.mark.parametrize(("old", "new", "said"), [
    ("fault: down", "fault: dwn", "card.yaml:4:31: there is no fault `dwn`: did you mean down?"),
    ("link: edge->queue", "link: edge->queu", "card.yaml:4:43: the stack has no link `edge->queu`"),
    ("at: migrate", "at: migrat", "card.yaml:4:60: the runbook has no step `migrat`"),
    ("noticed_in: 60s", "noticed_in: 60", "card.yaml:4:95: a bare number is not a duration"),
    ("noticed_in", "notice_in", "there is no key `notice_in` in the surprise `queue-gone`"),
    ("name: edge-dies", "name: queue-gone", "card.yaml:5:12: two faults are named `queue-gone`"),
    ("hope: hold", "guard: revocation.uses", "`revocation.uses` cannot be followed second by second"),
    ("goals:", "gaols:", "card.yaml:2:1: there is no key `gaols` in a card"),
    ("card:", "crd:", "there is no key `crd` in a card"),
    ("format: 1", "format: 2", "this file is of format 2"),
    ("part: edge,", "", "the fault `kill` needs `part`"),
])
def test_what_is_wrong_is_told_where_it_stands(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    assert said in wrong(tmp_path, GOOD.replace(old, new, 1))


def test_a_surprise_may_not_bear_the_name_of_a_planned_fault(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("format: 1\nextends: 10\nfaults: [{name: edge-dies, fault: down, link: edge->queue, at: soak}]\n")
    with pytest.raises(BadScenario, match="two faults are named `edge-dies`"):
        load_scenario(mine, card=card(tmp_path, GOOD))


def test_a_surprise_fits_the_database_too(tmp_path: Path) -> None:
    text = "format: 1\ncard: [{name: a, fault: down, link: migrator->green-postgres, at: migrate}]\n"
    with pytest.raises(BadScenario, match="there is no green-postgres"):
        load_scenario("30", card=card(tmp_path, text))


def test_the_guard_is_the_surprises_own_else_the_scenarios_else_failures(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("format: 1\nextends: 10\nguards:\n  - {when: revocation.oldest_wait > 2m, then: pause}\n"
                    "  - {when: availability.shed > 9, then: pause}\n")
    text = GOOD.replace("hope: hold", "guard: latency.introspect_p99")
    guarded, bare = load_scenario(mine, card=card(tmp_path, text)), load_scenario("10", card=card(tmp_path, text))
    assert [watched(s, guarded.guards) for s in guarded.surprises] == ["latency.introspect_p99", "availability.shed"]
    assert watched(bare.surprises[1], bare.guards) == "availability.failed_share"


@pytest.mark.parametrize("path", sorted(data("scenarios", "cards").glob("*.yaml")), ids=lambda p: p.stem)
def test_the_shipped_cards_fit_scenario_10(path: Path) -> None:
    assert load_scenario("10", card=path).surprises
