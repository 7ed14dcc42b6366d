"""A finished run as its folder tells it: verdict, history and scenario together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sim.errors import BadInput

if TYPE_CHECKING:
    from sim.checks.verdict import Verdict
    from sim.history.history import History
    from sim.scenario import Scenario


class Told(NamedTuple):
    """A finished run, read."""

    verdict: Verdict
    history: History
    scenario: Scenario


def read(folder: Path) -> Told:
    """A finished run's verdict, history and scenario.

    Raises BadInput if it has no verdict or one of them can't be read.
    """
    import msgspec

    from sim.checks.verdict import from_json
    from sim.history.history import History, history_file
    from sim.scenario import load_scenario

    try:
        verdict = from_json((folder / "verdict.json").read_bytes())
    except FileNotFoundError:
        raise no_report(folder) from None
    except (OSError, msgspec.MsgspecError) as error:
        raise BadInput("this verdict can't be read", where=str(folder / "verdict.json"), seen=str(error),
                       todo=f"rehearse judge {folder.name} judges the run again") from error
    history = History.load(history_file(folder))
    return Told(verdict, history, load_scenario(str(folder / "scenario.yaml")))


def no_report(folder: Path) -> BadInput:
    """What to say of a run without a verdict."""
    return BadInput("this run has no report: it did not end by itself", where=str(folder),
                    todo=f"rehearse judge {folder.name} judges what it wrote")
