"""report.html: what stands on it, what must never, and that any history gives one."""

from __future__ import annotations

import lzma
import re
from pathlib import Path
from typing import Any

import pytest
from builders import Tale, crossing
from pages import Page

from sim.checks.judge import judge, judge_under, read
from sim.checks.terms import Terms
from sim.checks.verdict import Verdict, from_json
from sim.history.history import History
from sim.history.op import Header
from sim.paths import data
from sim.report.calls import Outcomes, completed
from sim.report.page import measure, page, timeline_svg
from sim.scenario import Scenario, load_scenario

DEMO = data("scenarios", "demo")
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&</style>{{ 7*7 }}"
TOKEN = "ory_rt_c3VwZXJzZWNyZXQ.c2lnbmF0dXJl"


@pytest.fixture(scope="module")
def demo() -> tuple[Verdict, History, Scenario]:
    raw = lzma.decompress((DEMO / "history.jsonl.xz").read_bytes())
    return (from_json((DEMO / "verdict.json").read_bytes()), History.parse(raw),
            load_scenario(str(DEMO / "scenario.yaml")))


@pytest.fixture(scope="module")
def text(demo: tuple[Verdict, History, Scenario]) -> str:
    return page(*demo)


def made(tale: Tale, scenario: Scenario | None = None, **header: Any) -> str:
    history = tale.history()
    history.header = Header(**{"origin_utc": "2026-01-01T00:00:00Z", "scenario": "tale", "seed": 1, "engine": "test",
                               **header})
    return page(judge_under(history, tale.terms), history, scenario or load_scenario("10"))


def test_the_demo_s_page_is_small_whole_and_leads_nowhere_outside(text: str) -> None:
    assert len(text.encode()) < 1_000_000
    found = Page(text)
    assert not found.misnested and not found.unclosed
    assert len(found.ids) == len(set(found.ids))
    assert all(link.startswith("#") and link[1:] in found.ids for link in found.links)
    assert all(ref.startswith("#") for ref in found.references)
    assert not re.search(r"@import|url\(", text) and found.scripts == 1 and not found.handlers
    assert "default-src 'none'" in text


@pytest.mark.parametrize("section", ["price", "checks", "timeline", "gaps", "database", "hydra", "matrix", "not-shown",
                                     "again"])
def test_every_section_is_there(text: str, section: str) -> None:
    assert f'<h2 id="{section}">' in text


def test_a_manager_finds_the_verdict_first(text: str) -> None:
    words = Page(text).text
    assert words.index("HELD, as expected") < words.index("Revoked apps let back in") < words.index("Used of what")
    assert "for a time only: 93 uses in at most 1.6 s, allowed 5.0 s" in words
    assert "44 chains (0.25 %)" in words and "114 new grants; 9,707 people log in again" in words


def test_figures_are_those_of_the_verdict(text: str, demo: tuple[Verdict, History, Scenario]) -> None:
    words = Page(text).text
    assert "114 200 option 3: three grants a second" in words
    assert "20220513000001000006 string_slice_json 5.144 s" in words and "All 157 files" in words
    assert "rows updated 249,513" in words and "temporary files 40.8 MB" in words
    assert "introspect P95 ms 15.7 20.8 +33 %" in words
    assert "93 revoked accepted" in words, "as many as the check counts uses"
    assert "rehearse run 10 --seed 10 --engine process" in words


def test_calls_are_counted_as_the_check_counts_them(demo: tuple[Verdict, History, Scenario]) -> None:
    verdict, history, scenario = demo
    reading = read(history, Terms.of(scenario))
    outcomes = Outcomes(reading.timeline)
    counted = [outcomes.of(call) for call in completed(history)]
    assert sum(o != "cut off" for o in counted) == verdict.check("availability").evidence
    assert counted.count("failed") == verdict.figure("availability.failed")


def test_the_parts_of_a_run_are_the_whole_run(demo: tuple[Verdict, History, Scenario]) -> None:
    verdict, history, scenario = demo
    figures = measure(history, read(history, Terms.of(scenario)))
    verify = sum(op.type == "invoke" and op.process.startswith("verify-") for op in history.ops)
    lines = figures.periods.lines()
    assert sum(line.calls for line in lines) == verdict.check("availability").evidence - verify
    assert [line.part for line in lines if line.f == "introspect"] == [
        "before the baseline", "baseline", "before the copy", "copy to switch", "on green", "verify and after"]


def test_witnesses_open_to_request_answer_and_utc(text: str) -> None:
    opened = text[text.index('id="check-revocation"'):text.index('id="check-session_continuity"')]
    words = Page(f"<div>{opened}</div>").text
    assert "10:04:" in words and "request" in words and "answer" in words
    assert "POST /oauth2/introspect token=***" in words and '"active": true' in words
    assert "DELETE /oauth2/auth/sessions/consent" in words or "POST /oauth2/revoke" in words


def test_no_token_and_no_secret_stands_in_it(text: str) -> None:
    for pattern in (r"ory_[a-z]{2}_", r"[A-Za-z0-9_-]{40,}\.[A-Za-z0-9_-]{40,}", r"eyJ[A-Za-z0-9]",
                    r"[Bb]earer [A-Za-z0-9]",
                    r"://[^\s\"<]*:[^\s\"<]*@", r"(client_secret|refresh_token|password)=(?!\*\*\*)"):
        assert not re.search(pattern, text), pattern


def test_what_people_wrote_is_escaped_and_masked() -> None:
    tale = Tale()
    crossing(tale)
    tale.note("harness", "note", text=f"{EVIL} {TOKEN}", level="info", who=EVIL)
    tale.note("runbook", "cmd", kind="http", command=f"curl -H 'Authorization: Bearer {TOKEN}' {EVIL}")
    tale.note("runbook", "progress", step="migrate", version="1", now=f"1 {EVIL}")
    i = tale.begin("runbook", "step", step="migrate", kind="migrate")
    tale.end(i, "fail", route=None, error=EVIL, figures={"files_s": {EVIL: 1.0}})
    i = tale.begin("nemesis", "fault", name=EVIL, fault=EVIL, link=EVIL)
    tale.end(i, route=None, name=EVIL, proven=True)
    ten = load_scenario("10")
    tolerate = {k: t.model_copy(update={"because": f"{EVIL} {TOKEN}"}) for k, t in ten.tolerate.items()}
    scenario = ten.model_copy(update={"title": EVIL, "asks": f"{EVIL} {TOKEN}", "stands_for": {EVIL: EVIL},
                                      "tolerate": tolerate})
    history = tale.history()
    text = page(judge(history, scenario), history, scenario)
    found = Page(text)
    assert found.scripts == 1 and "img" not in found.tags and not found.handlers and not found.misnested
    assert "alert(1)" in found.text, "it is shown, as text"
    assert "{{ 7*7 }}" in found.text, "nobody's words are a template"
    assert "c3VwZXJzZWNyZXQ" not in text
    assert "c3VwZXJzZWNyZXQ" not in timeline_svg(judge(history, scenario), history, scenario)


def test_a_broken_check_tells_the_life_of_its_first_grant() -> None:
    tale = Tale()
    good = crossing(tale)
    tale.revoke(good[0], capture=99)
    tale.ask(good[0], active=True)
    text = made(tale)
    words = Page(text).text
    assert "✗ BROKEN" in words or "BROKEN" in words
    assert '<details class="check broken" id="check-revocation" open>' in text
    assert "The life of g0" in words and "by the stack that had acknowledged it" in words


def test_a_gap_is_drawn_against_what_is_allowed() -> None:
    tale = Tale(revocation__longest_gap__s=0.5)
    ending = [tale.grant(f"g{n}") for n in range(3)]
    tale.snapshot()
    for n, g in enumerate(ending, 1):
        tale.revoke(g, capture=n)
    tale.switch()
    tale.ask(ending[0], active=True)
    tale.wait(2.0)
    tale.ask(ending[0], active=True)
    tale.ask(ending[1], active=True)
    tale.step("replay", captured=3, replayed=3)
    for g in ending:
        tale.ask(g, active=False)
    history = tale.history()
    verdict = judge_under(history, tale.terms)
    text = page(verdict, history, load_scenario("10"), reading=read(history, tale.terms))
    assert text.count('class="lower over"') == 2 and "✗ 2 lasted longer, proven" in Page(text).text
    assert "allowed 0.5 s" in text


@pytest.mark.parametrize("cut", [0, 1, 2, 5, 40, 200])
def test_a_history_cut_anywhere_gives_a_page(cut: int) -> None:
    tale = Tale()
    crossing(tale)
    tale.ops = tale.ops[:cut]
    found = Page(made(tale))
    assert not found.misnested and "the run failed before its end" in found.text


def test_a_rolled_back_run_says_so() -> None:
    tale = Tale()
    tale.grant("g")
    i = tale.begin("runbook", "undo", step="copy")
    tale.end(i, route=None, step="copy")
    tale.note("harness", "end", ended="rolled_back", why="a guard")
    words = Page(made(tale)).text
    assert "rolled back to blue" in words and "undo copy" in words


def test_runs_can_stand_beside_it(demo: tuple[Verdict, History, Scenario]) -> None:
    from sim.report.columns import Ran
    from sim.report.comparison_page import beside

    ran = [Ran.of("one", demo[0]), Ran.of("two", demo[0])]
    text = page(*demo, beside=beside(ran))
    assert '<h2 id="beside">' in text and "What it cost" in Page(text).text


def test_the_timeline_stands_alone_as_svg(demo: tuple[Verdict, History, Scenario], tmp_path: Path) -> None:
    from xml.etree import ElementTree

    svg = timeline_svg(*demo)
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg") and "10 soak" in svg and "green 2.3.0" in svg
    assert not re.search(r"(?<!\.w3)\.org/|url\(|@import", svg.replace("http://www.w3.org/2000/svg", ""))


def test_a_game_day_is_debriefed() -> None:
    tale = Tale()
    crossing(tale)
    i = tale.begin("nemesis", "fault", name="queue-gone", fault="down", link="edge->queue")
    tale.end(i, route=None, name="queue-gone", proven=True)
    tale.wait(8)
    tale.note("harness", "note", text="queue-gone: no captures", level="info", who="lead")
    text = made(tale)
    words = Page(text).text
    assert '<h2 id="debrief">' in text and "queue-gone: no captures" in words and "Action items" in words
    assert "8.0 s" in words


def test_who_waited_for_a_lock_is_told_where_a_step_sampled_it() -> None:
    tale = Tale()
    crossing(tale)
    tale.step("migrate", locks={"samples": 9, "blocked": [
        {"from_s": 1.0, "to_s": 3.5, "for_s": 2.5, "waiting": 14, "waiter": f"SELECT {EVIL}",
         "holder": "DROP INDEX x", "by_migrator": True, "held": ["hydra_oauth2_access AccessExclusiveLock"]}]})
    found = Page(made(tale))
    assert "2.500 s 14 hydra_oauth2_access AccessExclusiveLock DROP INDEX x SELECT <script>" in found.text
    assert found.scripts == 1


def test_however_much_a_history_says_the_page_stays_small() -> None:
    tale = Tale()
    ending = [tale.grant(f"g{n}") for n in range(600)]
    tale.snapshot()
    for n, g in enumerate(ending, 1):
        tale.revoke(g, capture=n)
    tale.switch()
    for g in ending:
        for _ in range(3):
            tale.ask(g, active=True)
    i = tale.begin("runbook", "step", step="migrate", kind="migrate")
    for n in range(500):
        tale.note("runbook", "cmd", kind="sql", command=f"SELECT {n} " + "x" * 20_000)
    tale.end(i, route=None, figures={"records": ["y" * 1000] * 2000, "files_s": {str(n): 0.1 for n in range(300)}})
    history = tale.history()
    verdict = judge_under(history, tale.terms)
    checks = [c if c.name != "migration" else type(c)(name=c.name, verdict="broken", summary="z" * 5000, witnesses=[i])
              for c in verdict.checks]
    text = page(type(verdict)(verdict="broken", ended="failed", scenario="s", engine="e", seed=1, checks=checks),
                history, load_scenario("10"), reading=read(history, tale.terms))
    assert len(text.encode()) < 2_000_000
    words = Page(text).text
    assert "200 shorter ones are not drawn" in words and "and 400 more" in words and "stand in history.jsonl" in words
