"""Every figure a check can say, by the one name it has everywhere.

The same word is the key below `tolerate:` (`check.figure`), the key in verdict.json, the
label on the screen and the topic of `rehearse explain`. It stands beside the history because
scenario, checks and screen all need it and none of them may import the others. Only names,
units and sentences: nothing here computes.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Unit = Literal["count", "s", "share", "times"]
"""count: how many · s: seconds · share: 0 to 1 · times: a multiple of the baseline's value."""

Judged = Literal["always", "if_written", "never"]
"""always: its limit is 0 unless the scenario tolerates more · if_written: it has a limit only
if the scenario writes one · never: shown, and a tolerance for it is refused."""


class Figure(msgspec.Struct, frozen=True):
    """What one figure means."""

    unit: Unit
    label: str
    """A few words, for the screen and the report."""
    explain: str
    """One or two sentences for `rehearse explain`."""
    judged: Judged = "always"
    also: tuple[Unit, ...] = ()
    """Further units in which a tolerance for it may be written."""


FIGURES: dict[str, dict[str, Figure]] = {
    "revocation": {
        "longest_gap": Figure(
            "s", "longest gap",
            "The longest time in which something revoked before the switch was still accepted on the other "
            "stack: from the acknowledgement or the switch, whichever is later, to the first refusal seen "
            "afterwards. An upper bound; the lower one is longest_gap_at_least."),
        "longest_gap_at_least": Figure(
            "s", "longest gap, at least",
            "The same gap as its acceptances prove it: from the first to the last of them.", "never"),
        "uses": Figure(
            "count", "uses of revoked tokens",
            "Acceptances of a revoked token that were asked for after the revocation had been acknowledged. "
            "They are limited through the gap, and by their number only if the scenario says so.",
            "if_written"),
        "uses_after_replay": Figure(
            "count", "uses after the replay",
            "Acceptances of a revoked token after the replay was done: a revoked app is let in for good."),
        "uses_where_revoked": Figure(
            "count", "uses where revoked",
            "Acceptances of a revoked token by the very stack that had acknowledged the revocation."),
        "still_alive": Figure(
            "count", "revoked, still alive",
            "Grants whose revocation was acknowledged and which the database still holds alive at the end."),
        "shed_took_effect": Figure(
            "count", "shed, yet took effect",
            "Revocations that were refused with a 503 and yet ended the grant."),
        "unexplained": Figure(
            "count", "ended, nobody knows why",
            "Grants that are dead on blue and alive on green though nothing in the history ended them: "
            "somebody went round the edge. UNKNOWN.", "never"),
        "acknowledged": Figure(
            "count", "revocations acknowledged", "Revocations answered with success.", "never"),
        "oldest_wait": Figure(
            "s", "oldest waits",
            "While the replay is not done: the age of the oldest captured revocation not yet on green.",
            "never"),
    },
    "session_continuity": {
        "lost_chains": Figure(
            "count", "lost chains",
            "Refresh chains of known grants that were alive on blue and can not be continued: their newest "
            "refresh token is unknown on green, or a client was refused with it.", also=("share",)),
        "lost_share": Figure(
            "share", "share of chains lost", "Lost chains as a part of all live chains.", "never"),
        "lost_share_a_minute": Figure(
            "share", "chains lost a minute",
            "The same part for each minute from the copy's snapshot to the switch: what a longer window loses, and "
            "what two runs with windows of different length can be compared by.", "if_written"),
        "live_chains": Figure(
            "count", "live chains", "Chains alive on blue when blue was fenced.", "never"),
        "sampled": Figure(
            "count", "chains sampled", "Chains that nobody used, continued through the API at the end.", "never"),
        "sample_bound": Figure(
            "share", "missed by the sample",
            "The largest share of bad chains among those that nobody used which a sample without a bad one leaves "
            "possible, with 95 % confidence: 1 - 0.05^(1/sampled).", "never"),
        "poisoned": Figure(
            "count", "grants poisoned",
            "Grants with rows that lost their subject: an old version refreshed what a newer one had issued and "
            "could not read it. Read by key where both versions share one database."),
        "refresh_refused": Figure(
            "count", "refreshes refused",
            "Of the lost chains, those that only a client's refused refresh showed.", "if_written"),
    },
    "token_continuity": {
        "false_inactive": Figure(
            "count", "false-inactive",
            "Answers that a token which must be active was not. Tokens of a chain or grant that is already "
            "counted as lost are not counted again."),
        "counted_elsewhere": Figure(
            "count", "counted elsewhere",
            "False-inactive answers of chains and grants that are already counted as lost.", "never"),
        "wrong_subject": Figure(
            "count", "subject wrong",
            "Answers that a token is active, for nobody or for somebody else than who granted it."),
        "either_share": Figure(
            "share", "not decidable",
            "Answers about tokens whose state nobody can know (a revoke or refresh under way, the moment of "
            "expiry, the switch): neither answer breaks anything.", "never"),
    },
    "write_loss": {
        "grants": Figure(
            "count", "new grants lost",
            "Grants made on blue after the copy's snapshot which green does not know."),
        "grants_a_minute": Figure(
            "count", "new grants lost a minute",
            "The same for each minute from the copy's snapshot to the switch: what a longer window costs.",
            "if_written"),
        "service_tokens": Figure(
            "count", "service tokens lost",
            "Tokens of services (client_credentials) made on the old stack after the snapshot and refused by "
            "the new one. A service can fetch another at once."),
        "consents": Figure(
            "count", "consents to be given again",
            "Of the grants lost, those to which a person had said yes on blue.", "if_written"),
    },
    "login_continuity": {
        "browser_sessions": Figure(
            "count", "browser sessions ended",
            "People who have to log in again because their cookie means nothing to the new stack."),
        "in_flight": Figure(
            "count", "logins in flight lost",
            "Authorizations and logouts begun before the switch that could not be finished after it."),
        "refused": Figure(
            "count", "logins refused",
            "Authorizations begun after the switch and refused, though nothing cut them in two: the way to log in "
            "is broken. Those that failed without an answer are counted as failed."),
        "codes": Figure(
            "count", "codes refused",
            "Authorization codes that were good and were refused; those that only the old stack knew count "
            "as logins in flight."),
    },
    "availability": {
        "failed": Figure(
            "count", "failed",
            "Operations without a usable answer: refused connections, 5xx, timeouts and lost answers.",
            also=("share",)),
        "failed_share": Figure(
            "share", "share failed",
            "Failed operations as a part of all. A tolerance here limits `failed` as a share.", "if_written"),
        "kept_failures": Figure(
            "count", "failures kept",
            "Refreshes that the edge answered with the failure of an earlier exchange, which was over: a failed "
            "exchange must never be kept."),
        "shed": Figure(
            "count", "shed", "Operations the edge refused on purpose, with a 503.", also=("share",)),
        "users_refused": Figure(
            "count", "could not revoke", "People whose revocation the edge refused on purpose.", "if_written"),
        "longest_refusal": Figure(
            "s", "longest refusal",
            "The longest time in which somebody could not revoke: from the first refusal on purpose to the "
            "acknowledgement, or until revocations passed again if they had given up.", "if_written"),
        "longest_gap": Figure(
            "s", "longest gap",
            "The longest time in which clients asked for one kind of operation and none of it was answered, "
            "buffering at the edge and refusals on purpose left out. In place its limit is one second unless the "
            "scenario writes another; elsewhere it has one only if it is written.", "if_written"),
        "longest_buffering": Figure(
            "s", "longest buffering",
            "The longest a request waited in the edge's buffer. Its limit is stack.edge.buffer unless the "
            "scenario writes another."),
    },
    "latency": {
        "introspect_p99_to_baseline": Figure(
            "times", "introspect p99 of baseline",
            "The 99th percentile of introspection after the switch, from when each was due, as a multiple "
            "of the baseline step's.", "if_written"),
        "introspect_p99": Figure(
            "s", "introspect p99", "The 99th percentile of introspection after the switch, from when each "
            "was due.", "if_written"),
        "introspect_p99_baseline": Figure(
            "s", "introspect p99, baseline", "The same during the baseline step.", "never"),
        "late_share": Figure(
            "share", "sent late",
            "Planned operations that our own sender sent more than 50 ms late. Over 1 % (unsent ones "
            "included) no latency of this run means anything: UNKNOWN.", "never"),
        "unsent": Figure(
            "count", "unsent", "Planned operations our own sender never sent.", "never"),
    },
    "replay_queue": {
        "captured": Figure("count", "captured", "Revocations whose intent the queue holds.", "never"),
        "replayed": Figure("count", "replayed", "Captured revocations applied on green.", "never"),
        "void": Figure(
            "count", "void", "Captured revocations with nothing to do on green: refused by blue, or of a "
            "grant green never knew.", "never"),
        "lost": Figure(
            "count", "lost",
            "Revocations that were captured and never replayed, or acknowledged with a capture number and "
            "not in the queue."),
        "uncaptured": Figure(
            "count", "not captured",
            "Revocations acknowledged between snapshot and switch without a capture; whether they are in "
            "force on green is for the check revocation.", "never"),
        "duplicated": Figure(
            "count", "duplicated", "Revocations applied twice as if they were two."),
        "unexpected": Figure(
            "count", "unexpected", "Replayed records that no client's revocation accounts for."),
    },
    "consent_continuity": {
        "missing": Figure(
            "count", "consents missing",
            "Remembered consents of the copy that green can not use; those revoked since do not count."),
        "not_remembered": Figure(
            "count", "asked again",
            "People who were asked after the switch for a consent they had given and had remembered."),
    },
    "discovery_continuity": {
        "changed": Figure(
            "count", "changed",
            "Parts of the discovery document that clients rely on and that differ after the switch."),
        "unverified": Figure(
            "count", "unverified",
            "Signing keys no longer published, or ID tokens that no published key verifies."),
        "left": Figure(
            "count", "ID tokens of green",
            "After a way back: ID tokens that green signed by a key of its own, which blue does not publish.",
            "if_written"),
    },
    "cleanup_safety": {
        "deleted_good": Figure(
            "count", "living grants deleted",
            "Grants that were alive and not revoked when a cleanup job deleted them, read by key."),
        "deleted": Figure("count", "deleted", "Everything that cleanup jobs deleted.", "never"),
        "spared": Figure(
            "count", "spared", "Grants that a job would have deleted and its guard kept.", "never"),
        "restored": Figure("count", "restored", "Grants put back from the kept copy.", "never"),
        "lost_by_restore": Figure(
            "count", "lost by the restore",
            "Grants written after the kept copy was made that are gone after the restore."),
        "denied": Figure(
            "count", "403s", "Answers of authz that refused an active token of a person's grant.", "never"),
        "denied_after_restore": Figure(
            "count", "403s after the restore", "The same, asked for after the restore was done."),
    },
    "data_equality": {
        "different": Figure(
            "count", "keys different", "Keys that are on one side of the copy only."),
        "lost": Figure(
            "count", "rows lost",
            "Rows of the copy that are neither on green at the migration's end nor in the cleanup's manifest."),
        "schema": Figure(
            "count", "schema different",
            "Tables, columns, indexes and constraints of green that a fresh installation has not, or has otherwise. "
            "What blue had of its own before does not count."),
        "kept": Figure("count", "rows kept", "Rows of the copy that are in their table on green.", "never"),
        "merged": Figure("count", "rows merged", "Rows of the four consent tables that are in a flow.", "never"),
        "cleaned": Figure("count", "rows set aside", "Rows that the cleanup set aside, by its manifest.", "never"),
    },
    "migration": {
        "missing": Figure(
            "count", "versions missing", "Migrations in the program's list and not in schema_migration."),
        "unexpected": Figure(
            "count", "versions unexpected", "Migrations in schema_migration and not in the program's list."),
    },
    "rollback": {
        "not_well": Figure(
            "count", "blue not well", "Proofs after the return to blue that failed, and undos that failed."),
    },
    "fault_proof": {
        "unproven": Figure(
            "count", "unproven",
            "Links or faults whose effect no probe saw. What was not proven has shown nothing: UNKNOWN.",
            "never"),
        "unhealed": Figure(
            "count", "unhealed", "Faults that were not taken off. UNKNOWN.", "never"),
    },
}
"""Check → figure → its meaning, in the order in which checks and figures are shown."""


def tolerable(check: str, figure: str) -> Figure | None:
    """The figure if a scenario may tolerate it, else None."""
    found = FIGURES.get(check, {}).get(figure)
    return found if found is not None and found.judged != "never" else None
