"""Which topic of `rehearse explain` says what a figure means: every name that the screens ask for stands here."""

from __future__ import annotations

from sim.history.op import Op
from tui.ink import To

ABOUT = {
    "introspect": "token_continuity",
    "refresh": "session_continuity",
    "revoke": "revocation",
    "authorize": "login_continuity",
    "code": "login_continuity",
    "client_credentials": "write_loss",
    "discovery": "discovery_continuity",
    "jwks": "discovery_continuity",
    "id_token": "discovery_continuity",
    "authz": "consent_continuity",
    "logout": "login_continuity",
    "link": "fault_proof",
    "made": "fault_proof",
    "equality": "data_equality",
    "accounted": "data_equality",
    "schema": "data_equality",
    "migrations": "migration",
    "oracle": "revocation",
    "revoked_rows": "revocation",
    "lost_grants": "write_loss",
    "lost_chains": "session_continuity",
    "poisoned": "session_continuity",
    "consents": "consent_continuity",
    "browser_sessions": "login_continuity",
    "cleaned": "cleanup_safety",
    "queue": "replay_queue",
    "database": "migration",
    "snapshot": "copy",
    "switch": "cutover",
    "fence": "cutover",
    "proof_well": "rollback",
    "guard": "guards",
    "unsteady": "baseline",
    "ask_step": "pause",
    "ask_heal": "heal",
}
"""Operation → the topic that says what it is looked at for; any other has a topic of its own name."""

SCREENS = {
    "overview": "verdict", "traffic": "latency", "faults": "nemesis", "database": "migrate", "ledger": "chain",
    "log": "evidence", "verdict": "verdict", "gameday": "gameday",
}  # fmt: skip
"""Screen → what it is about."""

OF_LOG = {"is:failed": "failed", "is:shed": "shed", "is:captured": "capture", "is:uncaptured": "capture"}
"""Word of a filter → its topic."""

OF_GAUGE = {"way_back": "rollback", "cut": "write_loss", "waiting": "lock", "blocked": "lock", "capture": "capture",
            "edge": "buffer", "late_p99_s": "sender", "unsent": "sender", "host": "sender"}  # fmt: skip
"""Part of a gauge's path → its topic; of the rest it is `gauge`."""

STEPS = ("step", "undo", "progress", "gate")
"""Operations that are about a step: its topic."""

ELSE = ("evidence", "latency", "fault_proof", "session_continuity", "gauge")


def topic_of(to: To) -> str:
    """The topic's name, of all that is no op and no step."""
    match to.kind:
        case "grant":
            return "session_continuity"
        case "quantile" | "series":
            return "latency"
        case "log" | "recent":
            return next((topic for word, topic in OF_LOG.items() if word in to.arg), "evidence")
        case "gauge":
            return next((OF_GAUGE[part] for part in to.arg.split(".") if part in OF_GAUGE), "gauge")
        case "probe":
            return "token_continuity" if to.arg.endswith("good") else "revocation"
        case "link":
            return "fault_proof"
        case "screen":
            return SCREENS.get(to.arg, "verdict")
    return to.arg


def topic_of_op(op: Op) -> str:
    """The topic of an op that is about no step of the plan."""
    value = op.value or {}
    if op.f in STEPS:
        return str(value.get("step"))
    if op.f in ("fault", "heal"):
        return str(value.get("fault") or "fault_proof")
    return ABOUT.get(op.f, op.f)
