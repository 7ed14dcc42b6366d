"""What the screens' figures and the history's other operations mean: each `e` on a figure ends at a topic."""

from __future__ import annotations

from sim.report.topic import Topic

_NONE = "-"

FIGURES: dict[str, Topic] = {
    "failed": Topic(
        "A request without a usable answer: refused, 5xx, timed out or lost.",
        "It is what users see of an upgrade first.",
        "Counted by the check availability; enter on the figure lists these operations. A clear refusal of the "
        "protocol (invalid_grant, say) is an answer and no failure, and neither is what the edge sheds on purpose.",
        "Clients retry, so one failure here is one retry there, or one user who gave up.",
    ),
    "shed": Topic(
        "A request that the edge refused on purpose, with 503.",
        "Refused is better than lost: whoever hears 503 knows that nothing happened, and asks again.",
        "A revocation that can't be captured (stack.edge.queue_down: fail_closed), a write while writes are off, a "
        "request that waited longer than stack.edge.buffer. Counted apart from failed.",
        "A shed revocation is the dangerous one: somebody wants an app out, now.",
    ),
    "wrong": Topic(
        "A clear but false answer: a revoked token called active, or a good one inactive.",
        "It looks like health: nothing failed, and somebody got in, or was kept out.",
        "Each answer is compared with what must be so at that instant; see revocation and token_continuity.",
        _NONE,
    ),
    "evidence": Topic(
        "How many operations could have broken a check; and the operations themselves.",
        "A check that nothing could have broken proves nothing. Under its floor it is UNKNOWN.",
        "Enter on a check shows the operations that show it, its witnesses, and leads to all it is read from. Enter on "
        "one shows request, answer, exact command and UTC time.",
        _NONE,
    ),
    "verdict": Topic(
        "BROKEN if one check is broken, else UNKNOWN if one is unknown, else HELD.",
        "One word that can't be outweighed by many good ones.",
        "While the run goes on a check may also be open. What was not asked decides nothing; there is no score.",
        _NONE,
    ),
    "chain": Topic(
        "One access token and refresh token, and whatever follows from them by refreshing.",
        "It is what a user or an agent is logged in by: lose it, and somebody logs in again.",
        "A grant is a consent and its chains. The ledger shows each grant's life across blue, queue, copy and green.",
        "Hydra ends a whole chain when a refresh token is used twice.",
    ),
    "sender": Topic(
        "How late our own requests were sent, how many not at all, and how busy the machine is.",
        "A slow sender makes a slow server look well, and a starved machine makes every figure doubtful.",
        "Lateness is from when a request was due to when it was sent. Too much of it makes latency UNKNOWN.",
        "There the load comes from outside; here sender and servers share the machine.",
    ),
}

OPERATIONS: dict[str, Topic] = {
    "cmd": Topic(
        "A command, an HTTP call or an SQL statement that the runbook ran, exactly as it ran.",
        "It is what goes into the change ticket, and what somebody types by hand when the tool is gone.",
        "Secrets are masked as ***. y copies it; runbook.md has all of them by step.",
        "Addresses, roles and sizes are yours; the order is the same.",
    ),
    "note": Topic(
        "A line written into the history: by a person (n on the screen, ctl RUN note TEXT), or by the harness.",
        "What was noticed and decided at which second is forgotten by the next morning.",
        "It has the instant and, of a person, who wrote it. On a game day it may be tagged to what is wrong.",
        _NONE,
    ),
    "gauge": Topic(
        "One second's figures of both Hydras, both Postgres, the edge and the machine.",
        "Traffic shows what users met; a gauge shows why.",
        "CPU and RSS are the process's, heap and goroutines what Hydra tells of itself, connections and waits what "
        "pg_stat_activity tells. What did not answer is left out.",
        "The same figures from your own monitoring.",
    ),
    "state": Topic(
        "The run's state: STARTING, RUNNING, PAUSED, GATE, BUFFERING, ABORTING, ROLLED_BACK or FINISHED.",
        "Everybody must see at once whether it waits for them.",
        "It stands at the right of the first line, and why it is so beside it in the log.",
        _NONE,
    ),
    "plan": Topic(
        "The runbook as it was meant to go, written before the first step.",
        "What was meant and what was done are two things; a reader needs both.",
        "Each step with what it does, needs, how it is undone, what an abort costs and its deadline.",
        _NONE,
    ),
    "end": Topic(
        "How the run ended: completed, rolled_back or failed, and why.",
        "A verdict over half a run says something else than one over a whole.",
        "Written once, last. A run that was killed has none; `rehearse resume` takes it up.",
        _NONE,
    ),
    "stack": Topic(
        "The stack's start: every part with its version, and how long it took.",
        "A figure is worth nothing without the versions it was measured on.",
        "environment.json in the run folder has digests and the machine as well.",
        _NONE,
    ),
    "gap": Topic(
        "Time that nobody watched: the harness was killed, and taken up again later.",
        "What happened meanwhile is unknown, and is not called well.",
        "Written by `rehearse resume`: from when to when, and whether the last line was torn.",
        _NONE,
    ),
    "planted": Topic(
        "A bug put in on purpose, to see whether the checks find it.",
        "A check that never finds anything may be blind.",
        "`rehearse bench recall` plants them one by one; no other run has any.",
        _NONE,
    ),
    "keys": Topic("Keys read in SQL on both databases.", "An API can lie, rows can't.", "See verify.", _NONE),
    "pause": Topic(
        "The runbook stops after the step under way, or goes on; the traffic never stops.",
        "A person needs time to look, and users don't wait meanwhile.",
        "space or ctl RUN pause, resume, step. It is an operation with who asked and what was answered.",
        _NONE,
    ),
    "resume": Topic("A paused runbook goes on.", "See pause.", "space, or ctl RUN resume.", _NONE),
    "approve": Topic(
        "GO at a gate: the step begins.", "Somebody must have said yes, by name.",
        "a, or ctl RUN approve; the reason is written down with it.", _NONE,
    ),
    "postpone": Topic(
        "The gate, or the cutover to come, waits longer.", "Not now is an answer, too.",
        "p by 60 s, or ctl RUN postpone --for 5m.", _NONE,
    ),
    "nogo": Topic(
        "NO-GO at a gate: the run rolls back.", "The way back is cheapest before the cutover.",
        "x at a gate, or ctl RUN nogo; the reason is written down with it.", _NONE,
    ),
    "abort": Topic(
        "Stop, undo newest first, prove that blue is well.", "It must work at every instant, so it is one key.",
        "x asks once; ctl RUN abort; ctrl+c in the run's own terminal. What it costs is WAY BACK.", _NONE,
    ),
    "panic": Topic(
        "Heal every fault, let go what waits at the edge, roll back; at once and without a question.",
        "In trouble nobody reads a question.", "! or ctl RUN panic.", _NONE,
    ),
    "stop": Topic(
        "Stop now and clean up, without undoing step by step.", "For who needs the machine back.",
        "ctrl+c twice in the run's terminal, SIGTERM, or ctl RUN stop.", _NONE,
    ),
    "inject": Topic(
        "A fault by hand.", "What nobody planned is what happens.",
        "f on the screen, or ctl RUN inject KIND WHERE; written to faults.jsonl first, then made, proven and healed.",
        _NONE,
    ),
    "heal": Topic(
        "A fault is taken off, and that is proven too.", "A fault that outlives the drill is an incident.",
        "H heals all, h one; ctl RUN heal NAME. After a kill `rehearse clean` does it from faults.jsonl.", _NONE,
    ),
    "tag": Topic(
        "The facilitator says what an act of a game day was about.", "See noticed.",
        "t on screen 8, or ctl RUN tag '#1234' NAME.", _NONE,
    ),
}  # fmt: skip
