"""What the keys of the runbook's steps mean, and those by which people decide: gates, guards, game days."""

from __future__ import annotations

from sim.report.topic import Topic

STEP_KEYS: dict[str, Topic] = {
    "name": Topic(
        "How others speak of a step or a fault.",
        "Amendments, anchors, the screen and the history need one word for it.",
        "A step's is its kind unless given; letters, digits, - and _ only. A fault's must be unique in the run.",
        "-",
    ),
    "undo": Topic(
        "What leads back from a step.",
        "A step without a way back is a decision, not a step.",
        "Built-in steps have their own. undo: [./drop.sh] puts a command of yours in its place.",
        "Try each undo on its own before the night.",
    ),
    "point_of_no_return": Topic(
        "From here on there is no way back.",
        "Everybody must know it, and the screen must say so.",
        "point_of_no_return: true, instead of an undo. WAY BACK reads closed from then on; abort is refused.",
        "Put a gate before it.",
    ),
    "for": Topic(
        "How long: a step watches, a fault lasts, or a guard's condition must hold.",
        "A glance proves nothing, and a limit breached for an instant is noise.",
        "baseline: {for: 15s}, soak: {for: 20s}. A fault without it lasts until it is healed or the run ends. "
        "guards: for: 0s (the default) acts at the first breach.",
        "Soak for hours, through a peak.",
    ),
    "windows": Topic(
        "How many windows the baseline may watch until one is steady.",
        "A machine may need a while to settle; one that never does can't be measured on.",
        "baseline: {windows: 3} (the default); the last one counts, and if it isn't steady the run ends UNKNOWN.",
        "-",
    ),
    "dwell": Topic(
        "How long to wait after the lifetime was raised.",
        "Tokens issued before live for their old lifetime; until they are renewed they expire in the window.",
        "lifetime: {dwell: 20s} (the default); at least the old lifetime, or validate refuses.",
        "An hour, if tokens lived for an hour.",
    ),
    "allowed": Topic(
        "Whether the edge lets in what writes.",
        "Nothing written means nothing lost, and nobody can revoke either.",
        "writes: {allowed: false} answers authorize, token, revoke and logout with 503 until writes: {allowed: true}.",
        "Tell users before; clients must cope with the 503.",
    ),
    "by": Topic(
        "The way in which a step does its work.",
        "The same goal has roads of different price.",
        "copy: dump (under one snapshot while blue serves). migrate: stock | online (in place: the same statements, "
        "rewritten so that nobody waits). replay: grant | token (the string again: misses chains).",
        "A copy of terabytes is a replica that is promoted.",
    ),
    "jobs": Topic(
        "How many workers dump and restore at once.",
        "More are faster until disk or cores are used up, and then traffic suffers.",
        "copy: {jobs: 2} (the default), 1 to 64.",
        "As many as green has cores; blue must serve meanwhile.",
    ),
    "rows": Topic(
        "Which rows the cleanup mends or sets aside.",
        "A single odd row aborts a migration of hours.",
        "cleanup: {rows: known} (the default: what the known classes and the preflight find), none (only looks), or a "
        "FILE.sql of yours. Each row is in the manifest with what was done.",
        "Read the manifest before the window, with somebody who knows what a row is worth.",
    ),
    "old": Topic(
        "What the old Hydra does from a step on, in place.",
        "While it serves, it may break on what changes, and write what breaks the change.",
        "cleanup, migrate: {old: serves} (the default) | stopped.",
        "Stopped is downtime that can be planned.",
    ),
    "analyze": Topic(
        "ANALYZE after the migration.",
        "Without statistics the first minutes on green are planned blindly.",
        "migrate: {analyze: true} (the default).",
        "Minutes on large tables; still cheaper than none.",
    ),
    "marks": Topic(
        "Which false marks of the stock migration the repair mends.",
        "It marks every handled login as failed and loses the subjects of most: consents vanish from lists.",
        "repair: {marks: [subject, state, grants]} (the default: all). Leaving one out shows what it is good for.",
        "The three come together on every 1.x installation.",
    ),
    "switch": Topic(
        "Which systems go over to green.",
        "One that is forgotten goes on asking the old one.",
        "cutover: {switch: [edge, login_consent, authz]} (the default: all).",
        "List every system that knows Hydra's address; there is always one more.",
    ),
    "hold": Topic(
        "How several edges switch.",
        "Between the first and the last switch a token is good at one edge and unknown at the other.",
        "cutover: {hold: together} (the default): all buffer, all switch, all let go. each: one after the other.",
        "together needs something that can reach all of them within the clients' patience.",
    ),
    "spread": Topic(
        "Time from one switch to the next.",
        "In reality no two systems switch at one instant.",
        "cutover: {spread: 0s} (the default): of the systems, or with hold: each of the edges.",
        "DNS and configuration roll-outs take seconds to minutes.",
    ),
    "share": Topic(
        "The share of requests that go to green, in place.",
        "A mixed fleet looks safe, and old and new can't read each other's tokens.",
        "cutover: {share: 50%}; 100% is the default.",
        "A canary needs versions that understand each other.",
    ),
    "fence": Topic(
        "Whether anything can write to blue once it is left.",
        "A straggler's write to blue is a revocation or a grant that nobody will see.",
        "cutover: {fence: blue} (the default) refuses Hydra's role by a trigger on each table; none lets it write.",
        "Taking the right away, or a read-only role; test that it really refuses.",
    ),
    "workers": Topic(
        "How many workers replay captured revocations at once.",
        "Until the last one is applied a revoked app is let in.",
        "replay: {workers: 4} (the default), 1 to 64.",
        "Until green's latency rises.",
    ),
    "indexes": Topic(
        "An index on request_id on green, for as long as revocations are carried there.",
        "2.3.0 has none for codes, PKCE and OIDC: without one each batch reads whole tables.",
        "replay: {indexes: true} (the default): built before the cutover, dropped by close.",
        "The larger the tables, the more it saves.",
    ),
    "what": Topic(
        "Which of Hydra's own cleanings the step janitor runs.",
        "requests deletes migrated logins that look unhandled, and by cascade their tokens.",
        "janitor: {what: [requests]} (the default), tokens, grants.",
        "Look whether a cron job runs it, and stop that for the night.",
    ),
    "capture_back": Topic(
        "Revocations made on green are captured for blue.",
        "Else a return lets apps in that were revoked since the switch.",
        "soak: {capture_back: true}; false unless given. The way back replays them on blue first, and verifies.",
        "For as long as the way back is open.",
    ),
    "sample": Topic(
        "How many grants the verify step proves through the API.",
        "SQL proves all of them by key; the API proves that Hydra reads them so.",
        "verify: {sample: 500} (the default), besides every revoked one. The report says the bound that it leaves.",
        "-",
    ),
}

PEOPLE_KEYS: dict[str, Topic] = {
    "ask": Topic("The question of a gate.", "A decision needs a question.", "gate: {ask: Cut over to 2.3.0?}", "-"),
    "who": Topic(
        "Whose decision or work it is.",
        "What is everybody's job is done by nobody.",
        "gate: {who: lead} (the default); of a manual step: operator. Whoever answers is in the history.",
        "A name and a deputy.",
    ),
    "on_timeout": Topic(
        "What a gate does when nobody has decided in time.",
        "Silence must not mean go by accident.",
        "gate: {timeout: 5m, on_timeout: postpone} (the default) | go | rollback.",
        "-",
    ),
    "unattended": Topic(
        "What a gate does in a run without a person.",
        "A run in CI must neither hang nor decide what people should.",
        "gate: {unattended: refuse} (the default: the run ends 254 before it starts) | go | wait until its timeout.",
        "-",
    ),
    "when": Topic(
        "A guard's condition: a figure and a limit.",
        "What is judged afterwards can be watched before.",
        "when: availability.failed_share > 1%, with > >= < or <=. Any check.figure that forms during the run.",
        "An alert of yours.",
    ),
    "then": Topic(
        "What a guard does at its breach.",
        "Machines are faster than people at 3 a.m.",
        "then: pause | postpone | rollback; once.",
        "Let it page somebody, too.",
    ),
    "max": Topic(
        "How much of a figure is tolerated.",
        "An upgrade has a price; written down before, it is a plan.",
        "tolerate: {write_loss.grants: {max: 60, because: …}}: a count, 5s, 0.5%, 3x or all. Not listed is 0.",
        "-",
    ),
    "because": Topic(
        "Why it is tolerated.",
        "A limit without a reason is a number that somebody once typed.",
        "Required beside max, and printed beside what was used.",
        "This is what the change board reads.",
    ),
    "roles": Topic(
        "Who takes part in a game day, and what each does.",
        "People act as they would in the night.",
        "gameday.roles: {lead: decides, operator: acts, scribe: writes notes}; the facilitator is always one. "
        "watch latest --role operator is a player's screen.",
        "The same roles.",
    ),
    "goals": Topic(
        "What a game day is to show.",
        "Without a goal it is a show.",
        'gameday.goals: ["dead queue noticed in 15 s"]. They stand in the debrief; there is no score.',
        "-",
    ),
    "noticed_in": Topic(
        "Within how long somebody should have noticed a surprise.",
        "What nobody notices, nobody mends.",
        "noticed_in: 60s on a line of the card; from the effect to the first act tagged to it. Not given: no goal.",
        "From what your alerts promise.",
    ),
    "hope": Topic(
        "What the facilitator hopes the team does about a surprise.",
        "The debrief compares it with what they did.",
        "hope: hold the cutover until captures are taken again.",
        "-",
    ),
    "guard": Topic(
        "Of a surprise: the figure whose return to its baseline means recovered. Of a cleanup job: what bounds it.",
        "Healed is what we did; recovered is what users met.",
        "On a card: availability.failed_share, availability.shed or latency.introspect_p99; else the first guard's. "
        "stack.authz.cleanup.guard: {ceiling: 2%, cross_check: introspect}; without it whatever isn't listed goes.",
        "-",
    ),
}
