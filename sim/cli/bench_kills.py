"""`rehearse bench kills`: the harness killed with SIGKILL at many instants; what is lost, what is left behind.

Real runs of a small scenario, several side by side, each killed in a step of its own at an instant drawn by
the seed. Each is taken up by `rehearse resume`, or cleaned up after where there is nothing to take up; then
we look by ourselves for what still runs.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from sim.cli.child import begin_run, folder_beside_runs, last_words, passed_on, verdict_of
from sim.cli.output import progress, result, result_json, screen_width, table

STAGE, SEED = "kills", 100
"""The stage and its own seed: the seeded blue of one run serves the next."""
STARTING = "starting"
"""Before the first step: parts are being started, nothing can be taken up."""
STARTING_S = 6.0
"""Assumption: a process stack of few grants takes longer than that until its first step."""
INSIDE_S = 1.5
"""Assumption: how far inside a step the kill comes at most; the shortest are over before, and the next has begun."""
CLOSING_S = 0.3
"""Assumption: the last step takes a second, and nothing follows it."""
REACHED_S = 240.0
"""Assumption: some small runs side by side on two cores reach every step by then."""
ENDED = ("rolled_back", "completed", "cleaned")
RESUME_S = 240.0
"""Assumption: a resume takes half a minute; eight times that is a fault."""
LOOK_S = 0.05
"""Seconds between two looks at a run."""
RUN_S = 75.0
"""Assumption: one kill and one resume, for the estimate alone."""


class Kill(NamedTuple):
    """One kill to be made."""

    n: int
    step: str
    after_s: float
    """From the step's begin (or the run's, while it is starting)."""


class Seen(NamedTuple):
    """What came of one kill."""

    step: str
    after_s: float
    became: str
    """rolled_back, completed, `cleaned` (nothing to take up), or what went wrong."""
    lost: str
    """The check that says so, or ''."""
    unwritten_s: float
    """How old the history's last line was when the kill came."""
    torn: bool
    left: list[str]
    """What still ran or stood afterwards."""
    folder: str = ""

    @property
    def good(self) -> bool:
        """Nothing is lost, nothing is left, and it came to an end that can be trusted."""
        became = ("cleaned",) if self.step == STARTING else ("rolled_back", "completed")
        return not self.lost and not self.left and self.became in became


def kills(steps: Sequence[str], count: int, seed: int) -> list[Kill]:
    """So many kills, the steps in turn, each at an instant drawn by the seed. Pure."""
    chance = random.Random(sha256(f"{seed}/kills".encode()).digest())
    names = [STARTING, *steps]
    longest_s = {STARTING: STARTING_S, names[-1]: CLOSING_S}
    return [Kill(n, step, round(chance.uniform(0.0, longest_s.get(step, INSIDE_S)), 2))
            for n, step in ((n, names[n % len(names)]) for n in range(count))]


def figures(seen: Sequence[Seen]) -> dict[str, Any]:
    """{kills, lost, left, torn, unwritten_max_s, not_taken_up, met}."""
    return {"kills": len(seen), "lost": sum(bool(s.lost) for s in seen), "left": sum(len(s.left) for s in seen),
            "torn": sum(s.torn for s in seen), "unwritten_max_s": max((s.unwritten_s for s in seen), default=0.0),
            "not_taken_up": sum(s.became not in ENDED for s in seen),
            "met": bool(seen) and all(s.good for s in seen)}


def bench_kills(
    count: Annotated[int, typer.Option("--kills", min=1, help="How many runs are killed.")] = 50,
    jobs: Annotated[int, typer.Option(min=1, max=8, help="Runs side by side.")] = 3,
    seed: Annotated[int, typer.Option(help="the instants")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="The figures as JSON.")] = False,
) -> int:
    """Kill the harness in every step, take each run up again, and look what was lost and what was left behind.

    Process engine alone. Exits 1 if a revocation was lost, anything was left or a run could
    not be taken up.
    """
    from sim.paths import data
    from sim.scenario import load_scenario

    file = data("scenarios", "bench", f"{STAGE}.yaml")
    todo = kills([step.name for step in load_scenario(file).runbook], count, seed)
    folder = folder_beside_runs("kills")
    progress(f"{count} kills, {jobs} runs side by side, about {count * RUN_S / 60 / jobs:.0f} min")
    seen: list[Seen] = []
    children: list[subprocess.Popen[bytes]] = []
    stop = threading.Event()

    def one(kill: Kill) -> None:
        if stop.is_set():
            return
        came = play(kill, file, folder / f"{folder.name}-{kill.n:03}", children)
        seen.append(came)
        progress(f"[{len(seen):>3}/{count}] {'✓' if came.good else '✗'} {kill.step} + {kill.after_s:.2f} s: "
                 + came.became + (f"; LOST {came.lost}" if came.lost else "")
                 + (f"; LEFT {', '.join(came.left)}" if came.left else ""))

    with passed_on(children) as told, ThreadPoolExecutor(jobs) as pool:
        waiting = [pool.submit(one, kill) for kill in todo]
        while not all(w.done() for w in waiting):
            if told:
                stop.set()
            time.sleep(LOOK_S)
    for done in waiting:
        done.result()  # a defect of ours is not swallowed
    if as_json:
        result_json({**figures(seen), "interrupted": stop.is_set(), "seen": [s._asdict() for s in seen]})
    else:
        result(shown(seen))
    return 255 if stop.is_set() else 0 if figures(seen)["met"] else 1


def play(kill: Kill, file: Path, run: Path, children: list[subprocess.Popen[bytes]]) -> Seen:
    """One run, killed, and taken up again or cleaned up after."""
    from sim.history.history import History
    from sim.rigs.real import leftovers

    child = begin_run(file, run, "process", SEED)
    children.append(child)
    reached = _reaches(child, run, kill.step)
    time.sleep(kill.after_s)
    alive = child.poll() is None
    child.kill()
    killed_unix = time.time()
    child.wait()
    children.remove(child)
    if not reached or (not alive and kill.step != STARTING):
        return Seen(kill.step, kill.after_s, f"it ended before the kill: {last_words(run, 100)}", "", 0.0, False,
                    _left(run), str(run))
    unwritten_s, torn = 0.0, False
    if (run / "history.jsonl").exists() and (run / "history.jsonl").stat().st_size:
        history = History.load(run / "history.jsonl")
        origin = datetime.fromisoformat(history.header.origin_utc).timestamp()
        torn = history.torn
        if history.ops:
            unwritten_s = round(max(0.0, killed_unix - origin - history.ops[-1].t_s), 3)
    became, lost = _taken_up(run, children) if kill.step != STARTING else ("", "")
    if kill.step == STARTING:
        leftovers.remove(run=run.name)
        became = "cleaned"
    left = [f"{one.kind} {one.name}" for one in leftovers.find(run=run.name)] + _left(run)
    seen = Seen(kill.step, kill.after_s, became, lost, unwritten_s, torn, left, str(run))
    if seen.good:
        shutil.rmtree(run, ignore_errors=True)
    return seen


def _reaches(child: subprocess.Popen[bytes], run: Path, step: str) -> bool:
    """Wait until the step has begun; False if the run ended before."""
    if step == STARTING:
        return True
    words, history = f'"step":"{step}","kind"'.encode(), run / "history.jsonl"
    until = time.monotonic() + REACHED_S
    while time.monotonic() < until and child.poll() is None:
        if history.exists() and words in history.read_bytes():
            return True
        time.sleep(LOOK_S)
    return False


def _taken_up(run: Path, children: list[subprocess.Popen[bytes]]) -> tuple[str, str]:
    """(what `rehearse resume` made of it, the check that says something was lost)."""
    resuming = subprocess.Popen([sys.executable, "-m", "sim.cli.app", "resume", str(run)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    children.append(resuming)
    try:
        _, said = resuming.communicate(timeout=RESUME_S)
    except subprocess.TimeoutExpired:
        resuming.terminate()
        _, said = resuming.communicate()
    children.remove(resuming)
    verdict = verdict_of(run)
    if verdict is None:
        return f"not taken up: {' '.join(said.decode(errors='replace').split())[-200:]}", ""
    lost = next((c for c in verdict.checks if c.name in ("revocation", "replay_queue", "rollback")
                 and c.verdict == "broken"), None)
    return verdict.ended, f"{lost.name}: {lost.summary}" if lost is not None else ""


def _left(run: Path) -> list[str]:
    """Processes that bear the run's mark, found without its records."""
    from sim.rigs.real.engines.running import marked
    from sim.rigs.real.labels import MARKER, part_of

    return [f"process {pid}" for pid in marked(MARKER, part_of(run))]


def shown(seen: Sequence[Seen]) -> str:
    """By step, for people; then what was not good, then the figures."""
    told = figures(seen)
    steps = list(dict.fromkeys(s.step for s in sorted(seen, key=lambda s: s.step != STARTING)))
    rows = []
    for step in steps:
        of = [s for s in seen if s.step == step]
        became = Counter(s.became if s.became in ENDED else "NOT TAKEN UP" for s in of)
        ways = ", ".join(f"{n} {way}" for way, n in became.items())
        rows.append((step, str(len(of)), str(sum(bool(s.lost) for s in of)), str(sum(len(s.left) for s in of)), ways))
    lines = [table(("killed in", "kills", "lost", "left", "became"), rows, width=screen_width()), ""]
    lines += [f"{s.step} + {s.after_s:.2f} s: {s.became} {s.lost} {', '.join(s.left)}  {s.folder}" for s in seen
              if not s.good]
    lines.append(f"{told['kills']} kills: {told['lost']} lost a revocation, {told['left']} things left behind, "
                 f"{told['not_taken_up']} not taken up")
    lines.append(f"the history's last line was at most {told['unwritten_max_s']:.2f} s old; {told['torn']} were torn")
    return "\n".join(lines)
