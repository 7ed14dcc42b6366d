"""report.html in a real browser: offline, without complaint, at a desk and on a phone."""

from __future__ import annotations

import lzma
import os
from pathlib import Path

import pytest
from browser import browser, browser_path

from sim.checks.verdict import from_json
from sim.history.history import History
from sim.paths import data
from sim.report.columns import Ran
from sim.report.comparison_page import beside, comparison_page
from sim.report.page import page, timeline_svg
from sim.scenario import load_scenario

if browser_path() is None and os.environ.get("REHEARSAL_REQUIRE_DOCKER") != "1":
    pytest.skip("there is no Chromium on PATH (Debian: apt install chromium)", allow_module_level=True)

DEMO = data("scenarios", "demo")
SECTIONS = ["price", "checks", "timeline", "gaps", "database", "hydra", "matrix", "beside", "not-shown", "again"]
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
DEAD_LINKS = """[...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href'))
    .filter(h => !h.startsWith('#') || !document.getElementById(h.slice(1)))"""
# Contrast as the WCAG define it, of every text that can be seen against the nearest background.
PALE = """(() => {
  const rgb = (c) => { const m = c.match(/[\\d.]+/g).map(Number); return m.length > 3 && m[3] === 0 ? null : m; };
  const part = (v) => v / 255 <= .04045 ? v / 255 / 12.92 : ((v / 255 + .055) / 1.055) ** 2.4;
  const light = (c) => { const [r, g, b] = c.slice(0, 3).map(part);
    return .2126 * r + .7152 * g + .0722 * b; };
  const found = [];
  for (const one of document.querySelectorAll('main *, header *, nav *, footer *')) {
    const says = [...one.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (one.closest('svg') || !says || !one.checkVisibility()) continue;
    let at = one, back = null;
    while (at && !(back = rgb(getComputedStyle(at).backgroundColor))) at = at.parentElement;
    const [a, b] = [light(rgb(getComputedStyle(one).color)), light(back || [255, 255, 255])];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) found.push(`${one.tagName} ${one.className} ${ratio.toFixed(2)} ${one.textContent.slice(0, 30)}`);
  }
  return [...new Set(found)];
})()"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    told = (from_json((DEMO / "verdict.json").read_bytes()),
            History.parse(lzma.decompress((DEMO / "history.jsonl.xz").read_bytes())),
            load_scenario(str(DEMO / "scenario.yaml")))
    runs = [Ran.of("20260101T000000Z-10-upgrade-b-capture-replay-10", told[0]), Ran.of("yesterday", told[0])]
    (folder / "report.html").write_text(page(*told, beside=beside(runs)))
    (folder / "compare.html").write_text(comparison_page(runs))
    (folder / "timeline.svg").write_text(timeline_svg(*told))
    return folder


@pytest.mark.parametrize("name", ["report.html", "compare.html"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_it_opens_offline_without_complaint_at_any_width(files: Path, name: str, width: int, dark: bool) -> None:
    url = (files / name).as_uri()
    async with browser() as tab:
        await tab.open(url, width=width, dark=dark)
        assert tab.logged == []
        assert tab.requested == [url], "nothing but the file itself is asked for"
        assert await tab.ask(WIDER) <= 0, "the page is not wider than the window"
        assert await tab.ask(DEAD_LINKS) == []
        assert await tab.ask(PALE) == []
        await tab.ask("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert await tab.ask(WIDER) <= 0, "not when everything is opened either"
        assert await tab.ask(PALE) == []


async def test_sections_headings_and_captions_are_there(files: Path) -> None:
    async with browser() as tab:
        await tab.open((files / "report.html").as_uri(), width=1280)
        assert await tab.ask("[...document.querySelectorAll('h2')].map(h => h.id)") == SECTIONS
        assert await tab.ask("document.querySelectorAll('h1').length") == 1
        assert await tab.ask("[...document.querySelectorAll('table')].filter(t => !t.caption).length") == 0
        drawings = "[...document.querySelectorAll('figure svg')]"
        assert await tab.ask(f"{drawings}.length > 0 && {drawings}.every(s => s.querySelector('title'))")
        assert await tab.ask("document.querySelectorAll('.op').length") > 20


async def test_a_link_to_a_check_opens_it_and_the_button_opens_all(files: Path) -> None:
    async with browser() as tab:
        await tab.open((files / "report.html").as_uri() + "#check-revocation", width=1280)
        assert await tab.ask("document.getElementById('check-revocation').open") is True
        await tab.ask("document.getElementById('open-all').click()")
        assert await tab.ask("[...document.querySelectorAll('main details')].every(d => d.open)") is True


async def test_without_script_everything_can_still_be_read(files: Path) -> None:
    async with browser(script=False) as tab:
        await tab.open((files / "report.html").as_uri(), width=1280)
        assert tab.logged == []
        told = await tab.send("DOM.getDocument", depth=1)
        root = told["root"]["nodeId"]
        button = await tab.send("DOM.querySelector", nodeId=root, selector="#open-all[hidden]")
        assert button["nodeId"] > 0, "what needs script is not offered"
        summaries = await tab.send("DOM.querySelectorAll", nodeId=root, selector="details > summary")
        assert len(summaries["nodeIds"]) > 20, "opening is the browser's own"


async def test_it_prints_on_a4(files: Path) -> None:
    async with browser() as tab:
        await tab.open((files / "report.html").as_uri(), width=1280)
        told = await tab.send("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        assert len(told["data"]) > 20_000
        await tab.send("Emulation.setEmulatedMedia", media="print")
        await tab.send("Emulation.setDeviceMetricsOverride", width=703, height=1000, deviceScaleFactor=1, mobile=False)
        assert await tab.ask(WIDER) <= 0, "nothing is cut off at the width of A4 within its margins"


async def test_the_timeline_alone_is_an_image(files: Path) -> None:
    url = (files / "timeline.svg").as_uri()
    async with browser() as tab:
        await tab.open(url, width=1280)
        assert tab.logged == [] and tab.requested == [url]
        assert await tab.ask("document.documentElement.tagName") == "svg"
        assert await tab.ask("getComputedStyle(document.querySelector('.rate')).fill") != "rgb(0, 0, 0)"
