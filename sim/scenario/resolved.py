"""Writes a scenario as the file that says everything: nothing inherited, no default left out.

The run folder keeps it, and it loads back to an equal model.
"""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

if TYPE_CHECKING:
    from sim.scenario.model import Scenario
    from sim.scenario.steps import StepBase

_BESIDE = {"exec", "manual"}
"""Kinds whose own keys stand beside the kind, not below it."""


def resolved(scenario: Scenario, *, seed: int | None = None) -> str:
    """The whole scenario as YAML; `seed` if one was drawn."""
    if seed is not None:
        scenario = scenario.model_copy(update={"seed": seed})
    out = scenario.model_dump(mode="json", by_alias=True, exclude_none=True)
    out["seed"] = "random" if scenario.seed is None else scenario.seed
    out["runbook"] = [_step(step) for step in scenario.runbook]
    for fault in (*out["faults"], *out.get("gameday", {}).get("card", ())):
        if "link" not in fault:
            del fault["stream"]  # what is made on a part has no direction
    out["tolerate"] = {
        name: {"max": tolerance.written(), "because": tolerance.because}
        for name, tolerance in scenario.tolerate.items()
    }
    out["expect"] = scenario.expect.written()
    return as_yaml(out)


def as_yaml(told: dict[str, Any]) -> str:
    """YAML in the keys' own order, short things on one line."""
    text = StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # the keys' order is ours
    yaml.width = 110
    yaml.allow_unicode = True
    yaml.dump(told, text)
    return text.getvalue()


def _step(step: StepBase) -> dict[str, Any]:
    own = step.model_dump(mode="json", by_alias=True, exclude_none=True)
    kind = own.pop("kind")
    if own["name"] == kind:
        del own["name"]
    if not own["point_of_no_return"]:
        del own["point_of_no_return"]
    if kind in _BESIDE:
        return {kind: own.pop(kind), **own}
    return {kind: own}
