"""`rehearse report`: each form on stdout or in a file, and what it says if there is none."""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from xml.etree import ElementTree

import pytest

from sim.cli import report as command
from sim.cli.app import call
from sim.history.journal import Journal
from sim.paths import data

DEMO = data("scenarios", "demo")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REHEARSE_HOME", str(tmp_path))
    monkeypatch.setenv("REHEARSE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


@pytest.fixture
def run(home: Path) -> Path:
    """The shipped recording as a run of this folder."""
    folder = home / "20260101T000000Z-demo-10"
    folder.mkdir()
    for name in ("verdict.json", "scenario.yaml", "report.txt"):
        (folder / name).write_bytes((DEMO / name).read_bytes())
    (folder / "history.jsonl").write_bytes(lzma.decompress((DEMO / "history.jsonl.xz").read_bytes()))
    (folder / "junit.xml").write_text("<testsuite/>\n")
    (folder / "runbook.md").write_text("# steps\n")
    return folder


@pytest.mark.parametrize(("flag", "file"), [
    ("", "report.txt"), ("--json", "verdict.json"), ("--junit", "junit.xml"), ("--runbook", "runbook.md")])
def test_what_the_run_wrote_goes_to_stdout_as_it_is(run: Path, capfd: pytest.CaptureFixture[str], flag: str,
                                                    file: str) -> None:
    assert call(["report", "latest", *([flag] if flag else [])]) == 0
    assert capfd.readouterr().out == (run / file).read_text()


def test_the_page_is_made_anew_goes_to_stdout_and_into_the_folder(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(["report", "latest", "--html"]) == 0
    out, err = capfd.readouterr()
    assert out.startswith("<!doctype html>") and out == (run / "report.html").read_text() and not err
    assert (run / "report.html").stat().st_mode & 0o777 == 0o600


def test_a_run_elsewhere_that_can_t_be_written_to_still_has_a_page(
        run: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, text: str) -> None:
        raise PermissionError(path)

    monkeypatch.setattr(command, "_write", refuse)
    assert call(["report", str(run), "--html"]) == 0
    assert capfd.readouterr().out.startswith("<!doctype html>")


def test_the_timeline_is_a_drawing(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(["report", "latest", "--svg"]) == 0
    assert ElementTree.fromstring(capfd.readouterr().out).tag.endswith("svg")
    assert not (run / "timeline.svg").exists()


def test_to_writes_a_file_and_leaves_stdout_empty(run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(["report", "latest", "--json", "--to", str(tmp_path / "v.json")]) == 0
    assert capfd.readouterr().out == ""
    assert json.loads((tmp_path / "v.json").read_text())["verdict"] == "held"
    assert call(["report", "latest", "--to", str(tmp_path / "no" / "v.json")]) == 254


def test_beside_puts_another_run_on_the_page(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(["report", "latest", "--html", "--beside", str(run)]) == 0
    assert '<h2 id="beside">' in capfd.readouterr().out
    assert call(["report", "latest", "--beside", str(run)]) == 254


def test_open_shows_the_page_and_prints_its_path(run: Path, capfd: pytest.CaptureFixture[str],
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or True)
    assert call(["report", "latest", "--open"]) == 0
    assert capfd.readouterr().out.strip() == str(run / "report.html")
    assert opened == [(run / "report.html").as_uri()]
    monkeypatch.setattr("webbrowser.open", lambda url: False)
    assert call(["report", "latest", "--open"]) == 0
    assert "none was found here" in capfd.readouterr().err


def test_the_shipped_recording_has_a_report_too(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(["report", "demo"]) == 0
    assert capfd.readouterr().out == (DEMO / "report.txt").read_text()
    shipped = sorted(one.name for one in DEMO.iterdir())
    assert call(["report", "demo", "--html"]) == 0
    assert capfd.readouterr().out == (home.parent / "demo.html").read_text()
    assert sorted(one.name for one in DEMO.iterdir()) == shipped
    assert call(["report", "demo", "--junit"]) == 254
    assert "the shipped recording has no junit.xml" in capfd.readouterr().err


def test_two_forms_at_once_are_refused(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(["report", "latest", "--html", "--json"]) == 254
    assert "one form at a time" in capfd.readouterr().err
    assert call(["report", "latest", "--json", "--open"]) == 254


def test_a_run_without_a_verdict_is_told_to_be_judged(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = home / "20260101T000000Z-10-x-10"
    folder.mkdir()
    Journal(folder / "history.jsonl", scenario="10-x", seed=10, engine="process").close()
    for flag in ("--html", "--svg", "--json", "--junit"):
        assert call(["report", "latest", flag]) == 254
        assert "rehearse judge" in capfd.readouterr().err


def test_comparing_as_a_page_and_into_a_file(run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(["compare", str(run), str(run), "--html", "--to", str(tmp_path / "c.html")]) == 0
    assert capfd.readouterr().out == ""
    text = (tmp_path / "c.html").read_text()
    assert text.startswith("<!doctype html>") and "What it cost" in text
    assert call(["compare", str(run), str(run), "--html", "--json"]) == 254
