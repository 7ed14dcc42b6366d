"""`rehearse report RUN`: the report of a finished run, in whatever form it is needed."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from sim.cli.output import next_step, progress, result
from sim.cli.told import no_report, read
from sim.errors import BadInput

FORMS = {"text": "report.txt", "json": "verdict.json", "junit": "junit.xml", "runbook": "runbook.md",
         "html": "report.html", "svg": "timeline.svg"}
"""Form → the file that holds it, or the name it is known by."""
DRAWN = ("html", "svg")
"""Forms that are made anew from the history."""


def report(
    run: Annotated[str, typer.Argument(help="latest, a run's id, a prefix or a path; or demo")] = "latest",
    html: Annotated[bool, typer.Option("--html", help="the page to send round, made anew")] = False,
    junit: Annotated[bool, typer.Option("--junit", help="for CI: a test case a check")] = False,
    json: Annotated[bool, typer.Option("--json", help="verdict.json, for machines")] = False,
    svg: Annotated[bool, typer.Option("--svg", help="the timeline as a drawing")] = False,
    runbook: Annotated[bool, typer.Option("--runbook", help="what ran, with undo, for the change ticket")] = False,
    beside: Annotated[list[str] | None, typer.Option("--beside", metavar="RUN",
                                                     help="compare with this run on the page; with --html")] = None,
    to: Annotated[Path | None, typer.Option("--to", help="write to this file instead of stdout")] = None,
    open_: Annotated[bool, typer.Option("--open", help="open the page in a browser")] = False,
) -> None:
    """Print a finished run's report; without a form, as text.

    A page goes to the run folder's report.html as well (the demo's to demo.html beside the runs).
    On a terminal its path is printed instead of it.
    """
    from sim.cli.runs import DEMO, recording
    from sim.paths import runs

    asked = {"html": html, "junit": junit, "json": json, "svg": svg, "runbook": runbook}
    wanted = [form for form, is_asked in asked.items() if is_asked]
    if open_ and wanted in ([], ["html"]):
        wanted = ["html"]
    if len(wanted) > 1 or (open_ and wanted != ["html"]):
        raise BadInput("one form at a time", seen=" ".join(f"--{form}" for form in wanted),
                       todo="call it once for each; --to names the file")
    form = wanted[0] if wanted else "text"
    if beside and form != "html":
        raise BadInput("runs are put beside each other on the page only", where="--beside",
                       todo="add --html, or use rehearse compare")
    folder = recording(run)
    text = _drawn(form, folder, beside or []) if form in DRAWN else _stored(form, folder)
    page = runs().parent / "demo.html" if run == DEMO else folder / FORMS[form]
    if form == "html":
        with contextlib.suppress(PermissionError):
            _write(page, text)
    if to is not None:
        _write(to, text)
        progress(f"written: {to}")
    elif open_ or (form == "html" and sys.stdout.isatty()):
        result(str(page))
    else:
        typer.echo(text, nl=False)
    if open_:
        _open(to or page)


def _stored(form: str, folder: Path) -> str:
    from sim.cli.runs import DEMO
    from sim.paths import data

    path = folder / FORMS[form]
    if not path.exists():
        if folder == data("scenarios", DEMO):
            raise BadInput(f"the shipped recording has no {FORMS[form]}", where=str(folder),
                           todo="it has the text, --html, --json and --svg; a run of one's own has every form")
        raise no_report(folder)
    return path.read_text()


def _drawn(form: str, folder: Path, beside: list[str]) -> str:
    """Made from history and verdict as they stand in the folder."""
    from sim.report.page import page, timeline_svg

    told = read(folder)
    if form == "svg":
        return timeline_svg(*told)
    comparison = None
    if beside:
        from sim.cli.compare import beside as put_beside

        comparison = put_beside([str(folder), *beside])
    return page(*told, beside=comparison)


def _write(path: Path, text: str) -> None:
    from sim.runfolder import write_private

    try:
        write_private(path, text)
    except PermissionError:
        raise
    except OSError as error:
        raise BadInput("this file can't be written", where=str(path), seen=str(error)) from error


def _open(path: Path) -> None:
    """Show a file in the user's browser; without one the path stands on stdout all the same."""
    import webbrowser

    if not webbrowser.open(path.resolve().as_uri()):
        next_step(f"open {path} in a browser; none was found here")
