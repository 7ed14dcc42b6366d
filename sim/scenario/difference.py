"""Writes a scenario as people would: what it extends, and what differs.

Each of the project's own scenarios is tried as the parent. Only a text that loads back to the very
same scenario is taken; where there is none the whole scenario is written.
"""

from __future__ import annotations

from typing import Any

from ruamel.yaml import YAML

from sim.errors import BadInput
from sim.scenario.extend import WHOLE
from sim.scenario.find import scenario_files
from sim.scenario.load import load_scenario, load_text
from sim.scenario.model import Scenario
from sim.scenario.resolved import as_yaml, resolved

_BESIDE_THE_KEYS = ("format", "slug", "runbook")


def as_difference(scenario: Scenario) -> str:
    """The shortest text that means this scenario; its own name (slug) is its file's."""
    whole = _tree(scenario)
    texts = [_text({key: value for key, value in whole.items() if key != "slug"})]
    for file in scenario_files():
        text = _text(_over(_tree(load_scenario(file)), whole, file.stem))
        if len(text) < len(texts[0]) and _means(text, whole):
            texts.append(text)
    return min(texts, key=len)


def _tree(scenario: Scenario) -> dict[str, Any]:
    read: dict[str, Any] = YAML(typ="safe", pure=True).load(resolved(scenario, seed=scenario.seed))
    return read


def _over(parent: dict[str, Any], child: dict[str, Any], name: str) -> dict[str, Any]:
    """Top-level keys as the file writes them; the runbook as what is left out and changed, where that is all."""
    told: dict[str, Any] = {"format": child["format"], "extends": name}
    for key in dict.fromkeys([*child, *parent]):
        if key not in _BESIDE_THE_KEYS and child.get(key) != parent.get(key):
            told[key] = _part(parent.get(key), child.get(key), whole=key in WHOLE)
    if child["runbook"] != parent["runbook"]:
        steps, others = dict(map(_step, child["runbook"])), dict(map(_step, parent["runbook"]))
        if [name for name in others if name in steps] == list(steps):
            told["remove"] = [name for name in others if name not in steps]
            told["change"] = {name: _part(others[name], new, whole=False)
                              for name, new in steps.items() if new != others[name]}
            told = {key: value for key, value in told.items() if key not in ("remove", "change") or value}
        else:
            told["runbook"] = child["runbook"]
    return told


def _part(old: Any, new: Any, *, whole: bool) -> Any:
    """What must be written so that `new` comes of laying it over `old`."""
    if whole or not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    return {key: _part(old.get(key), new.get(key), whole=False)
            for key in dict.fromkeys([*new, *old]) if old.get(key) != new.get(key)}


def _step(step: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """(name, keys) of a step as `resolved` writes it."""
    (kind, own), *beside = step.items()
    keys = {**(own if isinstance(own, dict) else {kind: own}), **dict(beside)}
    return str(keys.get("name", kind)), keys


def _means(text: str, whole: dict[str, Any]) -> bool:
    try:
        return {**_tree(load_text(text)), "slug": whole["slug"]} == whole
    except BadInput:
        return False


def _text(told: dict[str, Any]) -> str:
    return "# yaml-language-server: $schema=.schema.json\n" + as_yaml(told)
