"""Inheritance and amendment, on trees: nothing is validated here, every node keeps its place.

Maps merge key by key; lists and the keys of `WHOLE` replace. `runbook:` replaces the inherited
runbook; `change:`, `insert:` and `remove:` amend it by step name; `--set` comes last.
"""

from __future__ import annotations

from collections.abc import Iterator

from sim.scenario.messages import BadScenario, Problem, suggest
from sim.scenario.place import Place, Source
from sim.scenario.steps import KINDS
from sim.scenario.tree import Node, parse_part

WHOLE = ("expect", "stands_for", "gameday")
"""Maps that mean something only as a whole: a child's replaces the parent's."""

AMENDMENTS = ("extends", "change", "insert", "remove")

BESIDE = {"exec": ("verify",), "manual": ("who",)}
"""Kinds that are written `kind: value`, with their own keys beside it."""

COMMON = ("name", "deadline", "gate", "undo", "point_of_no_return")


def merge(parent: Node, child: Node) -> Node:
    """`child` laid over `parent` (two whole files); amendments are applied to the runbook."""
    merged: dict[str, Node] = {k: v for k, v in parent.value.items() if k not in AMENDMENTS and k != "slug"}
    for key, node in child.value.items():
        if key in AMENDMENTS:
            continue
        old = merged.get(key)
        if key == "runbook":
            merged[key] = steps(node)
        elif old is None or key in WHOLE:
            merged[key] = node
        else:
            merged[key] = over(old, node)
    root = Node(merged, child.place)
    amend(root, child)
    return root


def over(old: Node, new: Node) -> Node:
    """`new` over `old`: maps key by key, anything else replaced."""
    if not (old.is_map and new.is_map):
        return new
    merged = dict(old.value)
    for key, node in new.value.items():
        merged[key] = over(merged[key], node) if key in merged else node
    return Node(merged, new.place, new.key)


def steps(runbook: Node) -> Node:
    """The runbook in the one form the model reads: maps with `kind` and all keys at one level.

    Raises BadScenario if an entry is not a step.
    """
    if not runbook.is_list:
        raise BadScenario([Problem("the runbook must be a list of steps", runbook.at(), "write `- baseline`")])
    return Node([step(entry) for entry in runbook.value], runbook.place, runbook.key)


def step(entry: Node) -> Node:
    """One step: `capture`, `copy: {jobs: 2}`, `exec: [./x.sh]`, or one that is flat already."""
    if isinstance(entry.value, str):
        return _flat(entry.value, Node({}, entry.place, made=True), {}, entry.place)
    if not entry.is_map:
        raise BadScenario([Problem("this is not a step", entry.place, f"write one of {', '.join(KINDS)}")])
    if "kind" in entry.value and entry.value["kind"].made:
        return entry
    kinds = [key for key in entry.value if key in KINDS and not _belongs_beside(key, entry)]
    if len(kinds) != 1:
        return _no_step(entry, kinds)
    kind = kinds[0]
    own = entry.value[kind]
    beside = {key: node for key, node in entry.value.items() if key != kind}
    place = own.key or entry.place
    if kind in BESIDE:
        return _flat(kind, Node({kind: own}, place, own.key, made=True), beside, place)
    if own.value is None:
        own = Node({}, own.place, own.key, made=True)
    if not own.is_map:
        raise BadScenario([Problem(f"the keys of `{kind}` must be a map", own.place, f"write `{kind}: {{…}}`")])
    return _flat(kind, own, beside, place)


def _belongs_beside(key: str, entry: Node) -> bool:
    return any(kind in entry.value and key in keys for kind, keys in BESIDE.items())


def _no_step(entry: Node, kinds: list[str]) -> Node:
    if kinds:
        second = entry.value[kinds[1]]
        raise BadScenario(
            [Problem(f"two steps in one entry: {' and '.join(kinds)}", second.at(), "give each its own `-`")]
        )
    key = next((k for k in entry.value if k not in COMMON), None)
    place = entry.value[key].at() if key else entry.place
    what = f"there is no step `{key}`" if key else "an entry of the runbook names no step"
    raise BadScenario([Problem(what, place, suggest(key or "", KINDS, what="steps"))])


def _flat(kind: str, own: Node, beside: dict[str, Node], place: Place) -> Node:
    if kind not in KINDS:
        raise BadScenario([Problem(f"there is no step `{kind}`", place, suggest(kind, KINDS, what="steps"))])
    keys = {"kind": Node(kind, place, made=True), **own.value}
    for key, node in beside.items():
        if key in keys:
            raise BadScenario([Problem(f"the key `{key}` stands twice", node.at(), "keep one of the two")])
        keys[key] = node
    return Node(keys, place, own.key or place)


def name_of(entry: Node) -> str:
    """The name a flat step goes by."""
    named = entry.get("name")
    return str(named.value) if named is not None else str(entry.value["kind"].value)


def amend(root: Node, child: Node) -> None:
    """Apply `remove`, `change` and `insert` of `child` to the runbook of `root`."""
    if not any(key in child.value for key in AMENDMENTS[1:]):
        return
    runbook = root.get("runbook")
    if runbook is None:
        raise BadScenario([Problem("there is no runbook to amend", child.place, "extend a scenario that has one")])
    entries: list[Node] = list(steps(runbook).value)
    for removed in _listed(child.get("remove"), "remove"):
        del entries[_index(entries, str(removed.value), removed.place)]
    changes = child.get("change")
    if changes is not None:
        if not changes.is_map:
            raise BadScenario([Problem("`change` must be a map", changes.at(), "write `change: {copy: {jobs: 4}}`")])
        for name, node in changes.value.items():
            at = _index(entries, name, node.at())
            entries[at] = _changed(entries[at], name, node)
    for node in _listed(child.get("insert"), "insert"):
        at, new = _inserted(entries, node)
        entries.insert(at, new)
    root.value["runbook"] = Node(entries, runbook.place, runbook.key)


def _listed(node: Node | None, key: str) -> Iterator[Node]:
    if node is None:
        return
    if not node.is_list:
        raise BadScenario([Problem(f"`{key}` must be a list", node.at(), f"write `{key}: [ … ]`")])
    yield from node.value


def _index(entries: list[Node], name: str, place: Place) -> int:
    names = [name_of(entry) for entry in entries]
    if name not in names:
        todo = suggest(name, names, what="steps here")
        raise BadScenario([Problem(f"the inherited runbook has no step `{name}`", place, todo)])
    return names.index(name)


def _changed(entry: Node, name: str, node: Node) -> Node:
    """Given keys replace, the rest stays; another kind keeps the name and the common keys."""
    if node.value is None or not node.is_map:
        raise BadScenario([Problem(f"the change of `{name}` must be a map", node.at(), "write the keys to change")])
    other = next((k for k in BESIDE if k in node.value), None)
    if other and other != entry.value["kind"].value:
        kept = {k: v for k, v in entry.value.items() if k in COMMON}
        beside = {k: v for k, v in node.value.items() if k != other}
        named = kept | {"name": Node(name, node.at(), made=True)}
        new = Node({other: node.value[other]}, node.place, node.key)
        flat = _flat(other, new, {}, node.at())
        return Node({**flat.value, **named, **beside}, node.at(), node.key)
    merged = dict(entry.value)
    for key, value in node.value.items():
        merged[key] = over(merged[key], value) if key in merged and key == "gate" else value
    return Node(merged, entry.place, entry.key)


def _inserted(entries: list[Node], node: Node) -> tuple[int, Node]:
    anchors = [key for key in ("before", "after") if node.is_map and key in node.value]
    if len(anchors) != 1:
        raise BadScenario(
            [
                Problem(
                    "an inserted step needs `before: STEP` or `after: STEP`",
                    node.place,
                    "write one of the two",
                )
            ]
        )
    where = node.value[anchors[0]]
    at = _index(entries, str(where.value), where.place) + (anchors[0] == "after")
    rest = {k: v for k, v in node.value.items() if k != anchors[0]}
    return at, step(Node(rest, node.place))


def apply_set(root: Node, text: str) -> None:
    """Apply one `--set key=value` to a merged tree with a flat runbook.

    A key's parts are separated by dots; steps and faults are addressed by name. Raises
    BadScenario with the part that is not there.
    """
    source = Source("--set", text)
    key, equals, _ = text.partition("=")
    if not equals or not key.strip():
        todo = "write it like --set runbook.copy.jobs=4"
        raise BadScenario([Problem("--set needs key=value", Place(source, 1, 1), todo)])
    value = _value(source, text[len(key) + 1 :], column=len(key) + 2)
    _put(root, (), key.split("."), 1, value, source)


def _value(source: Source, text: str, *, column: int) -> Node:
    """The value as YAML where it is YAML, else as it stands (`>= 1` needs no quotes)."""
    plain = Node(text.strip(), Place(source, 1, column))
    if not plain.value:
        return plain
    try:
        read = parse_part(source, text, line=1, column=column)
    except BadScenario:
        if plain.value[0] in "[{\"'":
            raise
        return plain
    in_blocks = (read.is_map or read.is_list) and plain.value[0] not in "[{"
    return plain if in_blocks else read


def _put(here: Node, above: tuple[str, ...], parts: list[str], column: int, value: Node, source: Source) -> None:
    place = Place(source, 1, column)
    if here.is_list:
        at = _entry(here, parts, place)
        _put(here.value[at], (*above, parts[0]), parts[1:], column + len(parts[0]) + 1, value, source)
        return
    if not here.is_map:
        raise BadScenario([Problem("the key goes deeper than the scenario does", place, "drop the last part")])
    taken = _taken(here, above, parts)
    key = ".".join(parts[:taken])
    if taken == len(parts):
        here.value[key] = Node(value.value, value.place, place)
        return
    below = here.value.get(key)
    if below is None or below.value is None or (above == () and key == "expect" and not below.is_map):
        below = here.value[key] = Node({}, place, place, made=True)
    _put(below, (*above, key), parts[taken:], column + len(key) + 1, value, source)


def _entry(here: Node, parts: list[str], place: Place) -> int:
    names = [_entry_name(entry) for entry in here.value]
    if parts[0] not in names:
        todo = suggest(parts[0], [name for name in names if name], what="there is") if any(names) else "there is none"
        raise BadScenario([Problem(f"there is no `{parts[0]}` here", place, todo)])
    if len(parts) == 1:
        todo = f"set one of its keys: {parts[0]}.KEY=value"
        raise BadScenario([Problem("a whole entry cannot be set", place, todo)])
    return names.index(parts[0])


def _entry_name(entry: Node) -> str:
    named = entry.get("name") or entry.get("kind")
    return str(named.value) if named is not None else ""


def _taken(here: Node, above: tuple[str, ...], parts: list[str]) -> int:
    """How many parts make the next key: a figure has a dot in its name."""
    for taken in range(len(parts), 0, -1):
        if ".".join(parts[:taken]) in here.value:
            return taken
    if above == ("expect",):
        return len(parts)
    return min(2, len(parts)) if above == ("tolerate",) else 1
