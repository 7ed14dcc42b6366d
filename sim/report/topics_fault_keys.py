"""What the keys of a fault mean, and those by which the nemesis draws some."""

from __future__ import annotations

from sim.report.topic import Topic

FAULT_KEYS: dict[str, Topic] = {
    "fault": Topic(
        "Which fault it is.",
        "Each has keys of its own; whatever an engine can't make is refused by name.",
        "fault: latency. rehearse explain latency says what it takes; README has the list.",
        "-",
    ),
    "link": Topic(
        "The link a fault is made on: who dials, and whom.",
        "Networks fail between two parts, not in general.",
        "link: edge->queue, or edge->blue-hydra:admin where a pair has several; ctl takes edge/queue.",
        "Every arrow of your own picture of the system.",
    ),
    "part": Topic(
        "The part a fault is made on.",
        "Programs die and hang as a whole.",
        "part: edge, blue-hydra, green-postgres, queue, …: the services of the stack file.",
        "-",
    ),
    "at": Topic(
        "When a fault begins.",
        "The bad moment is the one between two steps.",
        "at: migrate + 20s, copy.end, snapshot, switch, or by hand (ctl RUN inject NAME).",
        "-",
    ),
    "until": Topic(
        "An instant at which a fault is healed at the latest.",
        "A fault that outlives its phase tells of another phase.",
        "until: migrate.end. Beside for: whichever comes first.",
        "-",
    ),
    "stream": Topic(
        "The direction of a link in which a toxic works.",
        "A lost answer is worse than a lost request: it was done, and nobody knows.",
        "stream: downstream (the default: answers) | upstream (requests).",
        "-",
    ),
    "jitter": Topic(
        "How far a latency moves up and down.",
        "A steady delay is kinder than a moving one.",
        "jitter: 50ms beside latency, on a schedule of our own by the run's seed, so that it can be repeated.",
        "-",
    ),
    "delay": Topic(
        "How much longer something takes: slow_close holds a closed connection, slicer waits between pieces, fsync "
        "holds each flush.",
        "Pools run dry by connections that won't end.",
        "delay: 2s; of fsync 1ms to 100ms.",
        "-",
    ),
    "bytes": Topic(
        "After how much data the fault limit_data cuts a connection.",
        "An answer cut in the middle is no answer, and the work was done.",
        "bytes: 4KiB, of each connection.",
        "-",
    ),
    "average_size": Topic(
        "The mean size of the pieces into which slicer cuts data.",
        "Whoever reads one piece and takes it for all has a bug that only shows so.",
        "average_size: 64B.",
        "-",
    ),
    "size_variation": Topic(
        "By how much slicer's pieces differ in size.",
        "Even pieces may fall on boundaries by luck.",
        "size_variation: 32B; below average_size.",
        "-",
    ),
    "from": Topic(
        "From which part the fault partition cuts a part off.",
        "Half a partition is the nasty one: some see it, some don't.",
        "from: edge. Not given: from all.",
        "-",
    ),
    "role": Topic(
        "Whose backends the fault terminate ends.",
        "A failover ends everybody's connections, an admin one role's.",
        "role: hydra (the default) | edge.",
        "-",
    ),
    "connections": Topic(
        "How many connections the fault exhaust holds.",
        "Postgres refuses the next one, and Hydra says inactive.",
        "connections: 80; not given: all that are left.",
        "A pooler in between fails differently.",
    ),
    "table": Topic(
        "The table that the fault lock locks.",
        "An idle transaction on a busy table is a quiet outage.",
        "table: hydra_oauth2_access; hydra_client unless given.",
        "-",
    ),
    "waiter": Topic(
        "An ACCESS EXCLUSIVE waits behind the locked table's session, and everybody behind that.",
        "The queue behind a waiting migration is the outage, not the migration.",
        "waiter: true, of the fault lock; false unless given.",
        "lock_timeout is what mends it.",
    ),
    "offset": Topic(
        "By how much the fault clock sets a service's clock wrong.",
        "Expiry and order are read from clocks.",
        "offset: +1h ahead, -30s behind; our own services only.",
        "NTP hides it until it doesn't.",
    ),
    "size": Topic(
        "How large the disk is that the fault disk fills.",
        "What a Postgres does without room shows only when there is none.",
        "size: 512MiB, at least 256MiB; not given: half a GB and 60 KiB a grant. Its Postgres has that disk for the "
        "whole run, in memory: compare this run's latencies with no other's.",
        "Disks fill by WAL that an absent replica holds back.",
    ),
    "after": Topic(
        "At which point of a captured revocation the fault kill hits an edge.",
        "Between the intent and the outcome nobody knows what was done.",
        "after: intent (stored, Hydra not asked yet) | forward (Hydra has done it, nobody was told). Not given: at its "
        "instant, wherever the edge is then.",
        "-",
    ),
    "message": Topic(
        "How many captured revocations the replayer has applied when the fault kill hits it.",
        "A replay that is broken off must go on where it stood, and may do again what it had done.",
        "message: 10. Not given: at its instant.",
        "-",
    ),
    "budget": Topic(
        "How many faults the nemesis draws at most.",
        "Too many at once show nothing but that.",
        "nemesis: {budget: 5} (the default); fewer if no more fit without meeting.",
        "-",
    ),
    "kinds": Topic(
        "What the nemesis draws from.",
        "A list keeps a draw to what your system can meet.",
        "nemesis: {kinds: [latency, down, timeout, kill, pause, restart]} (the default).",
        "-",
    ),
    "phases": Topic(
        "In which steps the nemesis' faults begin and are healed.",
        "Each phase has its own way to fail.",
        "nemesis: {phases: [copy, migrate, soak]} (the default).",
        "-",
    ),
}
