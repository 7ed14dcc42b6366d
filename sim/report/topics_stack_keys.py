"""What the keys below `stack`, `population`, `tokens` and `traffic` mean: what is rehearsed on, and by whom."""

from __future__ import annotations

from sim.report.topic import Topic

STACK_KEYS: dict[str, Topic] = {
    "blue": Topic(
        "The old stack: the one that serves when the run begins.",
        "Colours instead of old and new: after the switch new is what serves.",
        "stack.blue: {hydra: 1.11.10, postgres: 15, columns: all, begins_as: 1.8.5}. Its Hydra, its Postgres.",
        "Blue is kept after the switch until the way back is closed on purpose.",
    ),
    "green": Topic(
        "The new stack, also after the switch.",
        "It is what must be ready, right and faster before anybody is sent there.",
        "stack.green: {hydra: 2.3.0, postgres: 15, database: own, grace_period: 0s}.",
        "The same machines as blue's, or the comparison of before and after says nothing.",
    ),
    "hydra": Topic(
        "The exact version of Ory Hydra on a side.",
        "What is true of 2.2 may be false of 2.3.",
        "stack.blue.hydra: 1.8.5 or 1.11.10, stack.green.hydra: 1.11.10 or 2.3.0. The published program or image of "
        "that version; it counts only once it has said its own version.",
        "Rehearse the patch level that you run.",
    ),
    "postgres": Topic(
        "The major version of Postgres on a side.",
        "Locks and rewrites differ between majors (a column with a default rewrote the table before 11).",
        "stack.blue.postgres: 15 (the default). The process engine takes the server that is on this machine, or one "
        "from a wheel: doctor says which.",
        "A managed Postgres has settings, poolers and replicas of its own.",
    ),
    "begins_as": Topic(
        "An older version that blue is when the run begins.",
        "What a first upgrade leaves behind is what a second one stumbles over.",
        "stack.blue.begins_as: 1.8.5, with the step upgrade before the rest. Not given: blue is its own version at "
        "once.",
        "Installations carry the marks of every version they ever were.",
    ),
    "edge": Topic(
        "The part that all clients' requests pass: it routes, captures, coalesces and buffers.",
        "It is where the switch happens at one instant.",
        "stack.edge: {coalescing: 10s, buffer: 3s, buffer_max: 2000, queue_down: fail_closed, instances: 1, "
        "answers: own}. In cutover.switch it is the edge's own switch.",
        "A gateway, a worker or a mesh of yours: put it in by stack.override.",
    ),
    "buffer_max": Topic(
        "How many requests may wait at one edge at once.",
        "A queue without a bound turns one stall into an outage.",
        "stack.edge.buffer_max: 2000 (the default); the next one is answered 503.",
        "From your rate times the seconds of the switch, and the memory a waiting request takes.",
    ),
    "instances": Topic(
        "How many edges stand side by side.",
        "Two edges can disagree: about a switch, about a kept answer.",
        "stack.edge.instances: 1 to 3; clients' requests go to each in turn, and a fault can hit one of them.",
        "Dozens, in several places, switched by something that is not instant.",
    ),
    "answers": Topic(
        "Whose kept refresh answers an edge gives out.",
        "A retry that reaches another edge kills the chain if each keeps its own.",
        "stack.edge.answers: own | shared. shared keeps them sealed in the queue's memory for as long as coalescing "
        "says.",
        "Any small shared store near the edges; never on a disk.",
    ),
    "override": Topic(
        "A Compose file of yours that is laid over the stack, key by key.",
        "The rehearsal is worth what its parts have in common with yours.",
        "stack.override: our-stack.yaml, beside the scenario: another image, command or environment for a service.",
        "Your own gateway, your own login app, your own Hydra configuration.",
    ),
    "every": Topic(
        "Time from one run of authz' cleanup job to the next.",
        "A job that runs each minute does its harm within a minute of the switch.",
        "stack.authz.cleanup.every: 5s (the default).",
        "Minutes to hours. Know it, and know who can stop it.",
    ),
    "subjects": Topic(
        "How many people authz' cleanup job looks at in one run.",
        "It bounds what one run can delete.",
        "stack.authz.cleanup.subjects: 200 (the default), the longest not looked at first.",
        "Often nobody has set a bound.",
    ),
    "dry_run": Topic(
        "authz' cleanup job counts what it would delete, and deletes nothing.",
        "One counts before one cuts.",
        "stack.authz.cleanup.dry_run: true. Not given: false, it deletes.",
        "Switch it on before the window and read the count after the switch.",
    ),
    "ceiling": Topic(
        "The most that one run of a guarded cleanup job may take.",
        "A job that suddenly wants a tenth of all grants is wrong about something.",
        "stack.authz.cleanup.guard.ceiling: 2% (the default) of the grants it looked at; above it the run deletes "
        "nothing.",
        "From what the job took on ordinary days.",
    ),
    "cross_check": Topic(
        "What a guarded cleanup job asks besides the list before it deletes.",
        "Two sources rarely are wrong in the same way.",
        "stack.authz.cleanup.guard.cross_check: introspect (the default): a grant goes only if its last token is "
        "inactive, and without a token it stays. none: the list alone.",
        "The same; introspection costs a request a grant.",
    ),
}

LOAD_KEYS: dict[str, Topic] = {
    "grants": Topic(
        "How many grants blue holds when the run begins.",
        "Copy, migration and replay take as long as there are rows.",
        "population.grants: 20000 (the default), up to 2,000,000. As one of repair's marks: the consent's granted "
        "scopes, NULL where they were empty. As one of the janitor's cleanings: trust relationships.",
        "Millions. Times grow a little faster than rows: take two sizes and draw the line.",
    ),
    "clients": Topic(
        "How many registered clients there are of each kind.",
        "Kinds differ in what they do after a failure, and that decides who loses a session.",
        "population.clients: {web: 40, cli: 20, mcp: 20, service: 20}.",
        "A few clients make most of the traffic.",
    ),
    "web": Topic(
        "Web apps: confidential clients with a secret, whose users sit at a browser.",
        "They bring the logins, consents and logouts.",
        "population.clients.web: 40 (the default).",
        "-",
    ),
    "cli": Topic(
        "Command-line tools: public clients with PKCE.",
        "They refresh early and retry on a timeout with the same refresh token.",
        "population.clients.cli: 20 (the default).",
        "Old versions of them live on for years; nobody can mend their retries.",
    ),
    "mcp": Topic(
        "MCP agents: public clients with PKCE that work without a person.",
        "Many sessions at once, refreshed early and retried: they meet reuse detection first.",
        "population.clients.mcp: 20 (the default).",
        "Their share grows.",
    ),
    "service": Topic(
        "Services: confidential clients that fetch tokens for themselves (client_credentials).",
        "They have no user and no chain; they notice an outage at once.",
        "population.clients.service: 20 (the default).",
        "-",
    ),
    "hash_cost": Topic(
        "The bcrypt cost of the seeded clients' secrets.",
        "At cost 10 two cores do 30 client_credentials a second, and the hash is all that is measured.",
        "population.hash_cost: 4 (the default), 4 to 15.",
        "10 or more: the CPU figures here say nothing about yours.",
    ),
    "extra_sql": Topic(
        "An SQL file with rows of your own, put into this run's blue after the load.",
        "Odd rows abort migrations, and yours are the ones that count.",
        "population.extra_sql: odd-rows.sql, beside the scenario; whole or not at all. The cache never sees it.",
        "Find them first: see the step preflight.",
    ),
    "access": Topic(
        "The lifetime of access tokens.",
        "A token that lives through the window needs no refresh in it.",
        "tokens.access: 20s is blue's when the run begins; lifetime.access: 2m is what the step lifetime raises it to. "
        "It is frozen in a token when that is issued.",
        "An hour, raised to several for the night.",
    ),
    "refresh": Topic(
        "The lifetime of refresh tokens; in the mix, the share of refreshes.",
        "A refresh on blue after the copy rotates a chain that green will not know.",
        "tokens.refresh: 720h (the default). traffic.mix.refresh: 8%.",
        "Weeks to for ever.",
    ),
    "rate": Topic(
        "Of traffic: all operations together. Of the fault bandwidth: bytes that pass in a second.",
        "Rates decide what a window costs: grants and chains lost are rate times seconds.",
        "traffic.rate: 240/s is the mean of the day (the trough is about 60% of it). A fault's rate: 64KiB/s.",
        "Yours is on your dashboards; write down both peak and trough.",
    ),
    "day": Topic(
        "How long one turn of the daily curve takes here.",
        "A window of hours lies in the trough; one of minutes needs a shorter day.",
        "traffic.day: 8m (the default), 24m in scenario 10. Wall time, as every duration.",
        "24 hours.",
    ),
    "begin_at": Topic(
        "The time of day at which the run begins.",
        "The hour of the lowest rate is part of the plan.",
        "traffic.begin_at: trough (the default), peak, or a share of the day such as 25%.",
        "Look for the trough of refreshes and revocations, not of page views.",
    ),
    "mix": Topic(
        "The share of each kind of operation.",
        "Introspection is the bulk; revocations are few, and they are what is asked about.",
        "traffic.mix: {introspect: 83%, refresh: 8%, client_credentials: 4%, authorize: 2%, revoke: 3%}; together "
        "100%.",
        "Count yours. Cohorts see to it that each kind of revocation occurs here all the same.",
    ),
    "client_timeout": Topic(
        "How long a client waits for an answer before it gives up or retries.",
        "A client that gives up too early repeats its refresh, and reuse kills the chain.",
        "traffic.client_timeout: 5s (the default).",
        "Differs from client to client; the shortest one counts.",
    ),
}
