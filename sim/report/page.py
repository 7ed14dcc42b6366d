"""report.html: one self-contained page, made from a history and its verdict alone.

Everything on it is escaped by the template engine and was masked before; a content security
policy in the page lets it load nothing and run only the script it carries.
"""

from __future__ import annotations

import base64
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from sim.checks.judge import read
from sim.checks.reading import Reading
from sim.checks.terms import Terms
from sim.checks.verdict import Verdict
from sim.history.history import History
from sim.report import sections
from sim.report import timeline as time_drawing
from sim.report.calls import Outcomes, completed, due_s, is_proof
from sim.report.debrief import debrief
from sim.report.downtime import Downtime
from sim.report.drawing import standing_alone
from sim.report.lanes import Lanes
from sim.report.masking import masked
from sim.report.matrix import Matrix
from sim.report.periods import Periods, parts
from sim.report.summary import window_s
from sim.report.text import GLYPHS, again, compared_length, not_shown
from sim.scenario import Scenario

PAGE = Path(__file__).parent / "page"
BINS = 300
"""Assumption: three hundred points across a page are as many as a printer shows."""
PANELS = 8
AROUND_S = 3.0


class Figures(NamedTuple):
    """What one pass over the calls gives."""

    whole: Lanes
    close: Lanes | None
    periods: Periods
    downtime: Downtime
    matrix: Matrix


def page(verdict: Verdict, history: History, scenario: Scenario, *, reading: Reading | None = None,
         beside: dict[str, Any] | None = None) -> str:
    """The whole document.

    Args:
        reading: the history as the judge read it, if it is at hand; else it is read again.
        beside: a comparison to be shown too (see sim.report.comparison_page).
    """
    reading = reading if reading is not None else read(history, Terms.of(scenario))
    figures = measure(history, reading)
    return render(
        "report.html.j2", **sections.head(verdict, history, scenario, reading), **sections.verdicts(verdict, history),
        **_times(reading, figures, scenario, verdict), phases=sections.phases(history, reading),
        gaps=sections.gaps(reading, history), uses=sections.let_in(reading, history),
        files=sections.files(history, reading), waits=sections.waits(reading), database=sections.database(verdict),
        hydra=sections.hydra(verdict), hydra_window=compared_length(verdict),
        matrix=sections.matrix(figures.matrix), columns=figures.matrix.columns(),
        versions=sections.versions(scenario), not_shown=[masked(s) for s in not_shown(verdict, history, scenario)],
        debrief=debrief(history, scenario, verdict, reading), beside=beside,
        again=masked(again(verdict, scenario)), parts=sections.parts(history))


def render(template: str, **context: Any) -> str:
    """One of the page folder's templates with style and script in it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(loader=FileSystemLoader(PAGE), autoescape=True, undefined=StrictUndefined,
                              trim_blocks=True, lstrip_blocks=True)
    script = (PAGE / "open.js").read_text()
    digest = base64.b64encode(sha256(script.encode()).digest()).decode()
    text: str = environment.get_template(template).render(
        style=style(), script=script, script_hash=f"sha256-{digest}", glyphs=GLYPHS, **context)
    return text


def style() -> str:
    """The page's and the drawings' style sheet."""
    return (PAGE / "page.css").read_text() + (PAGE / "drawing.css").read_text()


def timeline_svg(verdict: Verdict, history: History, scenario: Scenario) -> str:
    """The timeline of the whole run as a file of its own."""
    reading = read(history, Terms.of(scenario))
    figures = measure(history, reading)
    return standing_alone(_whole(reading, figures, scenario, verdict), (PAGE / "drawing.css").read_text())


def measure(history: History, reading: Reading) -> Figures:
    """One pass over all calls."""
    begin_s, end_s = _traffic(history, reading)
    bin_s = max(1.0, float(-(-(end_s - begin_s) // BINS)))
    whole = Lanes(begin_s, end_s, bin_s=bin_s)
    close = _close_up(reading)
    near = Lanes(*close, bin_s=max(0.1, (close[1] - close[0]) / BINS)) if close is not None else None
    outcomes, downtime, matrix = Outcomes(reading.timeline), Downtime(), Matrix(reading)
    periods = Periods(parts(reading.timeline, end_s))
    for call in completed(history):
        if not is_proof(call):
            outcome, due = outcomes.of(call), due_s(call)
            whole.feed(call, outcome, due)
            if near is not None:
                near.feed(call, outcome, due)
            periods.feed(call, outcome, due)
            downtime.feed(call, outcome, due)
        matrix.feed(call)
    return Figures(whole, near, periods, downtime, matrix)


def _traffic(history: History, reading: Reading) -> tuple[float, float]:
    """From the first planned call (or step) to the end."""
    first = next((op.t_s for op in history.ops if op.due_s is not None or op.f == "step"), 0.0)
    return float(int(first)), max(reading.last_s, first + 1.0)


def _close_up(reading: Reading) -> tuple[float, float] | None:
    """The window, if the run is so much longer that it deserves a drawing of its own."""
    copy, replay = reading.timeline.step("copy"), reading.timeline.step("replay")
    switch = reading.timeline.first_switch
    if switch is None:
        return None
    begin = copy.begun_s if copy is not None else switch.t_s - 10
    end = replay.done_s if replay is not None and replay.done_i >= 0 else switch.t_s + 10
    begin = max(begin, switch.t_s - 20)
    return (max(0.0, begin - AROUND_S), min(reading.last_s, end + AROUND_S))


def _whole(reading: Reading, figures: Figures, scenario: Scenario, verdict: Verdict) -> str:
    begin_s, end_s = figures.whole.begin_s, reading.last_s
    scene = time_drawing.scene_of(reading.timeline, begin_s, end_s, reading.last_s, sections.versions(scenario))
    return time_drawing.draw("whole", scene, figures.whole.busiest(PANELS), figures.whole,
                             title=f"The whole run: {verdict.scenario}, seed {verdict.seed}")


def _times(reading: Reading, figures: Figures, scenario: Scenario, verdict: Verdict) -> dict[str, Any]:
    close = ""
    if figures.close is not None:
        scene = time_drawing.scene_of(reading.timeline, figures.close.begin_s, figures.close.end_s, reading.last_s,
                                      sections.versions(scenario))
        close = time_drawing.draw("close", scene, figures.close.busiest(PANELS), figures.close,
                                  title=f"Around the switch: {verdict.scenario}")
    down = figures.downtime.seconds()
    return {
        "timeline": _whole(reading, figures, scenario, verdict), "close": close,
        "bin": f"{figures.whole.bin_s:g} s", "close_bin": f"{figures.close.bin_s:.2g} s" if figures.close else "",
        "window": window_s(verdict), "operations": figures.periods.lines(), "faults": sections.faults(reading),
        "down": [(f, s, figures.downtime.longest_wait_s.get(f)) for f, s in down.items()],
    }
