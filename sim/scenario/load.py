"""From a name or a path to a checked `Scenario`.

find → read (with positions) → extends → amend → --set → types → rules. Everything that is wrong
is told at once, where it stands, also in an inherited file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from sim.errors import BadInput
from sim.paths import PROJECT, data
from sim.scenario.extend import AMENDMENTS, apply_set, merge
from sim.scenario.links import known_links, with_pairs
from sim.scenario.messages import BadScenario, Problem, did_you_mean, in_order, suggest
from sim.scenario.model import FORMAT, Scenario
from sim.scenario.rules import Broken, broken
from sim.scenario.steps import STEP_TYPES
from sim.scenario.tree import Node, Source, parse

DEEPEST = 8
"""Assumption: more levels of extends than this is a mistake."""

LATER = {"gameday": "is read and kept, not played yet (the game day comes later)"}
"""Keys that are accepted before they do anything."""

FILE_KEYS = (("stack", "override"), ("population", "extra_sql"))
"""Keys whose value is a file beside the scenario."""


def scenario_files() -> list[Path]:
    """The project's own scenarios, by number."""
    return sorted(data("scenarios").glob("[0-9]*.yaml"))


def find_scenario(name: str | Path, *, beside: Path | None = None) -> Path:
    """The file that `name` means: a path, a number, a name or a unique prefix.

    Raises BadInput if there is none, or more than one.
    """
    text = str(name)
    given = Path(text).expanduser()
    if given.suffix in (".yaml", ".yml") or "/" in text:
        path = given if given.is_absolute() or beside is None else beside / given
        if path.is_file():
            return path
        if "/" in text or path.is_absolute():
            names = [p.name for p in path.parent.glob("*.yaml")] if path.parent.is_dir() else []
            raise BadInput(
                "there is no such scenario file",
                where=str(path),
                todo=did_you_mean(path.name, names) or "rehearse scenarios lists the project's own",
            )
    stem = text.removesuffix(".yaml")
    near = [beside / f"{stem}.yaml"] if beside is not None else []
    for path in near:
        if path.is_file():
            return path
    known = {path.stem: path for path in scenario_files()}
    if stem in known:
        return known[stem]
    starting = [n for n in known if n.startswith(stem)] if stem else []
    numbered = [n for n in starting if n.startswith(f"{stem}-")]
    found = numbered or starting
    if len(found) == 1:
        return known[found[0]]
    if found:
        raise BadInput(f"`{text}` fits several scenarios: {', '.join(found)}", todo="write more of the name")
    todo = suggest(stem, known, what="scenarios") if known else "there are no scenarios here"
    raise BadInput(f"there is no scenario `{text}`", todo=todo)


def load_scenario(name_or_path: str | Path, *, sets: Sequence[str] = ()) -> Scenario:
    """Find, read and check a scenario; `sets` are `key=value` texts that come last.

    Raises BadScenario (a BadInput, exit code 254) with every problem found, or BadInput if the
    file isn't there.
    """
    path = find_scenario(name_or_path)
    root = _read(path, ())
    own_slug = root.value.pop("slug", None)
    for text in sets:
        apply_set(root, text)
    missing = [] if own_slug is not None else list(_missing_files(root, sets))
    slug = str(own_slug.value) if own_slug is not None else path.stem
    notes = tuple(f"{key}: {LATER[key]}" for key in LATER if key in root.value)
    plain = root.plain()
    try:
        scenario = Scenario.model_validate(plain | {"slug": slug, "path": path.resolve(), "notes": notes})
    except ValidationError as error:
        raise BadScenario(in_order([*missing, *_problems(root, error)])) from None
    # A run folder's copy must load as long as it lives, whatever became of files and links since.
    links = with_pairs(known_links()) if scenario.faults and own_slug is None else None
    wrong = [Problem(rule.what, _place(root, rule), rule.todo) for rule in broken(scenario, links)]
    if missing or wrong:
        raise BadScenario(in_order([*missing, *wrong]))
    return scenario


def load_text(text: str, *, name: str = "scenario.yaml") -> Scenario:
    """Check a scenario given as text without a file beside it (tests, pipes)."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_text(text)
        return load_scenario(path)


def _read(path: Path, above: tuple[Path, ...]) -> Node:
    """A file's tree with everything it extends merged in."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput("the scenario cannot be read", where=str(path), seen=str(error)) from error
    child = parse(Source(_shown(path), text))
    if not child.is_map:
        raise BadScenario([Problem("a scenario is a map of keys", child.place, "begin with `format: 1`")])
    _check_format(child)
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


def _problems(root: Node, error: ValidationError) -> Iterator[Problem]:
    """pydantic's findings in our words, at the place in the file."""
    for found in error.errors(include_url=False):
        loc = tuple(part for part in found["loc"])
        yield _problem(root, loc, found)


def _problem(root: Node, loc: tuple[str | int, ...], found: Any) -> Problem:
    path = _path(root, loc)
    node = root.find(path)
    last = str(loc[-1]) if loc else ""
    match found["type"]:
        case "extra_forbidden":
            known = list(_known_keys(root, path[:-1]))
            here = ".".join(str(p) for p in path[:-1]) or "the scenario"
            return Problem(
                f"there is no key `{last}` in {_said(root, path[:-1], here)}",
                node.at(),
                suggest(last, known, what="keys"),
            )
        case "missing":
            here = ".".join(str(p) for p in path) or "the scenario"
            todo = {"because": "say why it is allowed: it is printed beside the figure"}.get(last, f"add `{last}: …`")
            return Problem(f"`{last}` is missing in {_said(root, path, here)}", node.at(), todo)
        case "literal_error":
            expected = [word.strip("'") for word in str(found["ctx"]["expected"]).replace(" or ", ", ").split(", ")]
            at = node.at() if last == "[key]" else node.place
            return Problem(
                f"`{found['input']}` is not one of {', '.join(expected)}",
                at,
                did_you_mean(str(found["input"]), expected),
            )
        case "value_error":
            return _own(str(found["ctx"]["error"]), node)
        case "int_type" | "int_parsing" | "int_from_float":
            return Problem(f"`{found['input']}` is not a whole number", node.place)
        case "string_type":
            return Problem(f"`{found['input']}` must be text", node.place, f'write "{found["input"]}" in quotes')
        case "bool_type" | "bool_parsing":
            return Problem(f"`{found['input']}` is neither true nor false", node.place)
        case "list_type":
            return Problem("this must be a list", node.place, "write it like [a, b]")
        case "model_type" | "dict_type" | "model_attributes_type":
            return Problem("this must be a map of keys", node.place, "write it like {key: value}")
        case "greater_than_equal" | "greater_than" | "less_than_equal":
            bound = next(iter(found["ctx"].values()))
            words = {"greater_than_equal": "at least", "greater_than": "more than", "less_than_equal": "at most"}
            return Problem(f"`{node.value}` is out of range: {words[found['type']]} {bound:g}", node.place)
        case "string_too_short" | "too_short":
            return Problem("this must not be empty", node.at())
        case _:
            return Problem(str(found["msg"]).lower(), node.place)


def _own(said: str, node: Node) -> Problem:
    """A sentence of ours; what stands behind its last `: write` is what to do."""
    what, colon, todo = said.partition(": write ")
    return Problem(what, node.place, f"write {todo}" if colon else "")


def _path(root: Node, loc: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """pydantic's location without what only pydantic knows (union tags, `[key]`)."""
    if loc[:1] == ("runbook",):
        loc = loc[:2] + loc[3:]  # the third is the union's tag, a step's kind, and may be one of its keys too
    path: list[str | int] = []
    here: Node | None = root
    for n, part in enumerate(loc):
        child = None
        if here is not None and isinstance(here.value, dict) and isinstance(part, str):
            child = here.value.get(part)
        elif here is not None and isinstance(here.value, list) and isinstance(part, int) and part < len(here.value):
            child = here.value[part]
        if child is not None:
            path.append(part)
            here = child
        elif n == len(loc) - 1 and part != "[key]" and here is not None and here.is_map and part in here.value:
            path.append(part)
    return tuple(path)


def _said(root: Node, path: tuple[str | int, ...], here: str) -> str:
    """How a place is called in a message: a step by its name."""
    if len(path) >= 2 and path[0] in ("runbook", "faults"):
        node = root.find(path[:2])
        named = node.get("name") or node.get("kind")
        what = "the step" if path[0] == "runbook" else "the fault"
        rest = ".".join(str(p) for p in path[2:])
        return f"{what} `{named.value if named else path[1]}`" + (f".{rest}" if rest else "")
    return f"`{here}`" if path else here


def _known_keys(root: Node, path: tuple[str | int, ...]) -> Iterator[str]:
    """The keys that may stand at `path`."""
    model: Any = Scenario
    if not path:
        yield from AMENDMENTS
    if path and path[0] == "runbook":
        kind = root.find(path[:2]).get("kind")
        model = STEP_TYPES.get(str(kind.value) if kind else "", None)
        path = path[2:]
    for part in path:
        if isinstance(part, int) or model is None:
            continue
        model = _below(model, part)
    if isinstance(model, type) and issubclass(model, BaseModel):
        for name, field in model.model_fields.items():
            if name not in ("path", "notes", "slug", "kind"):
                yield field.alias or name


def _below(model: Any, key: str) -> Any:
    """The model of a field, through lists, dicts and unions."""
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return model
    field = model.model_fields.get(key)
    return _model_in(field.annotation) if field else None


def _model_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _model_in(inner)
        if found is not None:
            return found
    return None
