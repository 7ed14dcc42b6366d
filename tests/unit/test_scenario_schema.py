"""The JSON Schema agrees with the loader: on the project's files, and on files that are wrong."""

import json
import re

import pytest
from ruamel.yaml import YAML

from sim.cli.schema import text
from sim.paths import data
from sim.scenario import load_scenario, resolved, scenario_files
from sim.scenario.schema import schema

SCHEMA = schema()


def fits(value, rule):
    """Does `value` fit the part of JSON Schema that ours uses?"""
    if rule is True or rule == {}:
        return True
    if "$ref" in rule:
        return fits(value, SCHEMA["$defs"][rule["$ref"].rpartition("/")[2]])
    types = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
    wanted = rule.get("type", [])
    for one in [wanted] if isinstance(wanted, str) else wanted:
        if one in ("integer", "number"):
            if isinstance(value, int | float) and not isinstance(value, bool):
                break
        elif isinstance(value, types[one]):
            break
    else:
        if wanted:
            return False
    if "anyOf" in rule and not any(fits(value, one) for one in rule["anyOf"]):
        return False
    if "const" in rule and value != rule["const"]:
        return False
    if "enum" in rule and value not in rule["enum"]:
        return False
    if isinstance(value, str):
        return ("pattern" not in rule or re.search(rule["pattern"], value) is not None) and len(value) >= rule.get(
            "minLength", 0
        )
    if isinstance(value, int | float):
        return value >= rule.get("minimum", value) and value <= rule.get("maximum", value)
    if isinstance(value, list):
        return len(value) >= rule.get("minItems", 0) and all(fits(v, rule.get("items", True)) for v in value)
    if isinstance(value, dict):
        known, rest = rule.get("properties", {}), rule.get("additionalProperties", True)
        if any(name not in value for name in rule.get("required", [])):
            return False
        return all(fits(v, known[k]) if k in known else rest is not False and fits(v, rest) for k, v in value.items())
    return True


def read(text):
    return json.loads(json.dumps(YAML(typ="safe", pure=True).load(text)))


@pytest.mark.parametrize("path", scenario_files(), ids=lambda p: p.stem)
def test_the_projects_scenarios_fit_and_so_do_their_resolved_copies(path):
    assert fits(read(path.read_text()), SCHEMA)
    assert fits(read(resolved(load_scenario(path))), SCHEMA)


GOOD = "format: 1\nextends: 10\n"


@pytest.mark.parametrize(
    "wrong",
    [
        "format: 2\nextends: 10\n",
        "extends: 10\n",
        "format: 1\n",
        GOOD + "tolerat: {}\n",
        GOOD + "tokens: {access: 20}\n",
        GOOD + "runbook: [cpoy]\n",
        GOOD + "runbook: [{copy: {by: dmup}}]\n",
        GOOD + "runbook: []\n",
        GOOD + "tolerate: {write_loss.grants: {max: 3}}\n",
        GOOD + "tolerate: {write_loss.grant: {max: 3, because: x}}\n",
        GOOD + "stack: {edge: {queue_down: fail}}\n",
        GOOD + "guards: [{when: x, then: explode}]\n",
        GOOD + "faults: [{name: a, fault: down, at: copy}]\n",
    ],
)
def test_what_the_loader_refuses_by_its_form_the_schema_refuses_too(wrong):
    assert not fits(read(wrong), SCHEMA)


def test_the_test_of_the_schema_can_fail_and_pass():
    assert fits(read(GOOD), SCHEMA)


def test_the_schema_file_is_up_to_date():
    assert data("scenarios", ".schema.json").read_text() == text(), "run: rehearse schema"


def test_fields_are_described_for_the_editor():
    assert "Seconds a refresh's answer is kept" in SCHEMA["$defs"]["Edge"]["properties"]["coalescing"]["description"]
    assert SCHEMA["$defs"]["step-copy"]["description"].startswith("Copies blue's database")
