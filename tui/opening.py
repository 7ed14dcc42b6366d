"""Where figures lead: opening, copying and explaining what the hand or a click is on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.checks.verdict import Check
from sim.history.op import Op
from tui import behind, copying, meanings
from tui.base import RunApp
from tui.ink import To
from tui.rates import LATENCY_S
from tui.screens.sheets import Choice, TextSheet

if TYPE_CHECKING:
    from textual.screen import Screen

TEXT_WIDTH = 74
"""Of an explanation: fits the narrowest screen."""

FORMS = {
    "curl": ("c", "curl: the request it stands for"),
    "psql": ("p", "psql: what the database says of it"),
    "command": ("x", "the exact command"),
    "yaml": ("y", "YAML: both lines of the history"),
    "filter": ("f", "the log's filter that finds it"),
}
"""What an op is copied as: its key, and what is said of it."""


class Opening(RunApp):
    """What `To` does."""

    def open(self, to: To) -> None:
        """Show what a figure stands for; a sheet that waits for a decision is put away for it."""
        from tui.screens.gate import GateSheet

        if isinstance(self.screen, GateSheet):
            self.screen.dismiss(None)
            self.call_after_refresh(self.open, to)
            return
        match to.kind:
            case "screen" | "log" | "recent" | "check" | "series":
                self._front(to)
            case "link":
                self._open_link(to.arg)
            case "step":
                self._open_step(to.arg)
            case "explain":
                self.explain(to)
            case _:
                self._push(to)
        self.call_after_refresh(self.refresh_now)

    def _front(self, to: To) -> None:
        """One of the numbered screens, looking at the figure."""
        from tui.screens.log import LogScreen
        from tui.screens.traffic import TrafficScreen
        from tui.screens.verdict import VerdictScreen

        match to.kind:
            case "check":
                verdict = self.get_screen("verdict")
                assert isinstance(verdict, VerdictScreen)
                self.front("verdict")
                self.call_after_refresh(verdict.choose, to.arg)
            case "series":
                traffic = self.get_screen("traffic")
                assert isinstance(traffic, TrafficScreen)
                self.front("traffic")
                self.call_after_refresh(traffic.choose, to.arg)
            case "screen":
                self.front(to.arg)
            case _:
                log = self.get_screen("log")
                assert isinstance(log, LogScreen)
                log.set_filter(self.filter_of(to))
                self.front("log")

    def _push(self, to: To) -> None:
        """An op, a grant's life or a check's evidence, over the screen that named it."""
        from tui.screens.evidence import EvidenceScreen
        from tui.screens.life import LifeScreen
        from tui.screens.op import OpScreen

        screen: Screen[None]
        if to.kind == "grant":
            screen = LifeScreen(to.arg)
        elif to.kind == "figure":
            screen = EvidenceScreen(to.arg.partition(".")[0])
        else:
            i = self.op_behind(to)
            if i is None:
                self.notify("no op stands behind it yet", severity="warning")
                return
            screen = OpScreen(i, figure=to.arg if to.kind == "gauge" else "")
        self.push_screen(screen)

    def _open_link(self, name: str) -> None:
        from tui.screens.faults import FaultsScreen

        faults = self.get_screen("faults")
        assert isinstance(faults, FaultsScreen)
        if isinstance(self.screen, FaultsScreen):
            faults.begin(name)
        else:
            self.front("faults")
            self.call_after_refresh(faults.choose, name)

    def _open_step(self, name: str) -> None:
        step = self.shown.runbook.step(name)
        if step is not None and step.i >= 0:
            self.open(To("op", str(step.i)))
        else:
            self.explain(To("step", name))

    # -- the op behind a figure

    def filter_of(self, to: To) -> str:
        """The log's filter that a figure leads to; "" for one that leads elsewhere."""
        if to.kind == "recent":
            return f"{to.arg} from:{max(0.0, self.shown.now_s - LATENCY_S):.1f}".strip()
        return to.arg if to.kind == "log" else ""

    def op_behind(self, to: To) -> int | None:
        """The op at which a figure ends; None if there is none (yet)."""
        shown = self.shown
        match to.kind:
            case "op":
                return int(to.arg)
            case "gauge":
                return int(to.arg.partition(" ")[2] or shown.gauge_i) or None
            case "probe":
                side, _, which = to.arg.partition(" ")
                seen = shown.traffic.probed.get((side, which == "good"))
                return seen.i if seen is not None else None
            case "quantile":
                share, _, text = to.arg.partition(" ")
                return behind.quantile(self.archive, shown, float(share), text)
            case "log" | "recent":
                return behind.newest(self.archive, shown, self.filter_of(to))
            case "step":
                step = shown.runbook.step(to.arg)
                return step.i if step is not None and step.i >= 0 else None
        return None

    def _check_of(self, to: To) -> Check | None:
        name = to.arg.partition(".")[0] if to.kind in ("check", "figure") else ""
        checks = self.shown.verdict.checks if self.shown.verdict is not None else []
        return next((c for c in checks if c.name == name), None)

    # -- explaining

    def explain(self, to: To) -> None:
        """What a check, step, fault or operation means: the words of `rehearse explain`."""
        from tui.topics import explained

        self.push_screen(TextSheet(*explained(self._topic(to), TEXT_WIDTH)))

    def _topic(self, to: To) -> str:
        if to.kind == "step":
            return self._kind(to.arg)
        if to.kind != "op":
            return meanings.topic_of(to)
        op = self.archive.op(int(to.arg))
        if op is None:
            return "evidence"
        return self._kind(str((op.value or {}).get("step"))) if op.f in meanings.STEPS else meanings.topic_of_op(op)

    def _kind(self, name: str) -> str:
        """A step's kind: it may bear a name of its own."""
        step = self.shown.runbook.step(name)
        return step.kind if step is not None else name

    # -- copying

    def copy_of(self, to: To) -> None:
        """Put it on the clipboard; an op is asked about: curl, psql or YAML."""
        check = self._check_of(to)
        if check is not None:
            self.copied(copying.check(check), "YAML")
            return
        i = self.op_behind(to)
        begun, done = self.archive.pair(i) if i is not None else (None, None)
        op = begun or done
        if op is None:
            self.copied(self.filter_of(to) or to.arg, "copied")
            return
        texts = {**self._texts(op, begun, done, to), "filter": self.filter_of(to)}
        choices = [Choice(*FORMS[form], form) for form, text in texts.items() if text]
        self.ask(
            f"Copy #{op.i} {op.f} as",
            "",
            [*choices, Choice("escape", "back", "")],
            lambda form: self.copied(texts[form], form),
        )

    def _texts(self, op: Op, begun: Op | None, done: Op | None, to: To) -> dict[str, str]:
        figure, header = to.arg.partition(" ")[0] if to.kind == "gauge" else "", self.shown.header
        return {
            "curl": copying.gauge_curl(op, figure) or copying.curl(op),
            "psql": copying.gauge_psql(op, figure) or copying.psql(op),
            "command": copying.command(op),
            "yaml": copying.yaml(begun, done, origin_utc=header.origin_utc if header is not None else ""),
        }

    def copied(self, text: str, what: str) -> None:
        self.copy_to_clipboard(text)
        self.notify(text if len(text) < 300 else text[:300] + " …", title=f"{what}: on the clipboard", markup=False)
