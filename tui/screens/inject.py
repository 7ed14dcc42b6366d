"""A fault in four presses: kind, figures with their units, how long, go."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui.reach import blast


class Field(NamedTuple):
    """One figure of a fault: what it is, in which unit, and what is offered."""

    key: str
    offered: str
    unit: str
    """duration, size, rate"""
    needed: bool = True


OFFERED: dict[str, tuple[str, str]] = {
    "latency": ("250ms", "duration"),
    "jitter": ("", "duration"),
    "rate": ("64KiB/s", "rate"),
    "delay": ("100ms", "duration"),
    "timeout": ("1s", "duration"),
    "bytes": ("64KiB", "size"),
    "average_size": ("64B", "size"),
    "size_variation": ("", "size"),
    "size": ("", "size"),
    "offset": ("-1h", "text"),
}
"""Figure → what is offered for it (empty: left out unless written), and its unit."""

LABELS = {
    "for": "for how long; empty: until it is healed",
    "after": "after intent or forward of a captured revocation; empty: at once",
    "message": "after how many messages of the next replay; empty: one under way, at once",
}
"""Keys whose name alone does not say what is asked."""

EXAMPLES = {"duration": "250ms, 2s", "size": "64KiB", "rate": "64KiB/s", "text": "as in a scenario"}


def kinds(where: str) -> list[str]:
    """The faults that are made on a link, or on that part, whatever the engine."""
    from sim.scenario.kinds import on, unfit  # brings pydantic: only when somebody injects
    from sim.scenario.links import known_parts

    if "->" in where:
        return list(on("link"))
    parts = known_parts()
    return [kind for kind in on("part") if where not in parts or unfit(kind, where, parts) is None]


def fields(kind: str, where: str) -> list[Field]:
    """The figures a fault takes on that link or part, those it needs first, then how long it lasts."""
    from sim.scenario.kinds import CATALOGUE, keys_on

    known = CATALOGUE[kind]
    asked = [Field(key, *OFFERED.get(key, ("", "text")), needed=key in known.needs) for key in keys_on(kind, where)]
    return [*asked, Field("for", "10s", "duration", needed=False)] if known.lasts else asked


def amount(text: str, unit: str) -> float:
    """A figure in seconds, bytes or bytes a second. Raises ValueError with what would be right."""
    from sim.scenario.quantities import duration, flow, size

    if unit == "text":
        if not text.strip():
            raise ValueError("it needs a value")
        return 0.0
    read = {"duration": duration, "size": size, "rate": flow}[unit]
    return float(read(text.strip()))


class InjectSheet(ModalScreen[dict[str, Any] | None]):
    """Kind first, then a line a figure; the last enter sends it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "back"),
        Binding("enter", "confirm", "make it", show=False),
    ]

    def __init__(self, where: str, links: list[str], engine: str = "") -> None:
        super().__init__()
        self.where, self.links, self.engine = where, links, engine
        self._kind = ""
        self._fields: list[Field] = []

    def compose(self) -> ComposeResult:
        """The list of kinds."""
        felt = ", ".join(sorted(blast(self.where, self.links))) or "nobody"
        with Vertical(id="inject"):
            yield Static(Content(f"A fault on {self.where}"), classes="sheet--title")
            yield Static(Content(f"may be felt by: {felt}"), classes="sheet--keys")
            yield OptionList(*(self._option(kind) for kind in kinds(self.where)), id="kinds")
            yield Static(Content("enter takes it   esc back"), classes="sheet--keys", id="injectkeys")

    def _option(self, kind: str) -> Option:
        """A kind and what it does; one that this engine can't make says why, and can't be chosen."""
        from sim.scenario.kinds import CATALOGUE, unable

        able = not self.engine or not unable(kind, self.engine)
        told = _does(kind) if able else f"not here: {CATALOGUE[kind].because}"
        return Option(Content(f"{kind:<12} {told}"), id=kind, disabled=not able)

    def on_mount(self) -> None:
        """The first kind is latency: enter is enough."""
        self.query_one(OptionList).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A kind was chosen: its figures."""
        event.stop()
        self._kind = str(event.option.id)
        self._fields = fields(self._kind, self.where)
        self.run_worker(self._ask())

    def action_confirm(self) -> None:
        """The last enter of a kind without figures."""
        if self._kind and not self._fields:
            self.dismiss(self._told({}))

    async def _ask(self) -> None:
        box = self.query_one("#inject", Vertical)
        await self.query_one(OptionList).remove()
        for field in self._fields:
            label = LABELS.get(field.key, field.key.replace("_", " "))
            await box.mount(
                Static(Content(f"{label} ({EXAMPLES[field.unit]})"), classes="inject--label"),
                Input(field.offered, id=f"field-{field.key}"),
                before="#injectkeys",
            )
        if not self._fields:
            await box.mount(Static("it is over at once: there is nothing to set"), before="#injectkeys")
        await box.mount(Static("", id="injectwrong"), before="#injectkeys")
        self.query_one(".sheet--title", Static).update(Content(f"{self._kind} on {self.where}"))
        tab = "   tab next figure" if self._fields else ""
        self.query_one("#injectkeys", Static).update(Content(f"enter makes it{tab}   esc back"))
        if self._fields:
            self.query(Input).first().focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in any line: all right → it is made; else what is wrong, and where."""
        event.stop()
        given: dict[str, str] = {}
        for field in self._fields:
            text = self.query_one(f"#field-{field.key}", Input).value.strip()
            if not text and not field.needed:
                continue
            try:
                amount(text, field.unit)
            except ValueError as wrong:
                self.query_one("#injectwrong", Static).update(Content(f"✗ {field.key}: {wrong}"))
                self.query_one(f"#field-{field.key}", Input).focus()
                return
            given[field.key] = text
        self.dismiss(self._told(given))

    def _told(self, given: dict[str, str]) -> dict[str, Any]:
        """The command's arguments: figures as they are written in a scenario, the time in seconds."""
        told: dict[str, Any] = {"fault": self._kind, "link" if "->" in self.where else "part": self.where}
        if "for" in given:
            told["for_s"] = amount(given.pop("for"), "duration")
        return {**told, "parameters": given} if given else told

    def action_leave(self) -> None:
        """Back, nothing made."""
        self.dismiss(None)


def _does(kind: str) -> str:
    from sim.report.topics import topics

    topic = topics().get(("fault", kind))
    return topic.what[:52] if topic is not None else ""
