"""Everything a finished run leaves for people and machines, written into its folder."""

from __future__ import annotations

from pathlib import Path

from sim.checks.judge import judged, read
from sim.checks.terms import Terms
from sim.checks.verdict import Verdict, to_json
from sim.history.history import History
from sim.report.debrief import debrief
from sim.report.debrief_text import debrief_lines
from sim.report.earlier import earlier_runs
from sim.report.junit import junit
from sim.report.procedure import procedure
from sim.report.text import report_text
from sim.runfolder import write_private
from sim.scenario import Scenario


def write_reports(folder: Path, history: History, scenario: Scenario) -> tuple[Verdict, str]:
    """Judge a history and write verdict.json, report.txt, report.html, junit.xml and runbook.md."""
    reading = read(history, Terms.of(scenario))
    verdict = judged(reading, history.header)
    sheet = debrief(history, scenario, verdict, reading) if scenario.gameday is not None else None
    text = report_text(verdict, history, scenario, folder, debrief_lines(sheet) if sheet is not None else ())
    took_s = history.ops[-1].t_s if history.ops else 0.0
    write_private(folder / "verdict.json", to_json(verdict))
    write_private(folder / "report.txt", text)
    write_private(folder / "report.json", to_json(verdict))
    write_private(folder / "junit.xml", junit(verdict, took_s))
    write_private(folder / "runbook.md", procedure(history, scenario, earlier_runs(folder, scenario.slug)))
    from sim.report.page import page  # brings the template engine along: only when a run ends

    write_private(folder / "report.html", page(verdict, history, scenario, reading=reading))
    return verdict, text
