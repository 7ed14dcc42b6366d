"""What a verdict says besides its checks: how long each step took, and old against new."""

from __future__ import annotations

from sim.checks.latencies import Window
from sim.checks.reading import Reading
from sim.checks.timeline import Instant, Span
from sim.checks.verdict import Phase

PERCENTILE = 95.0
"""Source: CASE: the case's own table compares P95."""


def phases(reading: Reading) -> list[Phase]:
    """Steps and undos in the order in which they were begun."""
    timeline = reading.timeline
    spans = [(s, False) for s in timeline.steps] + [(s, True) for s in timeline.undos]
    return [_phase(span, undo, reading.last_s) for span, undo in sorted(spans, key=lambda pair: pair[0].i)]


def _phase(span: Span, undo: bool, now_s: float) -> Phase:
    end_s = span.done_s if span.done_i >= 0 else now_s
    return Phase(name=span.name, kind=span.kind, begun_s=round(span.begun_s, 3),
                 took_s=round(end_s - span.begun_s, 3), outcome=span.outcome, undo=undo)


def hydra(reading: Reading) -> dict[str, dict[str, float]]:
    """Two windows of one length and the same mix: blue in the baseline, green in the first soak.

    A window that the end of the run cut short is left out: it is no equal of the other.
    """
    found: dict[str, dict[str, float]] = {}
    for name, side in (("before", "blue"), ("after", "green")):
        stretch = reading.windows.compared.get(name)
        if stretch is None or reading.last_s < stretch.ends_s:
            continue
        gauges = [g for g in reading.timeline.gauges if stretch.begins_s <= g.t_s <= stretch.ends_s]
        figures = _usage(gauges, side) | _latency(stretch.window)
        if figures:
            found[name] = figures | {"window_s": round(stretch.ends_s - stretch.begins_s, 3)}
    return found


def _latency(window: Window) -> dict[str, float]:
    if not window.introspect.count:
        return {}
    return {"p95_s": window.introspect.quantile_s(PERCENTILE), "operations": float(window.all.count)}


def _usage(gauges: list[Instant], side: str) -> dict[str, float]:
    said = [(g.t_s, g.value[side]) for g in gauges if isinstance(g.value.get(side), dict)]
    figures: dict[str, float] = {}
    for name in ("rss_bytes", "heap_bytes", "goroutines"):
        values = [float(v[name]) for _, v in said if v.get(name) is not None]
        if values:
            figures[name] = round(sum(values) / len(values), 1)
    cpu = [(t, float(v["cpu_s"])) for t, v in said if v.get("cpu_s") is not None]
    if len(cpu) > 1 and cpu[-1][0] > cpu[0][0]:
        figures["cpu_cores"] = round((cpu[-1][1] - cpu[0][1]) / (cpu[-1][0] - cpu[0][0]), 3)
    return figures
