"""The scenario file's JSON Schema, for editors (completion, hover, red lines).

Made from the same types that the loader uses; here only the forms are added that exist in a
file and not in the model: bare steps, `kind: {…}`, extends and amendments. What it cannot say
(order, links, names of figures in guards) the loader says.
"""

from __future__ import annotations

from typing import Any

from sim.history.figures import FIGURES, tolerable
from sim.scenario.extend import BESIDE, COMMON
from sim.scenario.kinds import on
from sim.scenario.model import FORMAT, Scenario
from sim.scenario.steps import KINDS, STEP_TYPES

Schema = dict[str, Any]

_BARE = [kind for kind in KINDS if kind not in BESIDE]


def schema() -> Schema:
    """The schema as a dict that json.dumps takes."""
    root = Scenario.model_json_schema(by_alias=True)
    definitions: Schema = root.pop("$defs", {})
    for model in STEP_TYPES.values():
        definitions.pop(model.__name__, None)
    properties: Schema = root["properties"]
    for inner in ("slug", "path", "notes"):
        properties.pop(inner, None)
    properties["format"] = {"const": FORMAT, "description": "of this file; later formats are refused"}
    for kind in KINDS:
        definitions[f"step-{kind}"] = _step(kind, definitions)
    definitions["step"] = {"anyOf": [{"enum": _BARE}, *({"$ref": f"#/$defs/step-{kind}"} for kind in KINDS)]}
    definitions["Tolerance"] = _tolerance()
    for fault in ("Fault", "Surprise"):
        definitions[fault]["properties"]["at"].setdefault("type", "string")
        definitions[fault]["anyOf"] = [
            {"properties": {"fault": {"enum": list(on(where))}}, "required": [where]} for where in ("link", "part")
        ]
    properties["runbook"] = {"type": "array", "items": {"$ref": "#/$defs/step"}, "minItems": 1}
    properties["tolerate"] = _tolerate()
    properties["slug"] = {"type": "string", "description": "the scenario's name; only in a run folder's copy"}
    properties |= _amendments()
    root |= {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A rehearsal's scenario",
        "required": ["format"],
        "anyOf": [{"required": ["title", "asks", "runbook"]}, {"required": ["extends"]}],
        "$defs": definitions,
    }
    cleaned: Schema = _clean(root)
    return cleaned


def _step(kind: str, definitions: Schema) -> Schema:
    """One step in the file's form: `kind: {…}`, or `exec: […]` with its keys beside it."""
    own = STEP_TYPES[kind].model_json_schema(by_alias=True)
    definitions |= own.pop("$defs", {})
    keys: Schema = own["properties"]
    keys.pop("kind", None)
    keys["gate"] = {"anyOf": [{"$ref": "#/$defs/Gate"}, {"const": "none"}]}
    own.pop("title", None)
    if kind in BESIDE:
        return {**own, "required": [kind]}
    beside = {key: keys[key] for key in COMMON}
    inner = {**own, "type": ["object", "null"]}
    return {
        "type": "object",
        "properties": {kind: inner, **beside},
        "required": [kind],
        "additionalProperties": False,
        "description": own.get("description", ""),
    }


def _tolerance() -> Schema:
    return {
        "type": "object",
        "required": ["max", "because"],
        "additionalProperties": False,
        "properties": {
            "max": {
                "anyOf": [
                    {"type": "integer", "minimum": 0},
                    {"const": "all"},
                    {"type": "string", "pattern": r"^\d+(\.\d+)?(ms|s|m|h|%|x)?$"},
                ]
            },
            "because": {
                "type": "string",
                "minLength": 1,
                "description": "why it is allowed; printed with the figure",
            },
        },
    }


def _tolerate() -> Schema:
    names = {
        f"{check}.{name}": {"$ref": "#/$defs/Tolerance", "description": figure.explain}
        for check, figures in FIGURES.items()
        for name, figure in figures.items()
        if tolerable(check, name)
    }
    return {"type": "object", "properties": names, "additionalProperties": False}


def _amendments() -> Schema:
    entry: Schema = {
        "type": "object",
        "properties": {"before": {"type": "string"}, "after": {"type": "string"}},
    }
    return {
        "extends": {
            "type": ["string", "integer"],
            "description": "a scenario: number, name or file beside this one",
        },
        "remove": {
            "type": "array",
            "items": {"type": "string"},
            "description": "steps of the inherited runbook to leave out",
        },
        "change": {
            "type": "object",
            "additionalProperties": {"type": "object"},
            "description": "inherited steps by name: given keys replace, the rest stays",
        },
        "insert": {
            "type": "array",
            "items": entry,
            "description": "steps to put before or after an inherited one",
        },
    }


def _clean(value: Any) -> Any:
    """Without pydantic's titles, and without defaults in inner units."""
    if isinstance(value, dict):
        is_properties = all(isinstance(v, dict) for v in value.values())
        return {
            key: _clean(child)
            for key, child in value.items()
            if not (key in ("title", "default", "discriminator") and not (is_properties and isinstance(child, dict)))
            or (key == "title" and str(child).startswith("A rehearsal"))
        }
    return [_clean(child) for child in value] if isinstance(value, list) else value
