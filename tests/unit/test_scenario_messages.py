"""Every mistake is told where it stands: file:line:column, the line, a caret, what to write."""

import re

import pytest

from sim.scenario import BadScenario, load_scenario

HEAD = "format: 1\nextends: 10-upgrade-b-capture-replay\n"

CASES = {
    # name: (text, line, column, what, todo)
    "a bare number": (
        HEAD + "change:\n  lifetime: {access: 2m, dwell: 20}\n",
        4,
        33,
        "a bare number is not a duration",
        "write 20s, 20m or 20h",
    ),
    "a unit that is none": (HEAD + "tokens: {refresh: 3d}\n", 3, 19, "`3d` is not a duration", "250ms, 20s, 5m or 2h"),
    "an unknown key on top": (HEAD + "tolerat: {}\n", 3, 1, "there is no key `tolerat`", "did you mean tolerate?"),
    "an unknown key of a step": (
        HEAD + "change:\n  copy: {job: 3}\n",
        4,
        10,
        "no key `job` in the step `copy`",
        "did you mean jobs?",
    ),
    "an unknown key of a part": (
        HEAD + "stack: {edge: {bufer: 1s}}\n",
        3,
        16,
        "no key `bufer` in `stack.edge`",
        "did you mean buffer?",
    ),
    "an unknown step": (
        HEAD + "runbook:\n  - baseline\n  - cpoy: {}\n",
        5,
        5,
        "there is no step `cpoy`",
        "did you mean copy?",
    ),
    "a bare unknown step": (HEAD + "runbook: [captur]\n", 3, 11, "there is no step `captur`", "did you mean capture?"),
    "a change of no step": (HEAD + "change:\n  coppy: {jobs: 3}\n", 4, 3, "no step `coppy`", "did you mean copy?"),
    "an insertion nowhere": (
        HEAD + "insert:\n  - {before: cutovr, manual: x}\n",
        4,
        14,
        "no step `cutovr`",
        "did you mean cutover?",
    ),
    "an insertion without a place": (
        HEAD + "insert:\n  - {manual: x}\n",
        4,
        5,
        "needs `before: STEP` or `after: STEP`",
        "",
    ),
    "a removal of no step": (HEAD + "remove: [replai]\n", 3, 10, "no step `replai`", "did you mean replay?"),
    "two steps in one": (HEAD + "runbook:\n  - {copy: {}, migrate: {}}\n", 4, 16, "two steps in one entry", ""),
    "a word of a choice": (
        HEAD + "change: {copy: {by: dmup}}\n",
        3,
        21,
        "`dmup` is not one of dump, template",
        "did you mean dump?",
    ),
    "a wrong type": (HEAD + "change: {copy: {jobs: four}}\n", 3, 23, "`four` is not a whole number", ""),
    "out of range": (HEAD + "population: {grants: -5}\n", 3, 22, "`-5` is out of range: at least 1", ""),
    "in an own command": (HEAD + "insert: [{after: copy, exec: [true], undo: [x]}]\n", 3, 31, "must be text", '"'),
    "in an own undo": (HEAD + "insert: [{after: copy, exec: [x], undo: [5]}]\n", 3, 42, "`5` must be text", '"5"'),
    "no reason": (HEAD + "tolerate:\n  write_loss.consents: {max: 5}\n", 4, 3, "`because` is missing", "say why"),
    "no such figure": (
        HEAD + "tolerate:\n  revocation.longest_gp: {max: 5s, because: x}\n",
        4,
        3,
        "the check revocation has no figure `longest_gp`",
        "did you mean revocation.longest_gap?",
    ),
    "no such check": (
        HEAD + "tolerate:\n  revocatoin.longest_gap: {max: 5s, because: x}\n",
        4,
        3,
        "no check `revocatoin`",
        "did you mean revocation?",
    ),
    "a figure without a limit": (
        HEAD + "tolerate:\n  revocation.oldest_wait: {max: 5s, because: x}\n",
        4,
        3,
        "only tells something",
        "rehearse explain revocation",
    ),
    "a figure's unit": (
        HEAD + "tolerate:\n  revocation.longest_gap: {max: 5, because: x}\n",
        4,
        33,
        "it is a duration",
        "write it like 5s",
    ),
    "a guard's figure": (
        HEAD + "guards:\n  - {when: availability.faild > 3, then: pause}\n",
        4,
        12,
        "no figure `faild`",
        "did you mean availability.failed?",
    ),
    "a guard's unit": (
        HEAD + "guards:\n  - {when: availability.failed_share > 3, then: pause}\n",
        4,
        12,
        "it is a share",
        "availability.failed_share > 0.5%",
    ),
    "a guard's act": (
        HEAD + "guards:\n  - {when: availability.failed > 3, then: rolback}\n",
        4,
        43,
        "`rolback` is not one of pause, postpone, rollback",
        "did you mean rollback?",
    ),
    "a guard's sentence": (
        HEAD + "guards:\n  - {when: too much, then: pause}\n",
        4,
        12,
        "is not a condition",
        "write it like",
    ),
    "a link": (
        HEAD + "faults:\n  - {name: a, fault: down, link: edge->queu, at: copy}\n",
        4,
        34,
        "the stack has no link `edge->queu`",
        "did you mean edge->queue?",
    ),
    "an instant of no step": (
        HEAD + "faults:\n  - {name: a, fault: down, link: edge->queue, at: migrat + 2s}\n",
        4,
        51,
        "the runbook has no step `migrat`",
        "did you mean migrate?",
    ),
    "an instant": (
        HEAD + "faults:\n  - {name: a, fault: down, link: edge->queue, at: soak + 5}\n",
        4,
        51,
        "`soak + 5` is not an instant",
        "migrate + 20s",
    ),
    "a fault's figure": (
        HEAD + "faults:\n  - {name: a, fault: fsync, part: blue-postgres, delay: 200ms, at: copy}\n",
        4,
        5,
        "`delay` of the fault `fsync` is 1ms to 100ms",
        "",
    ),
    "an offset without a sign": (
        HEAD + "faults:\n  - {name: a, fault: clock, part: edge, offset: 1h, at: copy, for: 2s}\n",
        4,
        49,
        "`1h` is not an offset",
        "write it like +30s (ahead) or -1h (behind)",
    ),
    "a fault's own key": (
        HEAD + "faults:\n  - {name: a, fault: latency, link: edge->queue, at: copy}\n",
        4,
        5,
        "the fault `latency` needs `latency`",
        "",
    ),
    "a point on another part": (
        HEAD + "faults:\n  - {name: a, fault: kill, part: blue-hydra, after: intent, at: copy}\n",
        4,
        53,
        "`after` belongs to the fault `kill` on `edge`, not on `blue-hydra`",
        "write part: edge, or leave after out",
    ),
    "a point that is none": (
        HEAD + "faults:\n  - {name: a, fault: kill, part: edge, after: forwrd, at: copy}\n",
        4,
        47,
        "`forwrd` is not one of intent, forward",
        "did you mean forward?",
    ),
    "a point without a capture": (
        "format: 1\nextends: 11\nfaults:\n  - {name: a, fault: kill, part: edge, after: intent, at: copy}\n",
        4,
        47,
        "a would wait for ever: no revocation is captured",
        "add capture",
    ),
    "another fault's key": (
        HEAD + "faults:\n  - {name: a, fault: down, link: edge->queue, at: copy, rate: 3KB/s}\n",
        4,
        5,
        "`rate` does not belong to the fault `down`",
        "",
    ),
    "an old version": (
        HEAD + "stack: {blue: {hydra: 1.8.5}}\n",
        3,
        23,
        "from 1.8.5 to 2.3.0 was never tried here",
        "one of 1.8.5 to 1.11.10, 1.11.10 to 2.3.0",
    ),
    "a version": (
        HEAD + "stack: {green: {hydra: 2.4.0}}\n",
        3,
        24,
        "Hydra 2.4.0 cannot be had for green",
        "green 1.11.10, 2.3.0",
    ),
    "an older server": (
        HEAD + "stack: {blue: {postgres: 16}, green: {postgres: 15}}\n",
        3,
        49,
        "a dump cannot be restored",
        "write 16 or newer",
    ),
    "dwell": (
        HEAD + "change:\n  lifetime: {dwell: 10s}\n",
        4,
        21,
        "dwell 10s is shorter than the old lifetime 15s",
        "write dwell: 15s or more",
    ),
    "a short deadline": (
        HEAD + "change:\n  soak: {for: 10m, deadline: 1m}\n",
        4,
        30,
        "the deadline 1m is shorter than the step itself: it takes 10m",
        "write more than 10m",
    ),
    "no undo": (
        HEAD + "insert: [{after: capture, exec: [echo, hi]}]\n",
        3,
        27,
        "has no undo",
        "point_of_no_return: true",
    ),
    "a mix of other than all": (HEAD + "traffic: {mix: {introspect: 50%}}\n", 3, 16, "add up to 67%, not 100%", ""),
    "an expectation": (HEAD + "expect: hold\n", 3, 9, "`hold` is not an expectation", "held, open or {check: verdict}"),
    "an expected check": (
        HEAD + "expect: {revocatoin: broken}\n",
        3,
        10,
        "no check `revocatoin`",
        "did you mean revocation?",
    ),
    "an expected verdict": (
        HEAD + "expect: {revocation: brokn}\n",
        3,
        22,
        "`brokn` is not a verdict",
        "did you mean broken?",
    ),
    "a seed": (HEAD + "seed: banana\n", 3, 7, "`banana` is not a seed", "write an integer or random"),
    "a later format": (
        "format: 2\ntitle: x\n",
        1,
        9,
        "this file is of format 2; this program reads format 1",
        "update",
    ),
    "no format": ("title: x\n", 1, 1, "does not say its format", "begin with `format: 1`"),
    "an empty file": ("", 1, 1, "does not say its format", ""),
    "a list": ("- a\n", 1, 1, "a scenario is a map", ""),
    "nothing asked": ("format: 1\ntitle: x\nrunbook: [baseline]\n", 1, 1, "`asks` is missing", ""),
    "a tab": ("format: 1\nstack:\n\tblue: x\n", 3, 1, "this is not YAML", "this line has a tab"),
    "a colon in a sentence": ("format: 1\ntitle: a: b\n", 2, 9, "this is not YAML", "quote a sentence"),
    "a key that stands twice": (HEAD + "seed: 3\nseed: 4\n", 4, 1, "the key `seed` stands twice", ""),
    "a merge key": (HEAD + "stack:\n  <<: {a: 1}\n", 4, 3, "the merge key << is not known", "use extends"),
    "an alias to itself": (HEAD + "stands_for: &a {x: *a}\n", 3, 13, "an alias leads back to itself", ""),
    "nested without end": (HEAD + "stands_for: " + "[" * 3000 + "\n", 1, 1, "nested too deeply", ""),
    "a map for a text": (HEAD + "title: {a: b}\n", 3, 8, "this must be text", ""),
    "a tag": (HEAD + "title: !!python/object:os.system x\n", 3, 8, "is not known here", ""),
    "an unknown parent": (
        "format: 1\nextends: 10-upgrade-b-capture-reply\n",
        2,
        10,
        "there is no scenario",
        "did you mean 10-upgrade-b-capture-replay?",
    ),
    "itself as parent": ("format: 1\nextends: x.yaml\n", 2, 10, "extends leads back to itself", ""),
    "a file that is not there": (HEAD + "population: {extra_sql: odd.sql}\n", 3, 25, "there is no file", ""),
    "a script that is not there": (
        HEAD + "change: {copy: {exec: [./x.sh], undo: [true]}}\n",
        3,
        24,
        "there is no file",
        "",
    ),
    "a control character": ("format: 1\ntitle: \x00\n", None, None, "this is not YAML", ""),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_mistake_is_told_where_it_stands(case, tmp_path):
    text, line, column, what, todo = CASES[case]
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(BadScenario) as raised:
        load_scenario(path)
    assert raised.value.exit_code == 254
    problems = raised.value.problems
    found = next((p for p in problems if what in p.what), None)
    assert found is not None, str(raised.value)
    assert todo in found.todo
    assert found.place.source.name.endswith("x.yaml")
    if line is not None:
        assert (found.place.line, found.place.column) == (line, column)
    assert "Traceback" not in str(raised.value)
    assert "pydantic" not in str(raised.value).lower()


def test_the_message_shows_the_line_and_a_caret_under_the_column(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(HEAD + "change:\n  lifetime: {access: 2m, dwell: 20}   # too short\n")
    with pytest.raises(BadScenario) as raised:
        load_scenario(path)
    where, quoted, caret, todo = str(raised.value).splitlines()
    assert re.fullmatch(r".*x\.yaml:4:33: a bare number is not a duration", where)
    assert quoted == "    4 |   lifetime: {access: 2m, dwell: 20}   # too short"
    assert quoted[caret.index("^") :].startswith("20}")
    assert todo == "  do:   write 20s, 20m or 20h"


def test_a_long_line_is_cut_round_the_caret(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(HEAD + f"tokens: {{access: 20s,{' ' * 300}refresh: 3d}}\n")
    with pytest.raises(BadScenario) as raised:
        load_scenario(path)
    _, quoted, caret, _ = str(raised.value).splitlines()
    assert len(quoted) < 130
    assert quoted[caret.index("^") :].startswith("3d}")


def test_all_mistakes_are_told_at_once_from_top_to_bottom(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(HEAD + "tokens: {access: 5}\npopulation: {grants: many}\ntraffic: {rate: 3}\n")
    with pytest.raises(BadScenario) as raised:
        load_scenario(path)
    assert [p.place.line for p in raised.value.problems] == [3, 4, 5]


def test_a_mistake_in_an_inherited_file_is_told_there(tmp_path):
    (tmp_path / "base.yaml").write_text(HEAD + "tokens: {access: 5}\n")
    path = tmp_path / "x.yaml"
    path.write_text("format: 1\nextends: base.yaml\n")
    with pytest.raises(BadScenario) as raised:
        load_scenario(path)
    place = raised.value.problems[0].place
    assert (place.source.name.rpartition("/")[2], place.line, place.column) == ("base.yaml", 3, 18)
