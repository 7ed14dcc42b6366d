"""`rehearse watch --serve`: the same screen in a browser: on loopback alone, read-only unless asked otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import psutil
import pytest
from screens import run_folder

from sim import paths
from sim.control import ControlServer

READY_S = 60.0
PAUSE = " "


class Desk:
    """Writes down what commands come."""

    def __init__(self) -> None:
        self.came: list[str] = []

    async def handle(self, verb: str, who: str, arguments: dict[str, object]) -> str:
        self.came.append(verb)
        return f"done: {verb}"


@contextlib.asynccontextmanager
async def served(folder: Path, *options: str) -> AsyncIterator[tuple[str, int]]:
    """The served screen of a run: (its URL, the server's pid); ended by Ctrl-C, and every process of it gone."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sim.cli.app", "watch", str(folder), "--serve", *options,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        start_new_session=True, env={**os.environ, "PYTHONPATH": str(paths.PROJECT)})
    assert process.stderr is not None
    try:
        line = (await asyncio.wait_for(process.stderr.readline(), READY_S)).decode()
        found = re.search(r"http://[\d.]+:\d+", line)
        assert found, line
        async with asyncio.timeout(READY_S):
            while not listening(process.pid):
                assert process.returncode is None
                await asyncio.sleep(0.05)
        yield found[0], process.pid
    finally:
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.wait(), READY_S)
        _, alive = psutil.wait_procs(family, timeout=10)
        assert not alive, "screens of open pages end with their server"


def listening(pid: int) -> list[tuple[str, int]]:
    return [tuple(one.laddr) for one in psutil.Process(pid).net_connections() if one.status == psutil.CONN_LISTEN]


async def press(url: str, key: str, desk: Desk) -> str:
    """Open the page's screen, press a key once it is drawn, wait a while; what was drawn."""
    drawn = ""
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/ws?width=80&height=24",
                                                                      origin=url) as page:
        async with asyncio.timeout(READY_S):
            while "BLUE" not in drawn:
                message = await page.receive()
                assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), message
                drawn += message.data.decode(errors="replace") if isinstance(message.data, bytes) else message.data
        await page.send_json(["stdin", key])
        until = asyncio.get_running_loop().time() + 10
        while not desk.came and "read-only" not in drawn and asyncio.get_running_loop().time() < until:
            with contextlib.suppress(TimeoutError):
                message = await page.receive(0.2)
                drawn += message.data.decode(errors="replace") if isinstance(message.data, bytes) else str(message.data)
    return drawn


@pytest.mark.parametrize(("options", "came"), [([], []), (["--commands"], ["pause"])])
async def test_a_key_in_the_browser_commands_only_if_asked_for(tmp_path: Path, options: list[str],
                                                               came: list[str]) -> None:
    folder, desk = run_folder(tmp_path), Desk()
    control = ControlServer(folder, desk.handle)
    await control.start()
    try:
        async with served(folder, *options) as (url, pid):
            assert {host for host, _ in listening(pid)} == {"127.0.0.1"}
            async with aiohttp.ClientSession() as session, session.get(url) as page:
                text = await page.text()
            assert page.status == 200 and "<html" in text
            assert not re.findall(r"(?:src|href)=\"https?://(?!127\.0\.0\.1)", text), "it loads nothing from elsewhere"
            await press(url, PAUSE, desk)
            assert desk.came == came
    finally:
        await control.close()


async def test_another_site_s_page_gets_nothing(tmp_path: Path) -> None:
    """A page of some web site may ask this machine's loopback too; its browser says whose page it is."""
    async with served(run_folder(tmp_path)) as (url, _), aiohttp.ClientSession() as session:
        for headers in ({"Origin": "https://elsewhere.example"}, {"Host": "elsewhere.example"}):
            async with session.get(f"{url}/ws", headers=headers) as answer:
                assert answer.status == 403


async def test_a_taken_port_is_one_message(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sim.cli.app", "watch", str(folder), "--serve", "--port", str(port),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(paths.PROJECT)})
        out, said = await asyncio.wait_for(process.communicate(), READY_S)
    assert process.returncode == 254 and out == b""
    lines = said.decode().splitlines()
    assert len(lines) == 3 and f"port {port}" in lines[0] and "in use" in lines[1] and "--port 0" in lines[2]
