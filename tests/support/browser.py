"""A real browser without a window, asked over its debugging protocol."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-sync", "--disable-default-apps", "--mute-audio", "--disable-dev-shm-usage")
READY_S = 60.0


def browser_path() -> str | None:
    """The browser of this machine, if it has one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Tab:
    """One page: what it logged, what it asked for, and what scripts say of it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.logged: list[str] = []
        """Console messages, uncaught errors and refusals of the content security policy."""
        self.requested: list[str] = []
        self._loaded = asyncio.Event()

    async def listen(self) -> None:
        """Read what the browser says until it closes."""
        async for message in self._socket:
            told = message.json()
            if "id" in told:
                self._answers.pop(told["id"]).set_result(told)
            elif told["method"] == "Runtime.consoleAPICalled":
                self.logged.append(str(told["params"]["args"]))
            elif told["method"] == "Runtime.exceptionThrown":
                self.logged.append(str(told["params"]["exceptionDetails"]))
            elif told["method"] == "Log.entryAdded":
                self.logged.append(told["params"]["entry"]["text"])
            elif told["method"] == "Network.requestWillBeSent":
                self.requested.append(told["params"]["request"]["url"])
            elif told["method"] == "Page.loadEventFired":
                self._loaded.set()

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command; its result."""
        i = next(self._ids)
        answer = self._answers[i] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": i, "method": method, "params": parameters})
        told = await asyncio.wait_for(answer, READY_S)
        assert "error" not in told, told
        return dict(told["result"])

    async def open(self, url: str, *, width: int, height: int = 900, dark: bool = False) -> None:
        """Load a page at a width, offline."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.send(f"{domain}.enable")
        await self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                        mobile=width < 600)
        await self.send("Emulation.setEmulatedMedia",
                        features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self._loaded.clear()
        await self.send("Page.navigate", url=url)
        await asyncio.wait_for(self._loaded.wait(), READY_S)

    async def ask(self, script: str) -> Any:
        """The value of an expression in the page."""
        told = await self.send("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")


@contextlib.asynccontextmanager
async def browser(*, script: bool = True) -> AsyncIterator[Tab]:
    """A browser with a profile of its own; ended and removed afterwards."""
    path = browser_path()
    assert path is not None
    profile = Path(tempfile.mkdtemp(prefix="rehearse-browser-"))
    process = await asyncio.create_subprocess_exec(
        path, *QUIET, f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
        env={**os.environ, "HOME": str(profile)})
    try:
        port = await asyncio.wait_for(_port(profile, process), READY_S)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                pages = [p for p in await answer.json() if p["type"] == "page"]
            async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                tab = Tab(socket)
                listening = asyncio.create_task(tab.listen())
                if not script:
                    await tab.send("Emulation.setScriptExecutionDisabled", value=True)
                yield tab
                listening.cancel()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await asyncio.sleep(0.2)  # its children notice
        shutil.rmtree(profile, ignore_errors=True)


async def _port(profile: Path, process: asyncio.subprocess.Process) -> str:
    told = profile / "DevToolsActivePort"
    while not (told.exists() and told.read_text().strip()):
        assert process.returncode is None, f"the browser ended with {process.returncode}"
        await asyncio.sleep(0.05)
    return told.read_text().splitlines()[0]
