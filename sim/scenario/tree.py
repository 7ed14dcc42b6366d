"""A YAML file as a tree that remembers where everything stands.

ruamel.yaml's parser (YAML 1.2: `on` stays a string, `1:30` is no number) gives nodes with
marks; here they become `Node`s that know source, line and column of key and value, so a message
about a value inherited from another file points into that file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from sim.scenario.messages import BadScenario, Problem
from sim.scenario.place import Place, Source

MOST_NODES = 50_000
"""Assumption: far above any scenario; stops a file whose aliases multiply."""


@dataclass
class Node:
    """A value and where it stands: a scalar, a list of nodes or a map of nodes."""

    value: Any
    """A scalar (str, int, float, bool, None), list[Node] or dict[str, Node]."""
    place: Place
    key: Place | None = None
    """Where its key stands, if it has one."""
    made: bool = field(default=False)
    """True if no file says it in so many words (a bare step's empty map)."""

    @property
    def is_map(self) -> bool:
        return isinstance(self.value, dict)

    @property
    def is_list(self) -> bool:
        return isinstance(self.value, list)

    def get(self, key: str) -> Node | None:
        """The child of that key, or None."""
        return self.value.get(key) if isinstance(self.value, dict) else None

    def at(self) -> Place:
        """Where to point for the whole entry: the key if there is one."""
        return self.key or self.place

    def plain(self) -> Any:
        """The value without positions."""
        if isinstance(self.value, dict):
            return {k: v.plain() for k, v in self.value.items()}
        if isinstance(self.value, list):
            return [v.plain() for v in self.value]
        return self.value

    def find(self, path: tuple[str | int, ...]) -> Node:
        """The node at `path`, or the deepest one on the way to it."""
        here = self
        for part in path:
            if isinstance(here.value, dict) and part in here.value:
                here = here.value[part]
            elif isinstance(here.value, list) and isinstance(part, int) and part < len(here.value):
                here = here.value[part]
        return here


def parse(source: Source, *, line: int = 1, column: int = 1) -> Node:
    """Read YAML; `line` and `column` say where the text begins within its source.

    Raises BadScenario for a syntax error, a key that stands twice or an unusable tag.
    """
    return parse_part(source, source.text, line=line, column=column)


def parse_part(source: Source, text: str, *, line: int, column: int) -> Node:
    """Read `text`, a part of `source` that begins at line:column."""
    try:
        return _Reader(source, line, column).read(YAML(typ="rt").compose(text))
    except RecursionError:
        what = "this is nested too deeply to be a scenario"
        raise BadScenario([Problem(what, Place(source, line, column))]) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(source, (mark.line if mark else 0) + line, _column(mark, line, column))
        said = (error.problem or "unreadable").strip()
        raise BadScenario([Problem(f"this is not YAML: {said}", place, _hint(source, place))]) from error
    except (YAMLError, ValueError) as error:
        raise BadScenario([Problem(f"this is not YAML: {error}", Place(source, line, column))]) from error


def _column(mark: Any, line: int, column: int) -> int:
    if mark is None:
        return column
    return int(mark.column) + (column if mark.line == 0 else 1)


def _hint(source: Source, place: Place) -> str:
    if "\t" in source.line(place.line):
        return "indent with spaces: this line has a tab"
    if source.line(place.line).count(": ") > 1:
        return "quote a sentence that has a colon in it"
    return "see scenarios/10-upgrade-b-capture-replay.yaml for the form"


class _Reader:
    """Turns ruamel's nodes into ours."""

    def __init__(self, source: Source, line: int, column: int) -> None:
        self._source, self._line, self._column = source, line, column
        self._open: set[int] = set()
        self._count = 0

    def read(self, raw: Any) -> Node:
        """The root's node; an empty text is an empty map."""
        if raw is None:
            return Node({}, Place(self._source, self._line, self._column))
        return self._node(raw, None)

    def _place(self, raw: Any) -> Place:
        mark = raw.start_mark
        return Place(self._source, mark.line + self._line, _column(mark, self._line, self._column))

    def _fail(self, what: str, raw: Any, todo: str = "") -> BadScenario:
        return BadScenario([Problem(what, self._place(raw), todo)])

    def _node(self, raw: Any, key: Place | None) -> Node:
        self._count += 1
        if self._count > MOST_NODES or id(raw) in self._open:
            raise self._fail("this file is far too big, or an alias leads back to itself", raw, "write it out")
        self._open.add(id(raw))
        try:
            if isinstance(raw, ScalarNode):
                return Node(self._scalar(raw), self._place(raw), key)
            if isinstance(raw, SequenceNode):
                return Node([self._node(child, None) for child in raw.value], self._place(raw), key)
            if isinstance(raw, MappingNode):
                return Node(self._map(raw), self._place(raw), key)
        finally:
            self._open.discard(id(raw))
        raise self._fail("this cannot stand in a scenario", raw)

    def _map(self, raw: MappingNode) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for name, child in raw.value:
            if not isinstance(name, ScalarNode):
                raise self._fail("a key must be a word", name)
            key = str(name.value)
            if key == "<<":
                raise self._fail("the merge key << is not known here", name, "use extends to inherit")
            if key in found:
                raise self._fail(f"the key `{key}` stands twice", name, "keep one of the two")
            found[key] = self._node(child, self._place(name))
        return found

    def _scalar(self, raw: ScalarNode) -> Any:
        tag, text = str(raw.tag), str(raw.value)
        kind = tag.rpartition(":")[2]
        try:
            match kind:
                case "int":
                    return int(text.replace("_", ""), 0)
                case "float":
                    return float(text.replace("_", ""))
                case "bool":
                    return text.lower() == "true"
                case "null":
                    return None
                case "str" | "timestamp":
                    return text
        except ValueError:
            return text
        raise self._fail(f"the tag {tag} is not known here", raw, "leave the tag out")
