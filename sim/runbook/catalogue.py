"""The built-in steps: what each does, how it is undone, what an abort costs there.

The words stand on the screen, in `--dry` and in runbook.md; the functions do it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sim.runbook import closing, database, own, prepare, switching, upgrading, writing
from sim.runbook.context import Acting, Context
from sim.scenario import Cleanup, Cutover, Migrate, Scenario, Soak, Step, Verify

Act = Callable[[Context, Any], Acting]


class Entry(NamedTuple):
    """One kind of step."""

    does: str
    act: Act
    needs: str
    """Precondition, as a sentence."""
    undo_words: str
    undo: Act | None
    abort_costs: str
    point_of_no_return: bool = False
    ready: Act | None = None
    """What must be done first, on a clock of its own."""
    measured: str = ""
    """The figure that measures the precondition, as the plan names it to the screen (tui.measured); "" = none does."""


CATALOGUE: dict[str, Entry] = {
    "baseline": Entry("watch the traffic until it is known to be steady", prepare.baseline,
                      "blue serves", "nothing to undo", None, "nothing", measured="serving.blue"),
    "preflight": Entry("rehearse copy, cleanup and migration on a copy of its own; find what aborts it",
                       database.preflight, "nothing is touched yet", "nothing is left to undo", None, "nothing"),
    "lifetime": Entry("raise the lifetime of access tokens, wait until the old ones are renewed",
                      prepare.lifetime, "a new token shows the lifetime",
                      "put the lifetime back", prepare.lifetime_undo, "nothing", measured="token.lifetime"),
    "capture": Entry("put each revocation also in the queue, before blue is asked", prepare.capture,
                     "the queue acknowledges", "stop capturing", prepare.capture_undo, "nothing",
                     measured="link.edge->queue"),
    "writes": Entry("refuse whatever writes at the edge, or let it in again", writing.writes, "the edge answers",
                    "let everybody write again", writing.writes_undo, "nothing", measured="serving.any"),
    "upgrade": Entry("take blue to its own version within 1.x: its database online, then its Hydra exchanged",
                     upgrading.upgrade, "blue reads explicit columns", "none needed: blue serves as the newer version",
                     None, "nothing"),
    "copy": Entry("copy blue's database to green under one snapshot and compare them", database.copy,
                  "every revocation before the capture has its outcome", "drop the copy",
                  database.copy_undo, "nothing", measured="capture.open"),
    "cleanup": Entry("find the rows that break the migration; mend or set aside each", database.cleanup,
                     "the copy is whole", "goes with the copy", None, "nothing", measured="copy.different"),
    "migrate": Entry("run the stock migration on the copy; compare with the migration list",
                     database.migrate, "no row is left that breaks it", "goes with the copy", None, "nothing",
                     measured="cleanup.left"),
    "repair": Entry("put back the subjects, states and grants the migration marked wrongly",
                    database.repair, "every file of the migration list is applied", "goes with the copy",
                    None, "nothing", measured="migration.applied"),
    "cutover": Entry("buffer, drain, fence blue, switch login-consent and authz, switch the edge, release",
                     switching.cutover, "green is ready",
                     "buffer, drain, unfence blue, replay green's revocations on blue, switch back, release",
                     switching.cutover_undo, "the grants made on green; their revocations are carried over",
                     ready=switching.ready, measured="green.ready"),
    "replay": Entry("apply the captured revocations on green by grant", switching.replay,
                    "every captured revocation has its outcome", "nothing to undo: blue never lost them",
                    None, "as at the cutover", measured="capture.open"),
    "janitor": Entry("run the new version's own janitor on green's database", switching.janitor,
                     "green's database is migrated", "nothing to undo: blue never lost them", None,
                     "as at the cutover", measured="migration.applied"),
    "soak": Entry("watch green serve, with the way back open", switching.soak, "green serves",
                  "nothing to undo", None, "as at the cutover", measured="serving.green"),
    "return": Entry("buffer, drain green, switch everything back to blue, release", switching.come_back,
                    "blue runs and its columns are there", "nothing to undo: blue serves", None, "nothing",
                    measured="blue.ready"),
    "restore": Entry("stop authz' cleanup job, put back what it deleted from the kept copy", closing.restore,
                     "a copy of its grants was kept", "nothing to undo: nothing is taken away", None,
                     "as at the cutover", measured="grants.kept"),
    "verify": Entry("read everything by key, ask the API for every revoked grant and a sample",
                    closing.verify, "the replay is done", "nothing to undo", None, "as at the cutover",
                    measured="replay.done"),
    "close": Entry("capture off, lifetime back, the grants' indexes dropped, blue stopped and kept", closing.close,
                   "somebody wants no way back", "none: point of no return", None, "no way back", True),
    "exec": Entry("run a command of your own", own.execute, "the command exists", "run your undo command",
                  own.execute_undo, "as your command says"),
    "manual": Entry("a person does it; the time is measured", own.manual, "somebody is there",
                    "a person undoes it", None, "as the person says"),
}

MIGRATE_IN_PLACE = {
    "stock": "run the stock migration on the database that blue serves from; compare with the migration list",
    "online": "run the stock migrations' statements rewritten so that nobody waits; compare schema and list",
}


def entry_of(step: Step, scenario: Scenario) -> Entry:
    """A step's entry, in the words that fit this scenario."""
    entry = CATALOGUE[step.kind]
    if isinstance(step, Cutover) and scenario.in_place:
        return entry._replace(does="buffer, drain, switch login-consent and authz, switch the edge, release",
                              undo_words="buffer, drain, switch back, release",
                              abort_costs="what the old version can not read of what the new one issued")
    if isinstance(step, Verify) and scenario.in_place:
        return entry._replace(needs="somebody serves", measured="serving.any", abort_costs="as before it")
    if isinstance(step, Soak) and (scenario.in_place or scenario.stack.blue.begins_as):
        return entry._replace(does="watch what clients meet, whichever version serves", needs="something serves",
                              measured="serving.any",
                              abort_costs="as before it")
    if isinstance(step, Cleanup) and scenario.in_place:
        stopped = step.old == "stopped"
        return entry._replace(
            does="find the rows of blue's own database that break the migration; mend or set aside each",
            needs="blue's database is whole", measured="",
            undo_words=("start the old Hydra again; " if stopped else "") + "what is mended stays, the rows are kept",
            undo=database.start_old if stopped else None)
    if not isinstance(step, Migrate) or not scenario.in_place:
        return entry
    back = scenario.way_back_after_migration
    return entry._replace(
        does=MIGRATE_IN_PLACE[step.by],
        needs="blue's database is whole" if step.old == "serves" else "blue can be stopped", measured="",
        undo_words="none needed: blue names its columns" if back else "none: point of no return",
        abort_costs="nothing" if back else "no way back", point_of_no_return=not back)
