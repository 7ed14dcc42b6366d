"""What each step of a runbook does, and what each fault breaks."""

from __future__ import annotations

from sim.report.topic import Topic

STEPS: dict[str, Topic] = {
    "baseline": Topic(
        "Watch the old stack under traffic until it is known to be steady.",
        "Without a known before there is no after. A stack that is not steady ends the run UNKNOWN, before "
        "anything is touched.",
        "baseline: {for: 15s, windows: 3}. A request that failed ends it; a window that only became slower is "
        "watched again, at most so many times, and the last steady one is the measure of what comes after.",
        "Take a baseline at the same hour of the week as the night itself.",
    ),
    "preflight": Topic(
        "Rehearse copy, cleanup and migration on a copy of its own, before the window.",
        "A row that aborts the migration costs the whole window if it is met there. Lists of known bad rows "
        "do not know yours.",
        "preflight, with a deadline of its own. Copies blue into a database beside green's, looks for every known "
        "class of odd rows, mends them as the cleanup step would and runs the stock migration. If it aborts, parts "
        "of the population are tried until table, row and column are known; cleanup with rows: known then mends or "
        "sets aside exactly these. What can't be cleaned ends the run before anything is touched.",
        "Run it weeks ahead on last night's backup: each trial of a part takes seconds, the whole as long as the "
        "migration itself.",
    ),
    "lifetime": Topic(
        "Raise the access tokens' lifetime on blue and wait until older tokens are gone.",
        "Each refresh in the window is a chain that green may not know: longer tokens, fewer refreshes.",
        "lifetime: {access: 2m, dwell: 20s}. Expiry is fixed when a token is issued, so dwell must be at least "
        "the old lifetime. Set on each client, without a restart; undone by the step itself.",
        "Hours instead of minutes: raise to more than the whole window, and wait the old lifetime out.",
    ),
    "capture": Topic(
        "Each revocation is also put in a queue, before blue is asked.",
        "Revocations made after the copy's snapshot exist on blue alone and must be carried over.",
        "capture, or capture: {record: grant | request}. grant: what it meant is resolved on blue and kept by "
        "request_id, never a token. request: the sealed request is kept as it came. The step ends only when "
        "every earlier revocation has its outcome.",
        "Every path that revokes must go through the edge: admin tools and support scripts too.",
    ),
    "writes": Topic(
        "Whatever writes is refused at the edge with 503, or let in again.",
        "With nobody writing, the copy holds everything and there is nothing to carry over. The price: "
        "nobody can authorize, fetch a token or revoke until green serves.",
        "writes: {allowed: false}, later writes: {name: writes-again, allowed: true}. What is under way when they "
        "are refused is awaited. Introspection, discovery and user info go on.",
        "A refused revocation is the dangerous one: somebody wants an app out, now.",
    ),
    "upgrade": Topic(
        "Take blue from the version it begins as to its own, under its clients.",
        "Who is two versions behind upgrades twice, and tokens of the first version must live through both.",
        "upgrade, with stack.blue: {begins_as: 1.8.5, hydra: 1.11.10}. The old Hydra reads explicit columns, its "
        "database is migrated online, then its Hydra is exchanged while requests wait at the edge.",
        "Weeks lie between the two; the rows of the first are in both.",
    ),
    "copy": Topic(
        "Copy blue's database to green.",
        "Blue is never migrated; the copy is.",
        "copy: {by: dump, jobs: 2}. One exported snapshot fixes the instant; pg_dump and pg_restore run in "
        "parallel; keys are compared under the same snapshot. Undo drops the copy. template, a clone on the "
        "server, is refused: it is fixed when it ends, so nothing could tell a lost row from a new one.",
        "Hours for terabytes; the snapshot holds back vacuum on blue all the while.",
    ),
    "cleanup": Topic(
        "Remove or mend rows of the copy that would abort the migration.",
        "One consent without its login, or one quote in a client's list, aborts the migration half way.",
        "cleanup: {rows: known | none | FILE.sql}. known: queries for each kind of row that is known to abort, and "
        "the rows that a preflight found by trying. Each is mended or set aside: what was there is kept in "
        "rehearsal.rehearsal_set_aside on green, and manifest.json in the run folder lists it.",
        "Run the same queries on production weeks ahead: each kind found there is a decision, not a surprise.",
    ),
    "migrate": Topic(
        "Run the new version's migrations on the copy, or in place on the database that blue serves from.",
        "It is the step whose length nobody knows beforehand.",
        "migrate: {deadline: 120s, analyze: true}. The new version's own `migrate sql`; afterwards the list "
        "of applied migrations is compared, because exit codes lie. analyze refreshes the planner's statistics. In "
        "place: by: online has the stock statements rewritten so that nobody waits for a lock, and compares the "
        "schema; old: stopped takes the old Hydra out meanwhile; who waits for which lock is sampled.",
        "Measured here in rows a second: multiply by your rows, and leave disk for several times the tables.",
    ),
    "repair": Topic(
        "Mend what the migration marked falsely.",
        "From 1.11 to 2.x it marks every handled login as failed and drops most subjects: consents vanish, "
        "revocations by subject do nothing, and clean-up jobs delete good rows.",
        "repair: {marks: [subject, state, grants]}, from what was saved before the migration.",
        "The save must happen before the migration drops the old tables: there is no later.",
    ),
    "cutover": Topic(
        "New requests go to green, from one instant.",
        "Two stacks that both take writes diverge with every request.",
        "cutover: {switch: […], spread: 0s, fence: blue}. The edge buffers, what is under way on blue is "
        "drained, blue is fenced so that no straggler writes, login_consent and authz switch, then the edge, "
        "then the buffer is released. Undo walks back the same way.",
        "Several edges do not switch in one instant: rehearse that with spread.",
    ),
    "replay": Topic(
        "Apply the captured revocations on green.",
        "Until it is done, revoked apps are let in: this is the gap that a change request asks about.",
        "replay: {traffic: open | buffered, workers: 4, by: grant | token, indexes: true}. By grant it acts on "
        "green's rows of that grant, all generations, codes and the consent; by token it sends the string again, "
        "which answers 200 and misses chains. Repeating it changes nothing. 2.3.0 finds codes, PKCE and OIDC rows of "
        "a grant only by reading the whole tables: with indexes: true they get one before the cutover, until close.",
        "The length grows with the window: revocations an hour times hours, over replays a second; without the "
        "indexes also with the tables.",
    ),
    "return": Topic(
        "New requests go to blue again (in place only).",
        "A return within 1.x is easy to do, and what it costs shows only afterwards.",
        "return, somewhere behind cutover. The edge buffers, what is under way on green is drained, login_consent, "
        "authz and the edge switch, green's Hydra is stopped. With two databases the way back is the cutover's undo.",
        "What the new version issued meanwhile stays in the database; look at what the old one makes of it first.",
    ),
    "janitor": Topic(
        "Run the new version's own janitor on green's database.",
        "Whoever runs it by clock runs it soon after the upgrade, and it deletes what the migration marked wrongly: "
        "every migrated consent older than half an hour, with all its tokens.",
        "janitor: {what: [requests]}. The program's own `hydra janitor --requests`, a job like the migrator. Before "
        "and after it the living grants are read by key; the check cleanup_safety names those it killed.",
        "Stop the janitor's clock before the window, and start it only after the repair was proven.",
    ),
    "soak": Topic(
        "Watch green under traffic, with the way back open.",
        "Some damage shows only after minutes: expiry, jobs, caches.",
        "soak: {for: 20s, capture_back: true}. Revocations on green are captured towards blue, so that a "
        "return loses none.",
        "Days rather than seconds; keep blue startable for as long as you would return.",
    ),
    "restore": Topic(
        "Stop authz' cleanup job and put back the grants it deleted.",
        "Whoever lost a grant is refused until somebody puts it back; whoever got one since must keep it.",
        "restore. From the copy of authz' table that was kept when blue was copied: what is missing is added, "
        "nothing is taken away, and what was written since is compared by key. 403s must end with it.",
        "Practise it: a backup nobody ever restored is a hope.",
    ),
    "verify": Topic(
        "Prove by key and through the API what is in force on green.",
        "Traffic shows what was asked; only a look at every row shows what would have been answered.",
        "verify: {sample: 500}. SQL over all keys; introspection and refresh on all revoked grants; the sample "
        "for the living ones.",
        "The SQL takes a read replica; the probes need tokens, which production does not hand out.",
    ),
    "close": Topic(
        "Capture off, lifetime back, blue stopped and kept. The last step.",
        "A capture nobody reads fills a queue; a lifetime nobody puts back stays for years.",
        "close. From here on there is no way back in this run.",
        "Keep blue's disk until the first audit after the upgrade.",
    ),
    "exec": Topic(
        "A command of your own as a step.",
        "The scripts of the night are what should be rehearsed.",
        "exec: [./ops/copy.sh], undo: […], verify: […], deadline: 10m. Addresses come as REHEARSE_* in its "
        "environment; verify must end with 0. Without an undo it must say point_of_no_return: true.",
        "Run the very same files on the night.",
    ),
    "manual": Topic(
        "Something a person does; the time is measured.",
        "People take longer than machines, and a runbook that forgets them is late.",
        "manual: A sentence, who: operator, deadline: 3m. It ends when somebody approves it.",
        "The same people, at the same hour, if you can.",
    ),
}

FAULTS: dict[str, Topic] = {
    "latency": Topic(
        "Everything on a link comes later.",
        "Distance, a busy disk, a noisy neighbour.",
        "latency: 250ms, jitter: 50ms. Jitter is a seeded schedule of ours, so that a run can be repeated.",
        "Real latency comes in bursts; try several.",
    ),
    "bandwidth": Topic(
        "A link carries less.",
        "Copies and restores fill links.",
        "rate: 64KiB/s.",
        "Shared links throttle by flow, not by link.",
    ),
    "slow_close": Topic(
        "Connections close late.",
        "Pools run dry when closed connections linger.",
        "delay: 2s.",
        "Poolers in between close for you.",
    ),
    "timeout": Topic(
        "Nothing comes through any more, and nobody is told.",
        "The worst kind: no error, only waiting. What timed out may still have happened.",
        "timeout: 5s closes after that time; without it nothing is closed until it is healed.",
        "Firewalls that drop silently do exactly this.",
    ),
    "reset_peer": Topic(
        "Connections are reset.",
        "Restarts of proxies and load balancers.",
        "timeout: 0s resets at once.",
        "Often only the idle ones.",
    ),
    "slicer": Topic(
        "Data arrives in small pieces.",
        "Readers that expect whole messages break.",
        "average_size: 64B, size_variation: 16B, delay: 10ms.",
        "Rare; cheap to know.",
    ),
    "limit_data": Topic(
        "A connection ends after so many bytes.",
        "Answers cut in the middle.",
        "bytes: 4KiB.",
        "Middle boxes with limits.",
    ),
    "down": Topic(
        "The link is cut: connections are refused.",
        "A part is gone, or restarts.",
        "fault: down, link: edge->queue, at: copy + 0s, for: 10s. Existing connections are closed too.",
        "Part of the replicas only; one link here is all of them.",
    ),
    "kill": Topic(
        "A part is gone at once (SIGKILL): services, databases, the queue, or a job under way.",
        "What is only in memory dies with it; what was promised must not.",
        "fault: kill, part: edge, at: migrate + 2s, for: 5s. The heal starts it again as the runbook had it (route, "
        "capture, side) and says what was lost. A job (copier, migrator, replayer) takes no for: its step fails. An "
        "edge may die at a point of the next captured revocation, from `at` on: after: intent (stored in the queue, "
        "Hydra not asked yet) or after: forward (Hydra has done it, the outcome is not stored); for counts from its "
        "death. The replayer may die after message: N, once N captured revocations are applied (0: none yet); write "
        "at: replay or earlier. One that never comes to its point is not proven.",
        "The kernel's out-of-memory killer, a host that dies.",
    ),
    "stop": Topic(
        "A part ends cleanly and stays away.",
        "Maintenance, a deploy that hangs half way.",
        "fault: stop, part: queue, at: copy + 1s, for: 5s.",
        "Orchestrators start it again somewhere else.",
    ),
    "pause": Topic(
        "A part is frozen: connections stay open, nothing is answered.",
        "The worst to notice: health checks of TCP alone still pass.",
        "fault: pause, part: blue-postgres, at: soak + 5s, for: 3s.",
        "A stalled disk, a long garbage collection, a live migration of its machine.",
    ),
    "restart": Topic(
        "A part ends cleanly and is started again at once.",
        "Every restart drops connections, caches and whatever is only in memory.",
        "fault: restart, part: edge, at: soak + 5s. It is over when the part answers again, so it takes no for.",
        "Rolling restarts do this to one replica at a time; there is only one here.",
    ),
    "cpu": Topic(
        "A part gets a small share of one core.",
        "A noisy neighbour, a quota set too low.",
        "fault: cpu, part: blue-hydra, cpu: 10%, at: soak + 5s, for: 10s. Containers only.",
        "Throttling by quota stalls in bursts of a tenth of a second, as here.",
    ),
    "memory": Topic(
        "A part may hold only so much memory; over it the kernel kills.",
        "Copies and replays grow when everything else does.",
        "fault: memory, part: edge, memory: 64MiB, at: copy + 1s, for: 10s. Containers only.",
        "The same bound, and the same killer.",
    ),
    "partition": Topic(
        "A part is cut off from another part, or from all.",
        "Both sides live, and neither hears the other.",
        "fault: partition, part: edge, from: queue, at: copy + 1s, for: 5s. Without from: from all (its container "
        "leaves the network; of a process all links are cut).",
        "Partitions are often one-way or partial; down cuts one link alone.",
    ),
    "terminate": Topic(
        "Every connection of a role is ended by the server.",
        "Failovers, an operator's pg_terminate_backend, an idle timeout.",
        "fault: terminate, part: blue-postgres, role: hydra, at: soak + 5s. Hydra answers `active: false` on a "
        "connection that was ended under it.",
        "Poolers hide some of it.",
    ),
    "exhaust": Topic(
        "All connections of a Postgres are taken.",
        "A leak, a deploy with twice the replicas: whoever comes next is refused.",
        "fault: exhaust, part: green-postgres, at: soak + 5s, for: 5s. connections: 50 takes so many; without it all "
        "that are left to ordinary roles.",
        "The pool in front fills first.",
    ),
    "lock": Topic(
        "A session sits idle in a transaction on a table; with waiter: true everybody queues behind it.",
        "A forgotten psql makes a quick ALTER TABLE an outage: its ACCESS EXCLUSIVE waits, and all wait for that.",
        "fault: lock, part: blue-postgres, table: hydra_client, waiter: true, at: soak + 5s, for: 3s.",
        "lock_timeout with retries is the cure.",
    ),
    "fsync": Topic(
        "Each flush of a Postgres' write-ahead log takes longer, and so does every commit that wrote something.",
        "A disk that is slow to sync, or shared: whoever writes waits, and holds its connection meanwhile.",
        "fault: fsync, part: blue-postgres, delay: 50ms, at: soak + 5s, for: 10s. 1ms to 100ms, by Postgres' own "
        "commit_delay. Reads are as fast as ever; a commit that comes during the delay goes with the same flush.",
        "A disk is slow for reads and checkpoints too, and lets who comes during a flush wait for the next.",
    ),
    "disk": Topic(
        "The disk of a Postgres is full.",
        "Migrations take a multiple of their tables, and a log that nobody removes takes the rest. What needs space is "
        "refused with SQLSTATE 53100; once the log needs its next file the server gives up and can't recover. Hydra "
        "1.11 answers a revocation that its database refused with 200 all the same: the app stays in.",
        "fault: disk, part: green-postgres, at: migrate + 1s, for: 5s. size: 2GiB is its disk for the whole run; left "
        "out, half a GB and 60 KiB a grant. Containers only: that disk is in memory, made for it, and nothing else is "
        "ever filled. An order needs one that the scenario names (at: by hand keeps it). The heal gives the space "
        "back and starts a server that is gone.",
        "A disk in memory syncs in no time: compare this run's latencies with no other's.",
    ),
    "full": Topic(
        "The queue's stream is full and refuses messages.",
        "The disk or the bound was sized for a quiet day.",
        "fault: full, part: queue, at: copy + 1s, for: 5s. capture makes the stream, so not before it.",
        "Watch the stream's size before the window.",
    ),
    "duplicate": Topic(
        "Every message in the queue is there once more, newest first.",
        "Queues promise at least once: after a redelivery, or a retry beyond the server's window, each comes again.",
        "fault: duplicate, part: queue, at: migrate + 2s. capture makes the stream, so not before it.",
        "Nothing takes the copies back: whoever reads must cope.",
    ),
    "clock": Topic(
        "The wall clock of one of our own services is ahead or behind.",
        "Whatever compares a time that one machine wrote with a time of another trusts that both agree.",
        "fault: clock, part: edge | authz | login-consent, offset: -1h, at: capture, for: 20s. + is ahead.",
        "A machine whose NTP is blocked drifts a second a day; one that was restored is off by hours.",
    ),
    "wrong_secret": Topic(
        "A Hydra runs with another system secret than its data was written with.",
        "It says it is ready and calls every token inactive with 200: nothing but the answers' content shows it. "
        "A revocation is answered 200 too and ends nothing: with the right secret again, the token is alive.",
        "fault: wrong_secret, part: green-hydra, at: repair.end, for: 10s. green's Hydra runs from the repair on.",
        "A secret rotated on one side only.",
    ),
    "twice": Topic(
        "A second migrator runs beside the first.",
        "A retried deploy, two replicas with an init job: Hydra's migrations take no lock against each other.",
        "fault: twice, part: migrator, at: migrate + 1s.",
        "Every orchestrator that restarts a slow job does this.",
    ),
}
