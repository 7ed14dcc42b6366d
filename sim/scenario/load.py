"""From a name or a path to a checked `Scenario`.

find → read (with positions) → extends → amend → --set → types → rules. Everything that is wrong
is told at once, where it stands, also in an inherited file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sim.errors import BadInput
from sim.paths import PROJECT
from sim.scenario.extend import apply_set, merge
from sim.scenario.find import find_scenario
from sim.scenario.findings import problems
from sim.scenario.gameday import Surprise
from sim.scenario.kinds import BOTH, CATALOGUE
from sim.scenario.links import known_links, known_parts, with_pairs
from sim.scenario.messages import BadScenario, Broken, Problem, in_order, suggest
from sim.scenario.model import FORMAT, Scenario
from sim.scenario.place import Source
from sim.scenario.rules import broken
from sim.scenario.tree import Node, parse

DEEPEST = 8
"""Assumption: more levels of extends than this is a mistake."""

CARD_KEYS = ("roles", "goals", "card")
"""What a card file may say, beside its format: each replaces the scenario's own."""

FILE_KEYS = (("stack", "override"), ("population", "extra_sql"))
"""Keys whose value is a file beside the scenario."""


def load_scenario(name_or_path: str | Path, *, sets: Sequence[str] = (), card: Path | None = None) -> Scenario:
    """Find, read and check a scenario; `sets` are `key=value` texts that come last.

    Args:
        card: the facilitator's card of a game day, a file of its own; it replaces what the scenario says there.

    Raises BadScenario (a BadInput, exit code 254) with every problem found, or BadInput if the
    file isn't there.
    """
    path = find_scenario(name_or_path)
    root = _read(path, ())
    own_slug = root.value.pop("slug", None)
    for text in sets:
        apply_set(root, text)
    if card is not None:
        root.value["gameday"] = _dealt(root.get("gameday"), card)
    missing = [] if own_slug is not None else list(_missing_files(root, sets))
    slug = str(own_slug.value) if own_slug is not None else path.stem
    plain = root.plain()
    try:
        scenario = Scenario.model_validate(plain | {"slug": slug, "path": path.resolve()})
    except ValidationError as error:
        raise BadScenario(in_order([*missing, *problems(root, error)])) from None
    scenario = scenario.model_copy(update={"notes": (*_one_engine_only(scenario), *_unshared_answers(scenario))})
    # A run folder's copy must load as long as it lives, whatever became of files and links since.
    edges = scenario.stack.edge.instances
    links = with_pairs(known_links(edges=edges)) if scenario.every_fault and own_slug is None else None
    parts = known_parts(edges=edges)
    wrong = [Problem(rule.what, _place(root, rule), rule.todo) for rule in broken(scenario, links, parts)]
    if missing or wrong:
        raise BadScenario(in_order([*missing, *wrong]))
    return scenario


def _one_engine_only(scenario: Scenario) -> Iterator[str]:
    """Faults that not every engine can make: known here, refused when the engine is."""
    for fault in scenario.every_fault:
        kind = CATALOGUE[fault.fault]
        if kind.engines != BOTH:
            where = "gameday.card" if isinstance(fault, Surprise) else "faults"
            yield f"{where}: {fault.name} needs the {kind.engines[0]} engine: {kind.because}"


def _unshared_answers(scenario: Scenario) -> Iterator[str]:
    """Several edges that know nothing of what was revoked at another one."""
    edge = scenario.stack.edge
    if edge.instances > 1 and edge.coalescing and edge.answers == "own":
        yield (f"stack.edge: each of the {edge.instances} edges keeps refresh answers for itself: what was revoked "
               "at one is still answered 200 at another, with tokens that are dead; answers: shared mends it")


def load_text(text: str, *, name: str = "scenario.yaml") -> Scenario:
    """Check a scenario given as text without a file beside it (tests, pipes)."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_text(text)
        return load_scenario(path)


def _dealt(written: Node | None, path: Path) -> Node:
    """The scenario's game day with the card of a file; every key keeps its place in its own file."""
    file = _file(path, "card")
    wrong = [Problem(f"there is no key `{key}` in a card", node.at(), suggest(key, CARD_KEYS, what="keys"))
             for key, node in file.value.items() if key not in ("format", *CARD_KEYS)]
    if wrong:
        raise BadScenario(in_order(wrong))
    if file.get("card") is None:
        raise BadScenario([Problem("this file has no card", file.place, "write card: and a list of surprises")])
    said = {key: node for key, node in file.value.items() if key != "format"}
    kept = written.value if written is not None and written.is_map else {}
    return Node({**kept, **said}, file.place)


def _file(path: Path, what: str) -> Node:
    """The tree of one file, whose format is ours."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"the {what} cannot be read", where=str(path), seen=str(error)) from error
    root = parse(Source(_shown(path), text))
    if not root.is_map:
        raise BadScenario([Problem(f"a {what} is a map of keys", root.place, "begin with `format: 1`")])
    _check_format(root)
    return root


def _read(path: Path, above: tuple[Path, ...]) -> Node:
    """A file's tree with everything it extends merged in."""
    child = _file(path, "scenario")
    _absolute_files(child, path.parent)
    extends = child.get("extends")
    if extends is None:
        return merge(Node({}, child.place), child)
    if not isinstance(extends.value, str | int):
        raise BadScenario([Problem("extends names one scenario", extends.place, "write extends: 10-…")])
    parent = _parent(extends, path)
    if parent.resolve() in [p.resolve() for p in (*above, path)] or len(above) >= DEEPEST:
        raise BadScenario([Problem("extends leads back to itself", extends.place, "extend another scenario")])
    return merge(_read(parent, (*above, path)), child)


def _parent(extends: Node, path: Path) -> Path:
    try:
        return find_scenario(str(extends.value), beside=path.parent)
    except BadInput as error:
        raise BadScenario([Problem(error.what, extends.place, error.todo)]) from None


def _shown(path: Path) -> str:
    """The path as a user would type it from here."""
    resolved = path.resolve()
    for root in (Path.cwd(), PROJECT):
        if resolved.is_relative_to(root):
            return str(resolved.relative_to(root))
    return str(resolved)


def _check_format(root: Node) -> None:
    node = root.get("format")
    if node is None:
        raise BadScenario([Problem("the file does not say its format", root.place, f"begin with `format: {FORMAT}`")])
    if node.value == FORMAT and isinstance(node.value, int):
        return
    if isinstance(node.value, int) and node.value > FORMAT:
        what = f"this file is of format {node.value}; this program reads format {FORMAT}"
        raise BadScenario([Problem(what, node.place, "update hydra-rehearsal, or write the file anew for format 1")])
    raise BadScenario([Problem(f"`{node.value}` is not a format", node.place, f"write format: {FORMAT}")])


def _absolute_files(root: Node, folder: Path) -> None:
    """File names count from the file they stand in; make them absolute before inheriting."""
    for first, second in FILE_KEYS:
        node = (root.get(first) or root).get(second) if root.get(first) else None
        if node is not None and isinstance(node.value, str):
            node.value = str((folder / node.value).resolve())
    for entry in _entries(root):
        rows = entry.get("rows")
        if rows is not None and isinstance(rows.value, str) and rows.value.endswith(".sql"):
            rows.value = str((folder / rows.value).resolve())
        for key in ("exec", "undo", "verify"):
            command = entry.get(key)
            words = command.value if command is not None and command.is_list else []
            if words and isinstance(words[0].value, str) and words[0].value.startswith(("./", "../")):
                words[0].value = str((folder / words[0].value).resolve())


def _entries(root: Node) -> Iterator[Node]:
    """Every map in which a step's keys can stand, in all forms a file may write them."""
    for key in ("runbook", "insert"):
        node = root.get(key)
        for entry in node.value if node is not None and node.is_list else ():
            yield entry
            yield from (child for child in entry.value.values() if child.is_map) if entry.is_map else ()
    change = root.get("change")
    if change is not None and change.is_map:
        yield from change.value.values()


def _missing_files(root: Node, sets: Sequence[str]) -> Iterator[Problem]:
    if sets:
        _absolute_files(root, Path.cwd())
    named = [(root.get(a) or root).get(b) for a, b in FILE_KEYS if root.get(a)]
    for entry in _entries(root):
        named.append(entry.get("rows"))
        for key in ("exec", "undo", "verify"):
            command = entry.get(key)
            if command is not None and command.is_list and command.value:
                named.append(command.value[0])
    for node in named:
        if node is None or not isinstance(node.value, str) or not node.value.startswith("/"):
            continue
        if not Path(node.value).is_file():
            yield Problem(
                f"there is no file {_shown(Path(node.value))}",
                node.place,
                "file names count from the file they stand in",
            )


def _place(root: Node, rule: Broken) -> Any:
    node = root.find(rule.path)
    return node.at() if rule.on_key else node.place
