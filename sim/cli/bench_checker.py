"""`rehearse bench checker`: can a long run be judged while one waits?

A history of a million ops is written to a temporary file, shaped like a real run (the default
mix, a snapshot, a switch, a replay, everything read by key), and read and judged in a process
of its own, so that its peak memory is that of reading and judging and of nothing else.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.cli.output import reached

if TYPE_CHECKING:
    from sim.history.op import Op

OPS = 1_000_000
"""Source: the benchmark's goal, 10^6 ops."""
JUDGED_GOAL_S = 10.0
"""Source: the benchmark's goal: judged in 10 s; a longer one in as much more."""
PEAK_GOAL_BYTES = 1 << 30
"""Source: the benchmark's goal: in 1 GB."""
SEED = 10
DAY_S, DAY_RPS, DAY_LIFETIME_S = 86_400.0, 160.0, 3600.0
"""Source: the benchmark's goal, 24 h of ops in bounded memory; the default's rate after midnight, Hydra's
default lifetime."""
DAY_OPS = int(DAY_S * DAY_RPS * 2)
"""An operation is two lines."""

GRANTS_A_CALL = 1 / 40
"""Assumption: forty operations a grant, about what the default mix does in ten minutes."""

TOLD_EVERY = 3_000_000
"""Assumption: a line in half a minute."""


def bench_checker(
    ops: Annotated[int, typer.Option(min=20_000, help="Ops (lines) in the history.")] = OPS,
    day: Annotated[bool, typer.Option("--day", help=f"A day of them: {DAY_OPS:,}; 6 GB of disk.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON.")] = False,
) -> None:
    """How fast a long history is judged, and in how much memory."""
    from sim.cli import output

    ops = DAY_OPS if day else ops
    with tempfile.TemporaryDirectory(prefix="rehearse-bench-") as folder:
        path = Path(folder) / "history.jsonl"
        output.progress(f"writing {ops:,} ops …")
        write(path, ops, day=day)
        output.progress(f"judging; the goal is {goal_s(ops):g} s …")
        done = subprocess.run([sys.executable, "-m", "sim.cli.bench_checker", str(path)], check=True,
                              stdout=subprocess.PIPE, text=True)
    output.figures(json.loads(done.stdout), _rows, as_json=as_json)


def _rows(figures: dict[str, Any]) -> list[list[str]]:
    return [
        ["judged", f"{figures['judged_s']:.2f} s", f"≤ {figures['goal_s']:g} s", reached(figures["met"]["judged_s"])],
        ["peak memory", f"{figures['peak_bytes'] / 1e6:.0f} MB", f"≤ {PEAK_GOAL_BYTES / 1e6:.0f} MB",
         reached(figures["met"]["peak_bytes"])],
        ["ops a second", f"{figures['ops_per_s']:,.0f}", "", ""],
        ["read from disk", f"{figures['read_s']:.2f} s", "", ""],
        ["history", f"{figures['ops']:,} ops, {figures['file_bytes'] / 1e6:.0f} MB", "", ""],
        ["verdict", figures["verdict"], "held", reached(figures["met"]["verdict"])],
    ]


def goal_s(ops: int) -> float:
    """Seconds in which so many ops are to be read and judged."""
    return round(JUDGED_GOAL_S * max(1.0, ops / OPS), 1)


def measure(path: Path) -> dict[str, Any]:
    """Read and judge a history; seconds, bytes and the verdict's word."""
    import resource

    from sim.checks.judge import judge_under
    from sim.checks.terms import Limit, Terms
    from sim.history.history import History

    terms = Terms(slug="bench", roles=frozenset({"baseline", "capture", "copy", "migrate", "cutover", "replay",
                                                 "soak", "verify"}),
                  limits={name: Limit("all", "count", "the benchmark's own", True) for name in (
                      "write_loss.grants", "write_loss.service_tokens", "session_continuity.lost_chains",
                      "login_continuity.browser_sessions")})
    began_s = time.perf_counter()
    history = History.load(path)
    read_s = time.perf_counter() - began_s
    ops = len(history.ops)
    began_s = time.perf_counter()
    verdict = judge_under(history, terms)
    judged_s = time.perf_counter() - began_s
    within_s = goal_s(ops)
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {
        "ops": ops, "judged_s": round(judged_s, 3), "read_s": round(read_s, 3),
        "ops_per_s": round(ops / judged_s), "peak_bytes": peak_bytes, "file_bytes": path.stat().st_size,
        "verdict": verdict.verdict, "checks": {c.name: c.verdict for c in verdict.checks},
        "goal_s": within_s,
        "met": {"judged_s": read_s + judged_s <= within_s, "peak_bytes": peak_bytes <= PEAK_GOAL_BYTES,
                "verdict": verdict.verdict == "held"},
    }


def write(path: Path, ops: int, *, day: bool = False) -> None:
    """Write a history of about `ops` lines to `path`."""
    import msgspec

    from sim.cli import output
    from sim.history.op import Header

    encode = msgspec.json.Encoder().encode
    with path.open("wb") as file:
        file.write(encode(Header(origin_utc="2026-01-01T00:00:00.000Z", scenario="bench", seed=SEED,
                                 engine="none")) + b"\n")
        for n, op in enumerate(generate(ops, day=day), start=1):
            file.write(encode(op) + b"\n")
            if n % TOLD_EVERY == 0:
                output.progress(f"  {n:,} of {ops:,} written")


def generate(ops: int, *, day: bool = False) -> Iterator[Op]:
    """A run's ops: half before the switch, half after it, all as it should be; over a day, or as fast as can be."""
    from sim.cli.bench_history import GAP_S, LIFETIME_S, Run

    yield from Run(ops, Random(SEED), grants=max(200, int(ops / 2 * GRANTS_A_CALL)),
                   gap_s=DAY_S / ops if day else GAP_S, lifetime_s=DAY_LIFETIME_S if day else LIFETIME_S).ops()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(Path(sys.argv[1]))) + "\n")
