"""A little SVG: elements with escaped text, scales, and marks for time.

Drawn by hand rather than by a charting library: the charts need few shapes, must be read
without script and in print, and a library would be fifty times the page's size.
"""

from __future__ import annotations

import math
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from sim.report.masking import masked

Number = float | int


class Scale:
    """Maps a value to a coordinate, linearly or by its logarithm."""

    def __init__(self, low: float, high: float, begin: float, end: float, *, log: bool = False) -> None:
        self._log = log
        self.low, self.high = low, high if high > low else low + 1.0
        self._begin = begin
        self._per = (end - begin) / (self._of(self.high) - self._of(self.low))

    def _of(self, value: float) -> float:
        return math.log10(max(value, 1e-6)) if self._log else value

    def __call__(self, value: float) -> float:
        """The coordinate; values outside stand at the edge."""
        value = min(max(value, self.low), self.high)
        return self._begin + (self._of(value) - self._of(self.low)) * self._per


class Drawing:
    """An SVG of fixed coordinates that scales with its place."""

    def __init__(self, ident: str, width: Number, height: Number, *, title: str, says: str) -> None:
        self.width, self.height = width, height
        self.root = Element("svg", {
            "xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {_n(width)} {_n(height)}", "role": "img",
            "width": _n(width), "height": _n(height),
            "aria-labelledby": f"{ident}-title {ident}-says", "class": "drawing"})
        self.add("title", title, id=f"{ident}-title")
        self.add("desc", says, id=f"{ident}-says")

    def add(self, tag: str, text: str | None = None, *, into: Element | None = None, **attributes: object) -> Element:
        """Add an element; `class_` is class, other underscores are hyphens."""
        made = ElementTree.SubElement(self.root if into is None else into, tag, {
            key.rstrip("_").replace("_", "-"): _n(value) if isinstance(value, int | float) else masked(str(value))
            for key, value in attributes.items() if value is not None})
        if text is not None:
            made.text = masked(text)
        return made

    def text(self, x: Number, y: Number, text: str, class_: str = "", *, anchor: str | None = None) -> Element:
        """A word at a place; `anchor` is middle or end."""
        return self.add("text", text, x=x, y=y, class_=class_ or None, text_anchor=anchor)

    def line(self, x1: Number, y1: Number, x2: Number, y2: Number, class_: str) -> Element:
        """A straight line."""
        return self.add("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)

    def box(self, x: Number, y: Number, width: Number, height: Number, class_: str, says: str = "") -> Element:
        """A rectangle; `says` is shown by a pointer resting on it."""
        made = self.add("rect", x=x, y=y, width=max(0.0, width), height=max(0.0, height), class_=class_)
        if says:
            self.add("title", says, into=made)
        return made

    def path(self, pieces: list[list[tuple[float, float]]], class_: str, *, close: bool = False) -> Element | None:
        """A line in one piece or several; a piece of one point is a dot. Nothing without points."""
        drawn = [piece if len(piece) > 1 else [piece[0], (piece[0][0] + 0.5, piece[0][1])] for piece in pieces if piece]
        if not drawn:
            return None
        d = "".join("M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in piece) + ("Z" if close else "") for piece in drawn)
        return self.add("path", d=d, class_=class_)

    def svg(self) -> str:
        """The element as text, to be put into a page."""
        return ElementTree.tostring(self.root, encoding="unicode")


def standing_alone(svg: str, style: str) -> str:
    """The same as a file of its own, with the page's style in it."""
    head, _, rest = svg.partition(">")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{head}><style>{style}</style>{rest}\n'


def ticks(begin: float, end: float, about: int) -> list[float]:
    """Round instants between two, about so many."""
    span = max(end - begin, 1e-9)
    steps = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
    step = next((s for s in steps if span / s <= about), span / about)
    first = math.ceil(begin / step - 1e-9) * step
    return [first + n * step for n in range(int((end - first) / step + 1e-9) + 1)]


def _n(value: Number) -> str:
    """A coordinate in tenths: nobody sees more, and each digit is thousands of bytes."""
    return f"{value:.1f}".removesuffix(".0")
