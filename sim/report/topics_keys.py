"""What each key of a scenario file, each exit code and the verdicts' words mean."""

from __future__ import annotations

from sim.report.topic import Topic

EXIT_CODES: dict[str, Topic] = {
    "0": Topic(
        "Held: every check that was asked held, with enough evidence.",
        "It must mean something: a check without evidence is UNKNOWN, never held.",
        "Tolerances count as held; each is printed with what was used and why it is allowed.",
        "Held here says nothing about what NOT SHOWN lists in the report.",
    ),
    "1": Topic(
        "Broken: at least one check saw its invariant broken.",
        "Broken outweighs unknown: one witness is enough.",
        "The report begins with the witness. `expect` never changes the code: a run meant to break says "
        "`BROKEN, as expected` and ends with 1.",
        "In CI use `rehearse test SCENARIO`, which ends with 0 if the expectation was met.",
    ),
    "2": Topic(
        "Unknown: nothing broke, yet something could not be judged.",
        "Too little evidence, a fault that was not felt, a machine too slow to measure: silence is no proof.",
        "The report names each unknown check and why. Run again on a quieter machine, or for longer.",
        "Treat it as not rehearsed.",
    ),
    "3": Topic(
        "Rolled back, and blue was proven well afterwards.",
        "A return that works is a result of its own.",
        "By a guard, a person or a failed step. If blue was not proven well, the run is broken or unknown.",
        "The same: a good rollback is a success of the procedure and no upgrade.",
    ),
    "254": Topic(
        "Bad input: a file, flag or value is wrong. Nothing was started.",
        "It must not be mistaken for a verdict.",
        "The message has file:line:column, the line and what to write instead.",
        "-",
    ),
    "255": Topic(
        "The tool itself failed: a part could not be had or started, or a bug.",
        "It must not be mistaken for a verdict either.",
        "`rehearse doctor` says what is missing; the run folder's logs/ has each part's own words.",
        "-",
    ),
}

_NONE = "-"

KEYS: dict[str, Topic] = {
    "format": Topic("The format of the file.", "A later format is refused by name, not misread.", "format: 1", _NONE),
    "extends": Topic(
        "Inherit everything of another scenario.",
        "A file of one's own is 15 lines.",
        "extends: 10-upgrade-b-capture-replay, or a file beside this one. Maps merge key by key; lists, runbook, "
        "expect and stands_for replace.",
        _NONE,
    ),
    "change": Topic(
        "Amend inherited steps by name.",
        "The inherited runbook stays readable in one place.",
        "change: {copy: {jobs: 4}}. Given keys replace, the rest stays. {copy: {exec: […]}} puts a command of "
        "yours in the copy's place.",
        _NONE,
    ),
    "insert": Topic(
        "Put steps before or after an inherited one.",
        "People and scripts have their place, too.",
        "insert: [{before: cutover, manual: Freeze deploys, who: operator}]",
        _NONE,
    ),
    "remove": Topic(
        "Leave inherited steps out.",
        "To see what a step is good for, do without it.",
        "remove: [capture, replay]",
        _NONE,
    ),
    "title": Topic("The scenario in one line.", "It stands in lists and on the report.", "title: …", _NONE),
    "asks": Topic(
        "The question that the rehearsal answers.", "Without a question a verdict means nothing.", "asks: …?", _NONE
    ),
    "seed": Topic(
        "What the traffic and the population are drawn from.",
        "The same seed sends the same requests.",
        "seed: 10, or random: drawn, printed and kept in the run folder.",
        "Answers and timing of real programs differ from run to run all the same.",
    ),
    "ci": Topic(
        "`rehearse test` plays it and holds it to its expect.",
        "Scenarios rot unless they are played.",
        "ci: true",
        _NONE,
    ),
    "stands_for": Topic(
        "A label: what a time here stands for in production.",
        "Readers of the report need the scale.",
        "stands_for: {20s: 1h}. Nothing is computed from it: every duration is wall time.",
        _NONE,
    ),
    "stack": Topic(
        "Which versions, how the edge behaves, and a Compose override of your own.",
        "The rehearsal is worth what its parts have in common with yours.",
        "stack: {blue: {hydra: 1.11.10}, green: {hydra: 2.3.0}, edge: {…}, override: our-stack.yaml}",
        _NONE,
    ),
    "coalescing": Topic(
        "The edge answers a repeated refresh with the answer it just gave.",
        "From 1.10 on a refresh token used twice kills the whole chain; clients that retry lose their session.",
        "stack.edge.coalescing: 10s; 0s is off.",
        "It must be shared by all edges, or retries must stick to one.",
    ),
    "buffer": Topic(
        "How long a request may wait at the edge during the switch.",
        "Waiting is better than failing.",
        "stack.edge.buffer: 3s, stack.edge.buffer_max: 2000 requests.",
        "Below your clients' timeout.",
    ),
    "queue_down": Topic(
        "What the edge does with a revocation that it cannot capture.",
        "Refused, the client knows and repeats it. Let through, it is lost on green and nobody knows.",
        "stack.edge.queue_down: fail_closed (503) or fail_open.",
        "Decide it before the night.",
    ),
    "database": Topic(
        "Whose database green uses: its own (a copy), or blue's.",
        "In place, nothing is copied and nothing can be left behind; but blue is migrated while it serves.",
        "stack.green.database: own | blue. With blue there is one Postgres, no copy, no capture and no fence; migrate "
        "is a point of no return unless blue names its columns.",
        "Two versions on one schema: try each of them on it before the night.",
    ),
    "columns": Topic(
        "explicit: the old Hydra reads through views that hold the columns it knows.",
        "It reads with SELECT *: a new column makes every introspection say inactive, with 200.",
        "stack.blue.columns: all | explicit. Views in a schema of their own, first in its DSN's search_path; in place "
        "and within 1.x only.",
        "A patched binary does the same; the views need no build, and a restart with the new DSN.",
    ),
    "grace_period": Topic(
        "Hydra 2.3's own answer to repeated refreshes.",
        "It spares the edge's coalescing, once on 2.3.",
        "stack.green.grace_period: 0s to 5m.",
        "Half a shield for refresh tokens born in 1.x: only the last answer's access token survives.",
    ),
    "tokens": Topic(
        "Lifetimes on blue when the run begins.",
        "They decide how many refreshes fall in the window.",
        "tokens: {access: 20s, refresh: 720h}",
        "Hours rather than seconds.",
    ),
    "authz": Topic(
        "The authorization service's periodic job: deletes grants that Hydra's consent list lacks.",
        "As long as the list is right it is housekeeping; after a migration that marks consents wrongly it deletes "
        "what is good.",
        "stack.authz.cleanup: {every: 5s, subjects: 200, guard: {ceiling: 2%, cross_check: introspect}}. "
        "Without it authz keeps no grants of its own. The guard counts each run dry, deletes nothing in a run that "
        "would take more than the ceiling, and then only what introspection calls inactive.",
        "Find every job of that kind before the night, and give it a ceiling for good.",
    ),
    "population": Topic(
        "What blue holds when the run begins.",
        "A migration's length and its damage depend on the rows.",
        "population: {grants: 20000, clients: {web: 40, cli: 20, mcp: 20, service: 20}, extra_sql: odd-rows.sql}. "
        "extra_sql is a file beside the scenario, applied to this run's blue after the load, whole or not at all; the "
        "cache of seeded databases never sees it.",
        "Millions; and rows from years nobody remembers.",
    ),
    "traffic": Topic(
        "How many requests, of which kinds, at which time of day.",
        "The hour of the night is part of the plan.",
        "traffic: {rate: 240/s, day: 8m, begin_at: trough, mix: {…}}. rate is the mean of the day; due times do not "
        "wait for answers.",
        "Bursts, bots and retries of your own.",
    ),
    "runbook": Topic(
        "The steps, in order.",
        "It is what is rehearsed.",
        "A list: a bare name, name: {keys}, exec or manual. Every step has deadline, gate, undo or point_of_no_return.",
        "The run folder's runbook.md goes into the change ticket.",
    ),
    "deadline": Topic(
        "When a step counts as failed; then the run rolls back.",
        "Nobody should wait for ever.",
        "deadline: 5m (the default).",
        "Two to three times what was measured.",
    ),
    "gate": Topic(
        "A decision before a step.",
        "Somebody must be able to say no, with the figures in sight.",
        "gate: {ask: Cut over?, who: lead, timeout: 5m, on_timeout: go | postpone | rollback, unattended: go | "
        "refuse | wait}. --yes approves every gate.",
        _NONE,
    ),
    "faults": Topic(
        "What goes wrong, where, when and for how long.",
        "A plan that only works on good days is half a plan.",
        "faults: [{name: …, fault: down, link: edge->queue, at: copy + 0s, for: 10s}]. at: STEP, STEP.end, "
        "snapshot, switch, each + a time, or by hand (ctl RUN inject NAME). until: migrate.end heals it then at "
        "the latest.",
        _NONE,
    ),
    "nemesis": Topic(
        "Draws further faults by a seed.",
        "Nobody thinks of every bad moment; a seed finds some, and finds them again.",
        "nemesis: {seed: 7, budget: 5, kinds: [latency, down, kill], phases: [copy, migrate, soak]}. Never two on one "
        "link at a time, each healed with its phase. run --dry shows them; the run folder's scenario.yaml has them "
        "among its faults.",
        _NONE,
    ),
    "guards": Topic(
        "Limits that act by themselves, looked at every second.",
        "Machines are faster than people at 3 a.m.",
        "guards: [{when: availability.failed_share > 1%, for: 3s, then: pause | postpone | rollback}]. Each acts once, "
        "from baseline to close; rollback heals every fault first, then undoes, then proves blue well.",
        "The same figures from your own monitoring.",
    ),
    "tolerate": Topic(
        "What the scenario allows, by check.figure, and why.",
        "An upgrade has a price; it should be written down before, by somebody, with a reason.",
        "tolerate: {write_loss.grants: {max: 60, because: …}}. Not listed is 0. max: a count, a duration, a share, a "
        "factor or all.",
        "These sentences are what the change board reads.",
    ),
    "expect": Topic(
        "What the scenario's author expects of the verdict.",
        "Some scenarios are meant to break: that is their point.",
        'expect: held, open, or {revocation: broken, availability.shed: ">= 1"}: what is not named must be held.',
        _NONE,
    ),
    "gameday": Topic(
        "Roles, goals and the facilitator's card of surprises, played by rehearse gameday alone.",
        "People rehearse, too: whether somebody sees a dead capture in time is no property of a program.",
        "roles: {lead: decides, …}, goals: […], card: a list of surprises; --card FILE replaces it. Only the role "
        "facilitator is shown surprises before the end, the others watch by rehearse watch RUN --role operator.",
        "There, nobody hides anything but reality. On one machine the hiding is an honour system.",
    ),
    "card": Topic(
        "The facilitator's surprises: faults that the players are not told of.",
        "See gameday.",
        "A list; each takes the keys of a fault (at: an instant, or by hand), and noticed_in: 60s, hope: TEXT, "
        "guard: availability.failed_share | availability.shed | latency.introspect_p99. They take the planned faults' "
        "road: faults.jsonl, nemesis, proof, healing.",
        _NONE,
    ),
    "record": Topic(
        "What capture keeps: the grant or the request.",
        "A request repeated is not a grant revoked.",
        "capture: {record: grant}. See scenario 14 for the other.",
        _NONE,
    ),
}

WORDS: dict[str, Topic] = {
    "noticed": Topic(
        "The first note or command of a player that is tagged to a surprise.",
        "Noticing is an act: what nobody said helps nobody.",
        "w on the screen, or ctl RUN note TEXT --tag now: whatever is wrong now. That is the surprise which is on (the "
        "one made last), else the one healed last; before any it is a false alarm. The facilitator's tag outweighs it.",
        _NONE,
    ),
    "recovered": Topic(
        "Since when a surprise's guard is back within its baseline, for five seconds on end.",
        "Healed is what the nemesis did; recovered is what users met.",
        "The guard's figure is said of each second by itself, of the calls due in it; within means at most the worst "
        "second of the baseline step. A relapse while the fault is on counts.",
        _NONE,
    ),
    "held": Topic(
        "The check was asked, had enough evidence, and nothing broke it.",
        "See exit code 0.",
        "Evidence is the number of operations that could have broken it.",
        _NONE,
    ),
    "broken": Topic("The check has a witness.", "See exit code 1.", "Witnesses are ops of history.jsonl.", _NONE),
    "unknown": Topic("Nobody can say.", "See exit code 2.", "Too little evidence, or something unproven.", _NONE),
    "not_asked": Topic(
        "The scenario does not do what the check is about.",
        "It neither helps nor hurts.",
        "Shown, never counted.",
        _NONE,
    ),
}
