"""`rehearse watch RUN --svg FILE`: a picture of a screen of any run, without a terminal."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from screens import run_folder

from sim import paths
from sim.errors import BadInput
from tui.picture import Wanted, picture


def told(svg: str) -> str:
    """What stands on it."""
    return html.unescape(re.sub(r"<[^>]*>", "", svg)).replace("\xa0", " ")


def width(svg: str) -> float:
    found = re.search(r'viewBox="0 0 ([\d.]+)', svg)
    assert found
    return float(found[1])


def test_each_screen_stands_on_its_picture(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, until_s=1e9, judged=True)
    for screen, words in {"1": "FINISHED", "traffic": "introspect", "3": "edge->queue", "5": "grant", "6": "close done",
                          "7": "USED / ALLOWED"}.items():
        said = told(picture(folder, Wanted(screen)))
        assert words in said, f"{screen}: {said[-1500:]}"


def test_size_theme_and_instant(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, until_s=1e9, judged=True)
    small = picture(folder, Wanted(at="migrate + 1s"))
    wide = picture(folder, Wanted(size="160x50", theme="light", at="migrate + 1s"))
    assert "MIGRATE" in told(small) and "FINISHED" not in told(small)
    assert "RUNBOOK" in told(wide) and width(wide) > 1.8 * width(small)
    assert "#fbfaf7" in wide.lower() and "#fbfaf7" not in small.lower(), "the light theme's own paper"
    assert "MIGRATE" not in told(picture(folder, Wanted(at="3s")))


def test_it_loads_nothing_and_holds_no_script(tmp_path: Path) -> None:
    svg = picture(run_folder(tmp_path), Wanted())
    assert re.findall(r"https?://[^\s\"')]+", svg.replace("http://www.w3.org/2000/svg", "")) in ([], [
        "https://www.textualize.io"]) and "url(http" not in svg and "<script" not in svg and "@font-face" not in svg


@pytest.mark.parametrize(("wanted", "why"), [
    (Wanted(screen="9"), "there is no screen"), (Wanted(size="wide"), "no size"), (Wanted(size="9999x9"), "no size"),
    (Wanted(theme="pink"), "no theme"), (Wanted(at="migrat"), "did you mean migrate"),
    (Wanted(at="by hand"), "never came"), (Wanted(at="migrate +"), "not an instant"),
])
def test_what_is_wrong_is_said(tmp_path: Path, wanted: Wanted, why: str) -> None:
    with pytest.raises(BadInput) as error:
        picture(run_folder(tmp_path), wanted)
    assert why in str(error.value)


def test_the_command_writes_it_without_a_terminal(tmp_path: Path) -> None:
    def rehearse(*options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "sim.cli.app", "watch", "demo", *options], capture_output=True, text=True,
            stdin=subprocess.DEVNULL, check=False, env={**os.environ, "PYTHONPATH": str(paths.PROJECT)})

    to = tmp_path / "verdict.svg"
    done = rehearse("--svg", str(to), "--screen", "verdict", "--size", "160x50")
    assert done.returncode == 0 and done.stderr == f"written: {to}\n", done.stderr
    assert to.read_text().startswith("<svg") and to.stat().st_mode & 0o777 == 0o600
    wrong = rehearse("--svg", str(to), "--at", "nowhere")
    assert wrong.returncode == 254 and "never came" in wrong.stderr and "Traceback" not in wrong.stderr
    assert rehearse("--svg", str(tmp_path / "none" / "x.svg")).returncode == 254
