"""Blue to the left, green to the right; the heavy frame is where the route points."""

from __future__ import annotations

from typing import Any, Literal

from tui import words
from tui.ink import Line, Opens, Role, box, spark
from tui.state import Shown
from tui.widgets.lines import Lines


class SidePanel(Lines):
    """One stack: its traffic once it serves, the migration while it is being made."""

    def __init__(self, side: Literal["blue", "green"], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.side: Literal["blue", "green"] = side

    def draw(self, shown: Shown, width: int, height: int) -> list[Line]:
        stack = getattr(shown.scenario.stack, self.side) if shown.scenario is not None else None
        version = stack.hydra if stack is not None else ""
        wide = height >= 8
        title = (
            f"{self.side.upper()} {version}"
            if not wide or stack is None
            else f"{self.side.upper()} {'old' if self.side == 'blue' else 'new'}  Hydra {version}  PG {stack.postgres}"
        )
        word = shown.side_word(self.side)
        serves = shown.runbook.serves(self.side, shown.edges) > 0 and shown.runbook.state != "STARTING"
        made = self.side == "green" and not serves and shown.runbook.switched_s is None
        inside = self._making(shown, width - 4, wide) if made else self._serving(shown, width - 4, wide)
        return box(
            [(title, self.side)],
            [(word, "strong" if serves else "")],
            inside,
            width,
            height,
            edge=self.side,
            heavy=serves,
        )

    # -- serving

    def _serving(self, shown: Shown, width: int, wide: bool) -> list[Line]:
        row, now_s = shown.traffic.sides[self.side], shown.now_s
        head = f"requests {row.rate(now_s):5.1f}/s " if wide else f"{row.rate(now_s):.0f}/s "
        cells = max(4, min(60, width - len(head)))
        top = max(max(side.series(now_s, cells), default=0) for side in shown.traffic.sides.values())
        p50, p95, p99 = (words.ms(q) for q in row.quantiles(now_s))
        bad: list[tuple[str, int, Role]] = [
            ("failed", row.failed, "bad"),
            ("shed", row.shed, "ask"),
            ("wrong", row.wrong, "bad"),
        ]
        gap = "    " if wide else "   "
        lines: list[Line] = [
            [(Opens(head, "recent", f"on:{self.side}"), ""), (spark(row.series(now_s, cells), top), self.side)],
            [
                (Opens(f"p50 {p50:>5}", "quantile", f"0.5 on:{self.side}"), ""),
                (Opens(f"{gap}p95 {p95:>5}", "quantile", f"0.95 on:{self.side}"), ""),
                (Opens(f"{gap}p99 {p99:>5} ms", "quantile", f"0.99 on:{self.side}"), ""),
            ],
            [
                piece
                for label, n, role in bad
                for piece in ((f"{label} ", ""), (self._opens(label, n), role if n else ""))
            ],
        ]
        return lines + self._machine(shown) + self._probes(shown) if wide else lines

    def _opens(self, label: str, n: int) -> Opens:
        """The ops behind the count; what is wrong, the check that says so."""
        if label == "wrong":
            return Opens(f"{n:<5,}", "figure", "revocation.uses")
        return Opens(f"{n:<5,}", "log", f"on:{self.side} is:{label}")

    def _machine(self, shown: Shown) -> list[Line]:
        told: dict[str, Any] = shown.gauge.get(self.side) or {}
        lines: list[Line] = [[]]
        if not told:
            return [*lines, [("hydra  no figures", "past")]]
        cores = shown.cores.get(self.side)
        lines.append(
            [
                ("hydra  ", "past"),
                (self._gauged(f"cpu {cores:.2f} core   " if cores is not None else "cpu -   ", "cpu_s"), ""),
                (self._gauged(f"RSS {words.megabytes(float(told.get('rss_bytes') or 0))}", "rss_bytes"), ""),
            ]
        )
        lines.append(
            [
                ("       ", ""),
                (self._gauged(f"heap {words.megabytes(float(told.get('heap_bytes') or 0))}   ", "heap_bytes"), ""),
                (self._gauged(f"goroutines {int(told.get('goroutines') or 0)}", "goroutines"), ""),
            ]
        )
        waiting = int(told.get("waiting") or 0)
        lines.append(
            [
                ("pg     ", "past"),
                (self._gauged(f"conns {told.get('connections', '-')}   ", "connections"), ""),
                (self._gauged(f"waiting {waiting}", "waiting"), "ask" if waiting else ""),
                (self._gauged(f"  oldest {max(0.0, told.get('oldest_s') or 0.0):.1f} s", "oldest_s"), ""),
            ]
        )
        edge: dict[str, Any] = shown.gauge.get("edge") or {}
        buffered = edge.get("waiting", 0)
        flying = (edge.get("in_flight") or {}).get(self.side, "-")
        lines.append(
            [
                ("edge   ", "past"),
                (Opens(f"under way {flying}   ", "gauge", f"edge.in_flight.{self.side}"), ""),
                (Opens(f"buffered {buffered}", "gauge", "edge.waiting"), "ask" if buffered else ""),
            ]
        )
        return lines

    def _gauged(self, said: str, name: str) -> Opens:
        """A figure of this side in the gauge of the last second."""
        return Opens(said, "gauge", f"{self.side}.{name}")

    def _probes(self, shown: Shown) -> list[Line]:
        """What the last probes of a good and of a revoked token were told."""
        lines: list[Line] = []
        for good in (True, False):
            seen = shown.traffic.probed.get((self.side, good))
            label: Line = [
                ("probe  " if good else "       ", "past"),
                (f"{'good' if good else 'revoked'} token".ljust(15), ""),
            ]
            if seen is None:
                lines.append([*label, ("not probed", "past")])
                continue
            right = seen.active == good
            which = f"{self.side} {'good' if good else 'revoked'}"
            said = Opens("active  " if seen.active else "inactive", "probe", which)
            lines.append([*label, (said, "" if right else "ask"),
                          (" ✓" if right else " ?", "" if right else "ask"),
                          (f"  {max(0.0, shown.now_s - seen.at_s):.1f} s ago", "past")])  # fmt: skip
        return lines

    # -- being made

    def _making(self, shown: Shown, width: int, wide: bool) -> list[Line]:
        runbook = shown.runbook
        step, progress = runbook.current, runbook.progress
        if step is None or step.kind in ("baseline", "lifetime", "capture"):
            return [[("nothing here yet: the copy comes first", "past")]]
        now = words.one_line(progress.get("statement") or progress.get("now") or step.name)
        for_s = progress.get("for_s")
        timed = f"{float(for_s):.1f} s" if for_s is not None else ""
        said = f"{now[: width - len(timed) - 1]:<{width - len(timed)}}{timed}"
        lines: list[Line] = [[(Opens(said, "recent", f"op:progress {step.name}"), "")]]
        lines.append(self._locks(progress, width))
        lines.append(self._account(shown, progress))
        if not wide:
            return lines
        slowest = sorted(runbook.slowest.items(), key=lambda f: -f[1])[:3]
        for n, (name, seen_s) in enumerate(slowest):
            label = "slowest  " if n == 0 else "         "
            said = f"{name[: width - 18]:<{width - 17}}{seen_s:5.1f} s"
            lines.append([(label, "past"), (Opens(said, "log", f"op:progress {name.split()[0]}"), "")])
        lines.append([])
        for name in ("copy", "cleanup", "migrate", "repair"):
            done = runbook.step(name)
            if done is not None and done.outcome == "ok" and done.figures:
                lines.append([(f"{name:<9}", "past"), (Opens(_figures(done.figures)[: width - 9], "step", name), "")])
        lines.append([("hydra    ", "past"), ("not started", "past")])
        return lines

    def _locks(self, progress: dict[str, Any], width: int) -> Line:
        locked = [str(t) for t in progress.get("locked") or []]
        waits = bool(progress.get("waits"))
        temp = float(progress.get("temp_bytes") or 0)
        if not locked and not waits and not temp:
            return [("no lock held against everybody", "past")]
        tail: Line = [
            ("  waits for a lock" if waits else "", "ask"),
            (Opens(f"  temp {words.megabytes(temp)}" if temp else "", "screen", "database"), ""),
        ]
        room = width - sum(len(t) for t, _ in tail) - 6
        return [("locks ", "past"), (Opens(", ".join(locked)[:room] or "none", "screen", "database"), ""), *tail]

    def _account(self, shown: Shown, progress: dict[str, Any]) -> Line:
        if shown.verdict is not None and shown.verdict.database:
            d = shown.verdict.database
            return [
                (
                    Opens(
                        f"rows upd {words.count(d.get('rows_updated', 0))}  "
                        f"ins {words.count(d.get('rows_inserted', 0))}  temp {words.megabytes(d.get('temp_bytes', 0))}",
                        "log",
                        "op:database",
                    ),
                    "",
                )
            ]
        if progress.get("total"):
            total = float(progress["total"])
            share = float(progress.get("done") or 0) / total
            step = shown.runbook.current
            whole = words.megabytes(total) if step is not None and step.kind == "copy" else words.count(total)
            told = f"{share * 100:.0f} % of {whole}"
            return [
                (Opens(told, "recent", f"op:progress {progress.get('step', '')}".strip()), ""),
                ("   no traffic here", "past"),
            ]
        return [("no traffic here", "past")]


def _figures(figures: dict[str, Any]) -> str:
    """A step's figures in a few words; only plain ones."""
    told = []
    for name, value in figures.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        unit = " s" if name.endswith("_s") else ""
        shown = (
            words.megabytes(value)
            if name.endswith("_bytes")
            else f"{value:,.1f}"
            if isinstance(value, float)
            else f"{value:,}"
        )
        told.append(f"{name.removesuffix('_s').removesuffix('_bytes').replace('_', ' ')} {shown}{unit}")
    return "  ".join(told)
