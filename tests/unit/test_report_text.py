"""The terminal's report: the verdict first, 78 columns, every question of a change request answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from builders import Tale, crossing

from sim.checks.judge import judge
from sim.checks.verdict import Check, Phase, Tolerated, Verdict
from sim.history.figures import FIGURES
from sim.history.history import History
from sim.history.op import Header, Op
from sim.report.text import WIDTH, amount, figure_line, headline, not_shown, report_text
from sim.scenario import Scenario, load_scenario

FOLDER = Path(".rehearse/runs/20261124T030621Z-10-upgrade-b-capture-replay-10")


@pytest.fixture(scope="module")
def ten() -> Scenario:
    return load_scenario("10")


def history(took_s: float = 94.0, grants: int = 20_000) -> History:
    header = Header(origin_utc="2026-01-01T00:00:00Z", scenario="10-x", seed=10, engine="process", grants=grants)
    return History(header, [Op(0, "info", "harness", "end", took_s, value={"ended": "completed"})])


def verdict(word: str = "held", **more: Any) -> Verdict:
    told: dict[str, Any] = {
        "verdict": word, "ended": "completed", "scenario": "10-upgrade-b-capture-replay", "engine": "process",
        "seed": 10, "checks": [Check(name="revocation", verdict=word, summary="No revoked app gets in.",  # type: ignore[arg-type]
                                     evidence=187)]}
    return Verdict(**(told | more))


def told(ten: Scenario, given: Verdict, **more: Any) -> list[str]:
    return report_text(given, history(**more), ten, FOLDER).splitlines()


MOST = {"count": 1_234_567.0, "s": 3599.9, "share": 1.0, "times": 123.4}


def everything(ten: Scenario, words: str) -> Verdict:
    """Every check, every figure tolerated and used, large figures everywhere."""
    checks = [Check(name=name, verdict="unknown" if name == "latency" else "broken",  # type: ignore[arg-type]
                    summary=words, evidence=12_345_678,
                    tolerated={f: Tolerated(MOST[figure.unit], figure.unit, words, MOST[figure.unit])
                               for f, figure in figures.items()}, figures=dict.fromkeys(figures, 99999.9))
              for name, figures in FIGURES.items()]
    phases = [Phase(name=name, kind=name, begun_s=n * 10.0, took_s=1234.5, outcome="fail", undo=undo)
              for undo in (False, True) for n, name in enumerate(s.name for s in ten.runbook)]
    return verdict("broken", checks=checks, phases=phases, ended="rolled_back",
                   database={"rows_updated": 1_954_120, "rows_inserted": 1_708_820, "rows_deleted": 12_345,
                             "temp_bytes": 52_000_000_000, "commits": 168_000, "size_bytes": 214_000_000_000},
                   hydra={side: {"p95_s": 4.9, "rss_bytes": 9e9, "heap_bytes": 9e9, "cpu_cores": 12.34,
                                 "goroutines": 123_456.0, "operations": 1e6} for side in ("before", "after")})


@pytest.mark.parametrize("words", [
    "x", "a client's token revoked on blue was still accepted on green, again and again, " * 6, "w" * 300, "ü≠✗ " * 60,
    "", "one-hyphen-after-the-other-" * 10])
def test_no_line_is_wider_than_78_columns(ten: Scenario, words: str) -> None:
    for line in told(ten, everything(ten, words)):
        assert len(line) <= WIDTH == 78, line


def test_a_long_name_of_a_scenario_takes_a_line_of_its_own(ten: Scenario) -> None:
    long = ten.model_copy(update={"slug": "an-upgrade-of-ours-with-a-rather-long-and-telling-name-in-staging"})
    lines = report_text(verdict("broken", seed=2**31 - 1), history(), long, FOLDER).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert lines[0].startswith("BROKEN") and any(long.slug in line for line in lines[:3])


@pytest.mark.parametrize("folder", [FOLDER, Path("/srv/somebody/projects/a/b/c/d/e/f") / FOLDER])
def test_the_run_folder_stands_in_one_piece_to_be_copied(ten: Scenario, folder: Path) -> None:
    text = report_text(verdict(), history(), ten, folder)
    assert any(f"{folder}/" in line for line in text.splitlines())


def test_a_folder_below_here_is_shown_from_here(ten: Scenario, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the line fits and can be copied."""
    monkeypatch.chdir(tmp_path)
    text = report_text(verdict(), history(), ten, tmp_path / FOLDER)
    assert f"FILES      {FOLDER}/" in text and str(tmp_path) not in text
    assert max(map(len, text.splitlines())) <= WIDTH


@pytest.mark.parametrize(("word", "first"), [
    ("held", "HELD, as expected"), ("broken", "BROKEN, not expected"), ("unknown", "UNKNOWN, not expected")])
def test_the_first_line_is_the_verdict(ten: Scenario, word: str, first: str) -> None:
    line = told(ten, verdict(word))[0]
    assert line.startswith(first + " ")
    assert line.endswith("10-upgrade-b-capture-replay  seed 10  process  01:34")


def test_a_scenario_meant_to_break_says_so() -> None:
    eleven = load_scenario("11")
    words = eleven.expect.checks
    assert "broken" in words.values()
    checks = [Check(name=n, verdict=words.get(n, "held"), summary=".",  # type: ignore[arg-type]
                    figures={f.split(".")[1]: b.limit + (1 if b.op in (">", ">=") else 0)
                             for f, b in eleven.expect.figures.items() if f.startswith(n + ".")}) for n in FIGURES]
    assert headline(verdict("broken", checks=checks), eleven) == "BROKEN, as expected"


def test_an_open_scenario_expects_nothing(ten: Scenario) -> None:
    from sim.scenario.expect import expectation

    assert headline(verdict("broken"), ten.model_copy(update={"expect": expectation("open")})) == "BROKEN"


@pytest.mark.parametrize(("took_s", "shown"), [
    (0.0, "00:00"), (59.4, "00:59"), (59.7, "01:00"), (119.5, "02:00"), (94.0, "01:34"), (6000.0, "100:00")])
def test_the_time_is_minutes_and_seconds(ten: Scenario, took_s: float, shown: str) -> None:
    assert told(ten, verdict(), took_s=took_s)[0].endswith(f"  {shown}")


def test_how_it_ended_is_told(ten: Scenario) -> None:
    assert any("Rolled back to blue, and blue was proven well: the queue was gone" in line
               for line in told(ten, verdict(ended="rolled_back", why="the queue was gone")))
    assert any("failed before its end" in line for line in told(ten, verdict("unknown", ended="failed")))


def test_what_is_broken_or_unknown_is_told_at_the_top(ten: Scenario) -> None:
    checks = [Check(name="revocation", verdict="held", summary="quiet"),
              Check(name="write_loss", verdict="broken", summary="31 grants are gone"),
              Check(name="latency", verdict="unknown", summary="the sender was late")]
    lines = told(ten, verdict("broken", checks=checks))
    at = next(n for n, line in enumerate(lines) if line.startswith("PRICE"))
    assert any("✗ write_loss: 31 grants are gone" in line for line in lines[:at])
    assert any("? latency: the sender was late" in line for line in lines[:at])
    assert not any("quiet" in line for line in lines[:at])


def test_the_price_is_used_against_allowed_with_its_reason(ten: Scenario) -> None:
    checks = [Check(name="availability", verdict="held", summary="", figures={"failed": 3.0}),
              Check(name="revocation", verdict="held", summary="", tolerated={
                  "longest_gap": Tolerated(5.0, "s", "switch to end of replay", 3.2)}),
              Check(name="session_continuity", verdict="held", summary="", tolerated={
                  "lost_chains": Tolerated(0.005, "share", "rotated after the copy", 0.0025)}),
              Check(name="login_continuity", verdict="held", summary="", tolerated={
                  "browser_sessions": Tolerated("all", "count", "2.x renames the cookie", 612)})]
    rows = {" ".join(line.split()) for line in told(ten, verdict(checks=checks))}
    assert "failed requests 3 0" in rows
    assert "longest gap 3.2 s 5.0 s switch to end of replay" in rows
    assert "lost chains 0.25 % 0.50 % rotated after the copy" in rows
    assert "browser sessions ended 612 all 2.x renames the cookie" in rows


def test_the_window_and_each_step_s_time(ten: Scenario) -> None:
    phases = [Phase(name="copy", kind="copy", begun_s=30.0, took_s=3.1, outcome="ok"),
              Phase(name="replay", kind="replay", begun_s=45.0, took_s=2.9, outcome="ok"),
              Phase(name="soak", kind="soak", begun_s=48.0, took_s=1.0, outcome="fail"),
              Phase(name="cutover", kind="cutover", begun_s=50.0, took_s=0.8, outcome="ok", undo=True)]
    lines = told(ten, verdict(phases=phases))
    at = next(n for n, line in enumerate(lines) if line.startswith("PHASES"))
    assert "window, copy to replay: 17.9" in lines[at]
    assert lines[at + 1].strip() == "copy 3.1  replay 2.9  soak 1.0 fail  undo cutover 0.8"


def test_old_against_new(ten: Scenario) -> None:
    hydra = {"before": {"p95_s": 0.0121, "rss_bytes": 118e6, "cpu_cores": 0.61},
             "after": {"p95_s": 0.0094, "rss_bytes": 104e6, "cpu_cores": 0.0}}
    rows = {" ".join(line.split()) for line in told(ten, verdict(hydra=hydra))}
    assert {"introspect P95 ms 12.1 9.4 -22 %", "RSS MB 118 104 -12 %", "CPU cores 0.61 0.00 -100 %"} <= rows
    assert not any("heap" in row for row in rows), "what was not measured has no row"
    assert not any("HYDRA" in line for line in told(ten, verdict(hydra={"before": hydra["before"]})))


def test_a_machine_that_was_full_is_told_with_what_was_not_shown(ten: Scenario) -> None:
    gauges = [Op(n, "info", "harness", "gauge", float(n), value={"host": {"cpu": cpu, "cores": 2}})
              for n, cpu in enumerate((0.5, 1.0, 0.99, 0.51))]
    said = not_shown(verdict(), History(history().header, [*gauges, Op(4, "info", "harness", "gauge", 9.0)]), ten)
    assert "hosts of their own for each part (this one's 2 cores were 75% busy, and full in 2 of 4 s)" in said
    assert "hosts of their own for each part" in not_shown(verdict(), history(), ten)


def test_what_was_not_shown_where_it_is_and_how_to_do_it_again(ten: Scenario) -> None:
    lines = told(ten, verdict(checks=[Check(name="cleanup_safety", verdict="not_asked", summary="")]), grants=20_000)
    text = " ".join(" ".join(lines).split())
    assert "NOT SHOWN more than 20,000 grants" in text and "not asked: cleanup_safety" in text
    assert "AGAIN rehearse run 10 --seed 10 --engine process" in text
    assert lines[-1].startswith("NEXT")
    files = next(n for n, line in enumerate(lines) if line.startswith("FILES"))
    assert {"report.html", "runbook.md", "verdict.json", "junit.xml"} <= set(" ".join(lines[files:files + 3]).split())
    broken = told(ten, verdict("broken"))
    assert broken[-1] == "NEXT       rehearse explain revocation    rehearse watch latest"


def test_a_file_of_one_s_own_is_run_again_by_its_path(ten: Scenario, tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own = ten.model_copy(update={"slug": "10-mine", "path": tmp_path / "10-mine.yaml"})
    text = report_text(verdict(), history(), own, FOLDER)
    assert "AGAIN      rehearse run 10-mine.yaml --seed 10 --engine process" in text


@pytest.mark.parametrize(("value", "unit", "text"), [
    (3.24, "s", "3.2 s"), (0.0025, "share", "0.25 %"), (1.4, "times", "×1.4"), (31, "count", "31"),
    (20_000, "count", "20,000")])
def test_amounts_are_as_people_write_them(value: float, unit: str, text: str) -> None:
    assert amount(value, unit) == text


def test_figures_in_one_line_have_the_labels_of_the_table() -> None:
    check = Check(name="write_loss", verdict="held", summary="", figures={"grants": 31.0})
    assert figure_line(check) == "new grants lost 31"


def test_a_whole_judged_history_makes_a_report(ten: Scenario) -> None:
    tale = Tale()
    crossing(tale)
    tale.ended()
    seen = tale.history()
    lines = report_text(judge(seen, ten), seen, ten, FOLDER).splitlines()
    assert max(map(len, lines)) <= WIDTH
    for name in FIGURES:
        assert any(f" {name} " in line for line in lines), name


def test_a_sentence_about_a_check_never_ends_in_its_middle_unsaid(ten: Scenario) -> None:
    """Whole if it has room; else one sees that there is more."""
    for words, last in (("seven words of it " * 8 + "and an end", "an end"), ("seven words of it " * 40, "…")):
        lines = told(ten, verdict(checks=[Check(name="data_equality", verdict="held", summary=words, evidence=7)]))
        at = next(n for n, line in enumerate(lines) if "data_equality" in line and "✓" in line)
        cell = [lines[at][37:], *(line[37:] for line in lines[at + 1:at + 6] if line.startswith(" " * 37))]
        assert cell[-1].endswith(last), cell
