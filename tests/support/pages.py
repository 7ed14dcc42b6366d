"""report.html read back: its elements, ids, links and words, by the standard library's parser."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = frozenset({"meta", "link", "br", "img", "input", "hr"})
OUTSIDE = ("src", "href", "xlink:href", "srcset", "action", "data", "poster", "background")


class Page(HTMLParser):
    """What a test asks of a document."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.references: list[str] = []
        """Everything that a browser would fetch or go to."""
        self.tags: list[str] = []
        self.words: list[str] = []
        self.handlers: list[str] = []
        self.scripts = 0
        self._open: list[str] = []
        self.misnested: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.scripts += tag == "script"
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in OUTSIDE:
                self.references.append(value or "")
                if tag == "a":
                    self.links.append(value or "")
            if name.startswith("on"):
                self.handlers.append(f"{tag} {name}")
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self._open or self._open.pop() != tag:
            self.misnested.append(tag)

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def unclosed(self) -> list[str]:
        return self._open
