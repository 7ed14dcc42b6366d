"""What each check asks of the history, and why."""

from __future__ import annotations

from sim.report.topic import Topic

CHECKS: dict[str, Topic] = {
    "revocation": Topic(
        "A token whose revocation was acknowledged is not accepted again, on either stack.",
        "Whoever took an app's access away believes it is gone. After a copy, a revocation made on blue "
        "exists on blue alone: green lets the app in again unless somebody carries it over.",
        "Every acceptance that was invoked after an acknowledged revocation counts. Those between the switch "
        "and the end of the replay are the gap, from its first to its last possible instant; any later one "
        "counts as a use after the replay. At the end each revoked grant is looked up by key on green "
        "and every generation of its tokens is introspected.",
        "Resource servers often cache introspection for seconds or minutes; that gap comes on top and is not "
        "measured here.",
    ),
    "session_continuity": Topic(
        "A chain that could be refreshed before the switch can be refreshed after it.",
        "A lost chain is a user who must log in again, or an agent that stops at night. Chains that rotated on "
        "blue after the copy hold a refresh token that green has never seen.",
        "The newest refresh token of each live chain on blue is looked up on green by its signature, and "
        "clients go on refreshing under traffic. Chains of lost grants count in write_loss instead, once.",
        "Real clients refresh at their own times; in a window of hours the share depends on the access "
        "tokens' lifetime, which is why it is raised beforehand.",
    ),
    "token_continuity": Topic(
        "A token that must be active is never called inactive.",
        "A resource server that hears `active: false` refuses a good customer. Hydra also says so, with 200, "
        "when its database fails.",
        "Each answer to an introspection is compared with what the ledger says must be so at that instant. "
        "Where a refresh, a revocation or the expiry is under way, either answer is right and none counts.",
        "JWT access tokens are checked without asking Hydra; this is about opaque ones.",
    ),
    "write_loss": Topic(
        "Grants made on blue after the copy's snapshot and unknown on green.",
        "With writes on, whatever blue learns after the snapshot stays on blue. The scenario must say how many "
        "it can bear.",
        "After blue is fenced its rows are compared by key with green's. Each lost grant is counted once, here.",
        "A production window of hours loses more; scale by the rate of authorizations, not by traffic.",
    ),
    "login_continuity": Topic(
        "Browser sessions, logins under way and authorization codes survive the switch.",
        "From 1.x to 2.x the session cookie is renamed and encrypted, and challenges of the old version mean "
        "nothing to the new one: everybody logs in again, and logins under way fail.",
        "Remembered sessions are counted on blue at the fence; authorizations that were begun before the "
        "switch and could not be finished after it are counted from the traffic.",
        "How much it hurts depends on the login app in front, which may have a session of its own.",
    ),
    "availability": Topic(
        "Every request gets a usable answer.",
        "An upgrade that holds every token but fails one request in ten is still an outage.",
        "failed: refused, 5xx, timed out or lost. shed: refused on purpose by the edge with 503. Requests that "
        "waited in the edge's buffer are slow, not failed, up to stack.edge.buffer. A request that waits for a lock "
        "is not failed either, so the longest time in which something was asked for and nobody got an answer counts: "
        "longest_gap, one second at most unless the scenario tolerates more.",
        "Load balancers, DNS and retries of real clients lie between; here clients talk to one edge.",
    ),
    "latency": Topic(
        "Green answers introspections about as fast as blue did in the baseline.",
        "A cold cache or a missing index shows as latency first, and becomes timeouts under load.",
        "The 99th percentile counted from when each request was due, so a stall is not hidden by requests that "
        "were never sent. If our own sender was late the check says UNKNOWN.",
        "Absolute figures of one machine mean little; the ratio to the baseline is what carries over.",
    ),
    "replay_queue": Topic(
        "What was captured was replayed, once, and nothing else was.",
        "Captured and never replayed is a revocation lost; replayed without a client's wish is a user thrown out.",
        "Each captured record must be replayed or void (refused by blue, or a grant that green never knew), each "
        "acknowledged revocation under capture must be in the queue, and each replayed record must belong to one.",
        "A queue with other retention or delivery guarantees needs its own rehearsal; here NATS JetStream "
        "syncs each message to disk.",
    ),
    "consent_continuity": Topic(
        "Remembered consents still count on green.",
        "The stock migration marks handled logins as failed and drops the subject, so that remembered consents "
        "vanish and people are asked again.",
        "Each remembered consent of the snapshot is looked up by key on green, and some are proven by an "
        "authorization that must not ask.",
        "Old installations hold rows in more odd shapes; give your own with population.extra_sql.",
    ),
    "discovery_continuity": Topic(
        "Issuer, endpoints and signing keys stay, and old ID tokens still verify.",
        "Clients cache the discovery document and the keys; a changed issuer breaks every one of them.",
        "The documents are read before and after the switch and compared; ID tokens of blue are verified with "
        "green's keys.",
        "Caches of clients outlive a rehearsal: keep the old keys published longer than the longest of them.",
    ),
    "cleanup_safety": Topic(
        "A clean-up that reads Hydra's marks removes nothing that is still good.",
        "Once the migration has marked good logins as failed, a job that deletes failed ones deletes good ones.",
        "Asked where a job runs: authz' own (stack.authz.cleanup) or Hydra's janitor (a step). What it deleted is read "
        "by key: of each deletion the grants whose refresh token is good. Those revoked before that do not count. "
        "403s for active tokens are told by when they came; after a restore there must be none.",
        "Find every job that reads Hydra's tables or consent API before the night, and switch it off.",
    ),
    "data_equality": Topic(
        "Right after the copy both databases hold the same keys; after the migration every row has a known fate.",
        "A copy that lost rows looks fine until somebody needs one.",
        "Every table is compared under the snapshot that was copied. At the migration's end each key of the copy is "
        "kept, merged into a flow, set aside by the cleanup (manifest.json names it), or lost; and tables, columns, "
        "indexes and constraints are those of a fresh installation, but for what blue had of its own.",
        "With replication instead of a dump the comparison must wait for the replica.",
    ),
    "migration": Topic(
        "Every migration of the new version is applied, and no other.",
        "Hydra 1.x ends with 0 and says success even when a migration failed.",
        "The program's own list is compared with schema_migration; exit codes and texts are not believed.",
        "Tables of production size take longer: the step's time grows with rows, about linearly.",
    ),
    "rollback": Topic(
        "After a return, blue is well and nothing of the attempt is left.",
        "A way back that was never walked is a hope.",
        "Undo of each step in reverse order, then blue is proven by introspection, refresh and authorization. "
        "Not asked if the run did not roll back.",
        "Grants made on green are lost by a return; the screen shows how many, at every instant.",
    ),
    "fault_proof": Topic(
        "Every link is in the path, and every fault was really felt.",
        "A fault that never happened proves nothing, and neither does a link that traffic goes round.",
        "Before the run each link is proven by a toxic that a probe must feel; each fault is proven the same "
        "way. What is not proven makes the verdict UNKNOWN.",
        "In production prove your drills the same way: look for the effect, not for the switch.",
    ),
}
