"""`rehearse bench screen`: how soon the screen is there, how soon it answers a key, what it costs.

The screen runs in a terminal of its own (a pty) as for people; what it draws is read back with the escapes
taken out. First a recording of a million ops, then a run that is being written, at an ordinary rate for
what the screen costs and at a thousand ops a second for how it answers.
"""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.cli.output import progress, result, result_json, table

if TYPE_CHECKING:
    from sim.history.op import Op

OPS = 1_000_000
"""Source: the benchmark's goal, a recording of 10^6 ops."""
GOALS = {"first_frame_s": 1.0, "opened_s": 3.0, "key_s": 0.1, "busy_key_s": 0.1, "core_share": 0.15}
"""Source: the benchmark's goals: first frame 1 s, opened 3 s, a key's effect 100 ms, 15 % of a core."""
SIZE = (40, 140)
"""Rows and columns; the goal for the cost is at 40 rows."""
ORDINARY_RPS, BUSY_RPS = 480.0, 1000.0
"""Lines a second: the default's 240 operations (two lines each), and the goal's 1,000."""
LIVE_OPS, LIVE_GRANTS = 200_000, 200
"""Assumption: few grants, so that the run is soon in its baseline, which lasts 60,000 lines."""
COST_S = 10.0
SETTLED_S = 3.0
"""Assumption: imports and first drawings are over by then and belong to the opening."""
WAIT_S = 60.0
SCREENS = (("2", "LATENCY OF"), ("3", "PROOF"), ("4", "WHO WAITS"), ("5", "LEDGER"), ("6", "LOG"), ("1", "WAY BACK"))
"""Key → what stands on that screen and on no other."""
_ESCAPES = re.compile(r"\x1b\[[0-9;?<>=]*[A-Za-z~]|\x1b[()][A-Z0-9]|\x1b[=>78cM]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")


def bench_screen(
    ops: Annotated[int, typer.Option(min=20_000, help="Ops (lines) in the recording.")] = OPS,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON.")] = False,
) -> int:
    """How soon the screen opens a long recording and answers a key, and what it costs while a run lives.

    Exits 1 if a goal is missed. Takes half a minute.
    """
    with tempfile.TemporaryDirectory(prefix="rehearse-bench-") as folder:
        progress(f"writing {ops:,} ops …")
        recording = _folder(Path(folder) / "recording")
        _write(recording / "history.jsonl", ops)
        progress("opening the recording …")
        told = _recorded(recording)
        for word, rate_rps in (("core_share", ORDINARY_RPS), ("busy_key_s", BUSY_RPS)):
            progress(f"watching a run at {rate_rps:,.0f} ops a second …")
            told |= _live(_folder(Path(folder) / word), rate_rps, word)
    told["ops"], told["met"] = ops, {name: told[name] <= goal for name, goal in GOALS.items()}
    if as_json:
        result_json(told)
    else:
        result(shown(told))
    return 0 if all(told["met"].values()) else 1


def shown(told: dict[str, Any]) -> str:
    """Figures against goals, for people."""
    words = {"first_frame_s": ("first frame", "s"), "opened_s": (f"a recording of {told['ops']:,} ops is open", "s"),
             "key_s": ("slowest key in it", "ms"), "busy_key_s": (f"slowest key at {BUSY_RPS:,.0f} ops/s", "ms"),
             "core_share": (f"of a core at {ORDINARY_RPS:,.0f} ops/s", "%")}
    scale = {"s": (1.0, ".2f"), "ms": (1000.0, ".0f"), "%": (100.0, ".1f")}
    rows = []
    for name, (said, unit) in words.items():
        factor, digits = scale[unit]
        rows.append((said, f"{told[name] * factor:{digits}} {unit}", f"≤ {GOALS[name] * factor:g} {unit}",
                     "✓" if told["met"][name] else "✗ missed"))
    rows.append(("its end is reached, all ops read", f"{told['end_s']:.2f} s", "", ""))
    rows.append(("peak memory", f"{told['peak_bytes'] / 1e6:.0f} MB", "", ""))
    return table(("the screen", "measured", "goal", ""), rows)


class Screen:
    """`python -m tui` in a pty."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
        self.began_s = time.perf_counter()
        self.child = subprocess.Popen(
            [sys.executable, "-m", "tui", str(folder), *options], stdin=slave, stdout=slave, stderr=slave,
            start_new_session=True, env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"})
        os.close(slave)
        self._text, self._news = "", threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        held = ""
        while True:
            try:
                text = held + decode(os.read(self._master, 1 << 16))
            except OSError:
                return
            cut = text.rfind("\x1b")  # an escape that came in two pieces waits for its end
            text, held = (text[:cut], text[cut:]) if cut >= 0 and not _ESCAPES.match(text, cut) else (text, "")
            with self._news:
                self._text = (self._text + _ESCAPES.sub("", text))[-200_000:]
                self._news.notify_all()

    def press(self, key: str, wanted: str) -> float:
        """Seconds until what a key shows has been drawn."""
        with self._news:
            self._text = ""
        began_s = time.perf_counter()
        os.write(self._master, key.encode())
        return self.wait(wanted) - began_s

    def wait(self, wanted: str) -> float:
        """Wait until it has drawn this; the instant. Raises RuntimeError if it never does."""
        with self._news:
            if not self._news.wait_for(lambda: wanted in self._text, WAIT_S):
                raise RuntimeError(f"the screen never showed {wanted!r}; last: {' '.join(self._text.split())[-300:]!r}")
            return time.perf_counter()

    def close(self) -> None:
        """End it."""
        self.child.terminate()
        self.child.wait()
        os.close(self._master)


def _recorded(folder: Path) -> dict[str, Any]:
    import psutil

    screen = Screen(folder, "--replay")
    try:
        first_s = screen.wait("rehearse") - screen.began_s
        opened_s = screen.wait("REPLAY") - screen.began_s
        time.sleep(SETTLED_S)
        keys = [screen.press(key, wanted) for key, wanted in SCREENS]
        end_s = screen.press("\x1b[F", "FINISHED")
        peak_bytes = psutil.Process(screen.child.pid).memory_info().rss
    finally:
        screen.close()
    return {"first_frame_s": first_s, "opened_s": opened_s, "key_s": max(keys), "keys_s": keys, "end_s": end_s,
            "peak_bytes": peak_bytes}


def _live(folder: Path, rate_rps: float, word: str) -> dict[str, Any]:
    """A run that is being written while it is watched: the slowest key, or the share of a core."""
    import psutil

    over = threading.Event()
    writer = threading.Thread(target=_written, args=(folder / "history.jsonl", rate_rps, over))
    writer.start()
    screen = Screen(folder)
    try:
        screen.wait("WAY BACK")
        time.sleep(SETTLED_S)
        if word == "busy_key_s":
            return {word: max(screen.press(key, wanted) for key, wanted in SCREENS)}
        process = psutil.Process(screen.child.pid)
        before, began_s = process.cpu_times(), time.perf_counter()
        time.sleep(COST_S)
        after, took_s = process.cpu_times(), time.perf_counter() - began_s
        return {word: (after.user + after.system - before.user - before.system) / took_s}
    finally:
        screen.close()
        over.set()
        writer.join()


def _written(file: Path, rate_rps: float, over: threading.Event) -> None:
    """Append a run's ops at a rate, as its harness does, until told to end."""
    import msgspec

    from sim.cli.bench_history import GAP_S

    encode = msgspec.json.Encoder().encode
    began_s = time.perf_counter()
    with file.open("ab", buffering=0) as lines:
        lines.write(encode(_header()) + b"\n")
        ops, n = _ops(1 / rate_rps / GAP_S), 0
        while not over.wait(0.05):
            due = int((time.perf_counter() - began_s) * rate_rps)
            lines.write(b"".join(encode(op) + b"\n" for op in islice(ops, max(0, due - n))))
            n = max(n, due)


def _folder(folder: Path) -> Path:
    from sim.scenario import load_scenario, resolved

    folder.mkdir()
    (folder / "scenario.yaml").write_text(resolved(load_scenario("10"), seed=10))
    return folder


def _write(file: Path, ops: int) -> None:
    from sim.cli.bench_checker import write

    write(file, ops)


def _header() -> Any:
    from sim.history.op import Header

    return Header(origin_utc="2026-01-01T00:00:00.000Z", scenario="bench", seed=10, engine="none")


def _ops(stretched: float) -> Iterator[Op]:
    """The ordinary mix of a baseline that outlasts the look, its times stretched."""
    import msgspec

    from sim.cli.bench_history import Run

    for op in Run(LIVE_OPS, Random(10), grants=LIVE_GRANTS).ops():
        due_s = None if op.due_s is None else round(op.due_s * stretched, 6)
        yield msgspec.structs.replace(op, t_s=round(op.t_s * stretched, 6), due_s=due_s)
