"""What pydantic finds, in our words and at its place in the file.

No message of pydantic's reaches the user as it is, except for kinds of findings that no key of
ours can have.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from sim.scenario.extend import AMENDMENTS
from sim.scenario.messages import Problem, did_you_mean, suggest
from sim.scenario.model import Scenario
from sim.scenario.steps import STEP_TYPES
from sim.scenario.tree import Node


def problems(root: Node, error: ValidationError) -> Iterator[Problem]:
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
        case "string_type" if isinstance(found["input"], dict | list) or found["input"] is None:
            return Problem("this must be text", node.place, "put it in quotes")
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
    for below, what in ((("runbook",), "the step"), (("faults",), "the fault"), (("gameday", "card"), "the surprise")):
        own = len(below) + 1
        if len(path) >= own and path[: len(below)] == below:
            node = root.find(path[:own])
            named = node.get("name") or node.get("kind")
            rest = ".".join(str(p) for p in path[own:])
            return f"{what} `{named.value if named else path[own - 1]}`" + (f".{rest}" if rest else "")
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
