"""The timeline as SVG: phases and faults over the rate and latency of each operation."""

from __future__ import annotations

from collections.abc import Sequence

from sim.checks.timeline import Timeline
from sim.report import marks
from sim.report.drawing import Drawing, Scale, ticks
from sim.report.instants import since
from sim.report.lanes import Lane, Lanes, curve
from sim.report.marks import Moment, Phase, Stretch

WIDTH = 1040.0
LEFT, RIGHT = 148.0, 14.0
ROW = 18.0
RATE, LATENCY, BETWEEN = 30.0, 58.0, 20.0
LETTER = 6.2
"""Width of a small letter, roughly: labels that would touch are set lower."""
CURVES = (("p99", "p99"), ("p95", "p95"), ("p50", "p50"))


class Scene:
    """Everything that is marked over one stretch of the run."""

    def __init__(self, begin_s: float, end_s: float, *, phases: Sequence[Phase], faults: Sequence[Stretch],
                 buffering: Sequence[Stretch], routes: Sequence[Stretch], moments: Sequence[Moment],
                 versions: dict[str, str]) -> None:
        self.begin_s, self.end_s = begin_s, end_s

        def here(stretch: Stretch | Phase) -> bool:
            return stretch.end_s > begin_s and stretch.begin_s < end_s

        self.phases = [p for p in phases if here(p)]
        self.faults = [f for f in faults if here(f)]
        self.buffering = [b for b in buffering if here(b)]
        self.routes = [r for r in routes if here(r)]
        self.moments = [m for m in moments if begin_s <= m.t_s <= end_s]
        self.versions = versions


def draw(ident: str, scene: Scene, lanes: Sequence[Lane], grid: Lanes, *, title: str) -> str:
    """One drawing: the scene above, a panel for each lane below, one time axis for all."""
    x = Scale(scene.begin_s, scene.end_s, LEFT, WIDTH - RIGHT)
    fault_rows = min(len(scene.faults), 12)
    top = 24 + ROW + 26 + ROW + 8 + fault_rows * (ROW + 2) + 16
    panel = RATE + LATENCY + BETWEEN
    height = top + panel * len(lanes) + 8
    drawing = Drawing(ident, WIDTH, height, title=title, says=_says(scene, lanes))
    _axis(drawing, scene, x, height)
    y = _phases(drawing, scene, x, 24)
    y = _routes(drawing, scene, x, y)
    _faults(drawing, scene, x, y, top, height)
    _moments(drawing, scene, x, top - 6, height)
    for n, lane in enumerate(lanes):
        _panel(drawing, lane, grid, x, top + n * panel)
    return drawing.svg()


def _says(scene: Scene, lanes: Sequence[Lane]) -> str:
    names = ", ".join(p.name for p in scene.phases)
    faults = "; ".join(f.says for f in scene.faults) or "no faults"
    return (f"From {since(scene.begin_s)} to {since(scene.end_s)}. Phases: {names}. Faults: {faults}. One panel each "
            f"for {', '.join(lane.f for lane in lanes)}. The figures stand in the tables below.")


def _axis(drawing: Drawing, scene: Scene, x: Scale, height: float) -> None:
    for t_s in ticks(scene.begin_s, scene.end_s, 11):
        at = x(t_s)
        drawing.line(at, 18, at, height, "grid")
        whole = round(t_s * 10)
        label = f"{whole // 600:02d}:{whole % 600 / 10:04.1f}".removesuffix(".0")
        drawing.text(at, 12, label, "tick", anchor="middle")
    drawing.text(0, 12, "min:s of the run", "tick")


def _phases(drawing: Drawing, scene: Scene, x: Scale, y: float) -> float:
    drawing.text(0, y + 13, "phases", "label")
    ends = [-1.0, -1.0]
    for phase in scene.phases:
        left, right = x(phase.begin_s), x(phase.end_s)
        kind = "undo" if phase.undo else "odd" if phase.n % 2 else "even"
        bad = " failed" if phase.outcome not in ("ok", "open") else ""
        drawing.box(left, y, max(1.5, right - left - 1), ROW, f"phase {kind}{bad}",
                    f"{phase.n}. {'undo ' if phase.undo else ''}{phase.name}, {phase.end_s - phase.begin_s:.1f} s, "
                    f"{phase.outcome}")
        name = f"{phase.n} {'undo ' if phase.undo else ''}{phase.name}"
        wide = len(name) * LETTER
        if wide + 6 < right - left:
            drawing.text(left + 4, y + 13, name, "in-phase")
            continue
        row = next((n for n, end in enumerate(ends) if left > end), None)
        if row is None:
            name = str(phase.n)
            row = 0 if ends[0] <= ends[1] else 1
            if left < ends[row]:
                continue
            wide = len(name) * LETTER
        if left + wide > WIDTH:
            left = WIDTH - wide
        drawing.text(left, y + ROW + 10 + row * 11, name, "tick")
        ends[row] = left + wide + 3
    return y + ROW + 26


def _routes(drawing: Drawing, scene: Scene, x: Scale, y: float) -> float:
    drawing.text(0, y + 13, "serving", "label")
    for route in scene.routes:
        left, right = x(route.begin_s), x(route.end_s)
        drawing.box(left, y, right - left, ROW, f"route {route.name}", f"the edge points at {route.name}")
        name = f"{route.name} {scene.versions.get(route.name, '')}".strip()
        if len(name) * LETTER + 6 < right - left:
            drawing.text(left + 4, y + 13, name, "in-route")
    for wait in scene.buffering:
        left = x(wait.begin_s)
        drawing.box(left - 1, y - 2, max(3.0, x(wait.end_s) - left + 2), ROW + 4, "buffering",
                    f"requests wait at the edge for {wait.end_s - wait.begin_s:.3f} s")
    return y + ROW + 8


def _faults(drawing: Drawing, scene: Scene, x: Scale, y: float, top: float, height: float) -> None:
    for n, fault in enumerate(scene.faults[:12]):
        left, right = x(fault.begin_s), x(fault.end_s)
        at = y + n * (ROW + 2)
        drawing.text(0, at + 13, "faults" if n == 0 else "", "label")
        drawing.box(left, top, right - left, height - top, "shade")
        drawing.box(left, at, max(2.0, right - left), ROW, "fault", fault.says)
        words = f"⚡ {fault.says}"
        if right + 4 + len(words) * LETTER < WIDTH:
            drawing.text(right + 4, at + 13, words, "made")
        else:
            drawing.text(left - 4, at + 13, words, "made", anchor="end")


def _moments(drawing: Drawing, scene: Scene, x: Scale, y: float, height: float) -> None:
    names = {"snapshot": "copy", "switch": "switch", "return": "return", "replayed": "replayed"}
    last = -100.0
    for moment in scene.moments:
        at = x(moment.t_s)
        line = drawing.line(at, y + 2, at, height, f"moment {moment.kind}")
        drawing.add("title", f"{since(moment.t_s)} {moment.says}", into=line)
        wide = len(names[moment.kind]) * LETTER
        left = max(at - wide / 2, last) if at + wide / 2 < WIDTH else WIDTH - wide
        if left >= last and left + wide <= WIDTH:  # else its line is named by its pattern alone
            drawing.text(left, y, names[moment.kind], "moment-name")
            last = left + wide + 3


def _panel(drawing: Drawing, lane: Lane, grid: Lanes, x: Scale, y: float) -> None:
    most = max(max(lane.asked), 1)
    drawing.text(0, y + 12, lane.f.replace("_", " "), "name")
    drawing.text(0, y + 25, f"{lane.total:,} calls", "tick")
    failed, shed = sum(lane.failed), sum(lane.shed)
    if failed:
        drawing.text(0, y + 40, f"✗ {failed:,} failed", "bad")
    if shed:
        drawing.text(0, y + (54 if failed else 40), f"▽ {shed:,} shed", "shed")
    drawing.text(LEFT - 6, y + 26, f"to {most / grid.bin_s:,.0f}/s", "tick", anchor="end")
    _rate(drawing, lane, grid, x, y, most)
    _latency(drawing, lane, grid, x, y + RATE + 4)


def _rate(drawing: Drawing, lane: Lane, grid: Lanes, x: Scale, y: float, most: int) -> None:
    up = Scale(0, most, y + RATE, y)
    points = [(x(grid.begin_s), y + RATE)]
    for n, asked in enumerate(lane.asked):
        points += [(x(grid.begin_s + n * grid.bin_s), up(asked)), (x(grid.begin_s + (n + 1) * grid.bin_s), up(asked))]
    drawing.path([[*points, (points[-1][0], y + RATE)]], "rate", close=True)
    for counts, sign, class_ in ((lane.failed, "✗", "bad"), (lane.shed, "▽", "shed")):
        for n, count in enumerate(counts):
            if count:
                left = x(grid.begin_s + n * grid.bin_s)
                wide = x(grid.begin_s + (n + 1) * grid.bin_s) - left
                high = max(2.0, RATE * count / most)
                drawing.box(left, y + RATE - high, max(1.5, wide), high, f"bar {class_}", f"{count} {sign}")


def _latency(drawing: Drawing, lane: Lane, grid: Lanes, x: Scale, y: float) -> None:
    found = curve(lane)
    if not found:
        drawing.text(LEFT + 4, y + 24, "no answer", "tick")
        return
    low = min(q[0] for _, _, q in found)
    high = max(q[-1] for _, _, q in found)
    decades = [d for d in (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)]
    floor = max([d for d in decades if d <= low], default=1e-4)
    ceiling = min([d for d in decades if d >= high], default=100.0)
    up = Scale(floor, max(ceiling, floor * 10), y + LATENCY, y, log=True)
    for decade in decades:
        if floor <= decade <= max(ceiling, floor * 10):
            drawing.line(LEFT, up(decade), WIDTH - RIGHT, up(decade), "grid")
            drawing.text(LEFT - 6, up(decade) + 3, _ms(decade), "tick", anchor="end")
    for n, (name, class_) in zip((2, 1, 0), CURVES, strict=True):
        pieces: list[list[tuple[float, float]]] = []
        last_end = -1.0
        for first, end, q in found:
            if first > last_end:  # nothing was answered in between: no line pretends otherwise
                pieces.append([])
            pieces[-1].append((x(grid.begin_s + (first + end) / 2 * grid.bin_s), up(q[n])))
            last_end = end
        path = drawing.path(pieces, f"curve {class_}")
        if path is not None:
            drawing.add("title", f"{lane.f} {name}", into=path)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:g} ms" if seconds < 1 else f"{seconds:g} s"


def scene_of(timeline: Timeline, begin_s: float, end_s: float, last_s: float, versions: dict[str, str]) -> Scene:
    """The scene of one stretch of a run."""
    return Scene(begin_s, end_s, phases=marks.phases(timeline, last_s), faults=marks.faults(timeline, last_s),
                 buffering=marks.buffering(timeline, last_s), routes=marks.routes(timeline, begin_s, last_s),
                 moments=marks.moments(timeline), versions=versions)
