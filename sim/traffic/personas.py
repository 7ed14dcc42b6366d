"""What each persona does, as SimPy processes: read an intent, act, think, react to answers.

No I/O and no clock of their own: they call `Acts` through the environment. A chain's owner
looks at its state before each use, so nothing revoked is ever used again by its owner.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import simpy

from sim.clock import LiveEnvironment
from sim.history.op import TAKE_CONSENT
from sim.phases import Phases
from sim.rigs.rig import Browser
from sim.traffic.acts import Acts, Got
from sim.traffic.browsers import LINGER_S, LingeringBrowser
from sim.traffic.intents import Asks, Held, How, Lookup, Revocation, Service, Session, Visit
from sim.traffic.ledger import Chain, Ledger, Token
from sim.traffic.watching import Look, Watchlist

Life = Generator[simpy.Event, Any, None]
Trying = Generator[simpy.Event, Any, bool]

RETRIES = 2
"""Assumption: how often an agent repeats a refresh that had no answer, with the same token."""
RETRY_S = 0.1
"""Assumption: an agent repeats almost at once."""
BACK_OFF_S = 1.0
"""Assumption: before trying again what was refused at the door (503 on purpose, no listener)."""
INSIST = 3
"""Assumption: how often somebody repeats what was not done, or a revocation without answer."""
CALM_SHARE, URGENT_SHARE = 0.30, 0.80
"""Assumption: the prober's part of all introspections, and while some revocation is not yet
seen in force on the stack that serves. The rate of introspection is the same either way."""
GOOD_SHARE = 0.05
"""Assumption: the part that looks at grants nobody touches."""
ONE_IN_NEW = 10
"""Assumption: of so many introspections by resource servers one is of the token issued last; clients ask for a
token in order to use it at once."""
PROBERS = 4
"""Assumption: names for the prober's operations; only their sum matters."""
_WHOLE = 1 << 31


@dataclass
class Stage:
    """What the personas share."""

    env: LiveEnvironment
    acts: Acts
    ledger: Ledger
    watchlist: Watchlist
    phases: Phases
    begin_s: float
    good: list[int]
    """Indexes of grants nobody touches."""
    stopping: bool = False
    unsent: int = 0
    """Planned operations that were not sent because too many were under way."""
    skipped: int = 0
    """Intents without an object: a grant that was gone, no token alive."""
    browsers: dict[str, Browser] = field(default_factory=dict)
    """Subject → the browser in which they are logged in, when nobody uses it."""
    made: list[Chain] = field(default_factory=list)
    """Grants made in the run that have tokens."""
    counts: dict[str, int] = field(default_factory=dict)
    authorizing: dict[str, int] = field(default_factory=dict)
    """Subject → authorizations under way: taking back the subject's consents would end them."""
    withdrawing: set[str] = field(default_factory=set)
    """Subjects whose consents are being taken back."""

    def grant_name(self, actor: str) -> str:
        """The name of an actor's next grant: n-<actor>-<k>."""
        self.counts[actor] = k = self.counts.get(actor, 0) + 1
        return f"n-{actor}-{k}"


def _got(outcome: Any) -> Got:
    """The answer in a call's outcome; the end of the run makes it none."""
    return outcome.value if outcome.kind == "ok" else Got("info")


def refreshes(stage: Stage, actor: str, chain: Chain, *, insistent: bool) -> Trying:
    """Refresh once; agents repeat with the same token when there was no answer."""
    retries, backed_off = RETRIES if insistent else 0, INSIST
    while True:
        got = _got((yield stage.env.call(stage.acts.refresh(actor, stage.env.now, chain))))
        if got.kind == "ok":
            return True
        if got.not_done and backed_off > 0:
            backed_off -= 1
            yield stage.env.timeout(BACK_OFF_S)
        elif not got.refused and not got.not_done and retries > 0:
            retries -= 1
            yield stage.env.timeout(RETRY_S)
        else:
            return False
        if stage.stopping or chain.state in ("revoked", "revoking"):
            return False


def works(stage: Stage, actor: str, chain: Chain, early: float, end_s: float, *, insistent: bool) -> Life:
    """Refresh early, again and again, until the session ends."""
    while chain.access is not None and not stage.stopping:
        life_s = chain.access.expires_s - stage.env.now
        next_s = stage.env.now + max(0.5, life_s * early)
        if next_s > end_s:
            return
        yield stage.env.timeout(next_s - stage.env.now)
        if stage.stopping or not chain.usable():
            return
        done = yield from refreshes(stage, actor, chain, insistent=insistent)
        if not done:
            return


def holds(stage: Stage, session: Session) -> Life:
    """Goes on with a grant of the population; its session begins with a refresh."""
    chain = stage.ledger.seeded(session.n)
    if not chain.usable():
        stage.skipped += 1
        return
    insistent = session.persona in ("cli", "mcp")
    done = yield from refreshes(stage, session.actor, chain, insistent=insistent)
    if done:
        end_s = stage.begin_s + session.due_s + session.stays_s
        yield from works(stage, session.actor, chain, session.early, end_s, insistent=insistent)


def visits(stage: Stage, visit: Visit) -> Life:
    """Authorizes an app in the browser, redeems the code, works, perhaps logs out."""
    subject = stage.ledger.subject(visit.person)
    if subject in stage.withdrawing:
        stage.skipped += 1
        return
    chain = stage.ledger.new(stage.grant_name(visit.actor), stage.ledger.clients[visit.client], subject,
                             stage.env.now)
    chain.same = visit.same
    browser = stage.browsers.pop(subject, None) or Browser(subject)  # two at once: a second device
    stage.authorizing[subject] = stage.authorizing.get(subject, 0) + 1
    got = _got((yield stage.env.call(stage.acts.authorize(visit.actor, stage.env.now, chain, browser))))
    stage.authorizing[subject] -= 1
    if got.kind != "ok":
        stage.ledger.refused(chain)
        return
    yield stage.env.timeout(visit.think_s)
    if not (yield from _redeems(stage, visit.actor, chain)):
        return
    end_s = stage.env.now + visit.stays_s
    yield from works(stage, visit.actor, chain, visit.early, end_s, insistent=False)
    if visit.ends == "logout" and not stage.stopping:
        if stage.env.now < end_s:
            yield stage.env.timeout(end_s - stage.env.now)
        yield stage.env.call(stage.acts.logout(visit.actor, stage.env.now, browser))
    else:
        stage.browsers[subject] = browser


def _redeems(stage: Stage, actor: str, chain: Chain) -> Trying:
    if stage.stopping or chain.code is None or chain.state in ("revoked", "revoking"):
        return False
    got = _got((yield stage.env.call(stage.acts.exchange(actor, stage.env.now, chain))))
    if got.kind == "ok":
        stage.made.append(chain)
    return got.kind == "ok"


def serves(stage: Stage, service: Service) -> Life:
    """A service gets a token of its own; resource servers then see it."""
    client = stage.ledger.clients[service.client]
    grant = stage.grant_name(service.actor)
    yield stage.env.call(stage.acts.client_credentials(service.actor, stage.env.now, client, grant))


def asks(stage: Stage, batch: Asks) -> Life:
    """A resource server introspects: an open arrival each, whatever became of the last."""
    for at_ms, pick in zip(batch.at_ms, batch.picks, strict=True):
        wait_s = stage.begin_s + batch.due_s + at_ms / 1000 - stage.env.now
        if wait_s > 0:
            yield stage.env.timeout(wait_s)
        if stage.stopping:
            return
        if not stage.env.room:
            stage.unsent += 1
        elif not _probes(stage, pick):
            latest = stage.ledger.latest(stage.env.now) if pick % ONE_IN_NEW == 0 else None
            token = latest or stage.ledger.pick(pick, stage.env.now)
            if token is not None:
                stage.env.call(stage.acts.introspect(batch.actor, stage.env.now, token))
            elif not _looks_at_good(stage, pick):
                stage.skipped += 1


def _probes(stage: Stage, pick: int) -> bool:
    """The prober's part of the introspections; False if this one is a resource server's."""
    part = pick / _WHOLE
    if part < GOOD_SHARE:
        return _looks_at_good(stage, pick)
    if part >= (URGENT_SHARE if stage.watchlist.urgent else CALM_SHARE):
        return False
    due = stage.watchlist.next(stage.env.now)
    if due is None:
        return False
    watch, look = due
    stage.env.call(stage.acts.look(f"probe-{pick % PROBERS + 1}", stage.env.now, look, watch))
    return True


def _looks_at_good(stage: Stage, pick: int) -> bool:
    """Introspect the refresh token of a grant that nobody touches: it must be active."""
    if not stage.good:
        return False
    chain = stage.ledger.seeded(stage.good[pick % len(stage.good)])
    if not chain.usable() or chain.newest is None:
        return False
    look = Look(chain, chain.newest, "refresh", chain.gen)
    stage.env.call(stage.acts.look(f"probe-{pick % PROBERS + 1}", stage.env.now, look, None))
    return True


def revokes(stage: Stage, intent: Revocation) -> Life:
    """An owner, or an admin, takes back a grant; the owner may have refreshed just before."""
    chain = stage.ledger.seeded(intent.n) if intent.n is not None else _made(stage, intent.pick)
    if chain is None or not chain.usable():
        stage.skipped += 1
        return
    chain.watched = intent.anchor is not None
    for _ in range(intent.rotate):
        yield stage.env.timeout(intent.think_s)
        done = chain.usable() and (yield from refreshes(stage, intent.actor, chain, insistent=True))
        if not done:
            return
    if intent.until:
        yield stage.phases.reached(intent.until)
    if intent.n is not None:
        yield stage.env.timeout(intent.think_s)
        if not chain.usable():
            stage.skipped += 1
            return
    yield from takes_back(stage, intent, chain, [stage.ledger.seeded(n) for n in (*intent.others, *chain.same)])


def takes_back(stage: Stage, intent: Revocation | Held, chain: Chain, others: list[Chain]) -> Life:
    """Revoke, and insist when it was not done or nobody knows."""
    how = intent.how if isinstance(intent, Revocation) else "consent"
    if how in TAKE_CONSENT:
        stage.withdrawing.add(chain.subject)
    try:
        yield from _insists(stage, intent.actor, how, chain, others)
    finally:
        stage.withdrawing.discard(chain.subject)


def _insists(stage: Stage, actor: str, how: How, chain: Chain, others: list[Chain]) -> Life:
    for _ in range(1 + INSIST):
        chains: list[Chain] = []
        if how in ("access", "refresh"):
            chains = [chain]
        elif how != "login":
            client_id = chain.client.client_id if how == "consent" else None
            known = [*others, *stage.ledger.of(chain.subject, client_id)]
            chains = list(dict.fromkeys([chain, *known]))
            chains = [one for one in chains if one.state not in ("revoked", "dead")]
        if how == "access" and chain.access is None and stage.ledger.seeded_access(chain) is None:
            stage.skipped += 1
            return
        got = _got((yield stage.env.call(stage.acts.revoke(actor, stage.env.now, how, chain, chains))))
        if got.kind == "ok" or got.refused or stage.stopping:
            return
        yield stage.env.timeout(BACK_OFF_S)


def _made(stage: Stage, pick: int) -> Chain | None:
    """A grant made in the run that is usable now."""
    for step in range(min(8, len(stage.made))):
        chain = stage.made[(pick + step) % len(stage.made)]
        if chain.usable() and not stage.authorizing.get(chain.subject):
            return chain
    return None


def _granted(stage: Stage, number: int) -> Token | None:
    """A live access token, a person's if one is near: authz has nothing to look up for a service's own."""
    found: Token | None = None
    for step in range(16):
        token = stage.ledger.pick(number + step, stage.env.now)
        if token is None or token.chain.client.kind != "service":
            return token or found
        found = token
    return found


def looks_up(stage: Stage, lookup: Lookup) -> Life:
    """Asks authz about a live token, or reads discovery and keys and checks an ID token."""
    if lookup.about == "authz":
        token = _granted(stage, lookup.pick)
        if token is None:
            stage.skipped += 1
            return
        yield stage.env.call(stage.acts.may(lookup.actor, stage.env.now, token))
        return
    yield stage.env.call(stage.acts.discovery(lookup.actor, stage.env.now))
    if stage.stopping:
        return
    got = _got((yield stage.env.call(stage.acts.jwks(lookup.actor, stage.env.now))))
    if got.kind == "ok" and got.answer is not None:
        for grant, id_token, _ in stage.ledger.id_tokens:
            stage.acts.id_token(lookup.actor, grant, id_token, got.answer)


def keeps(stage: Stage, held: Held) -> Life:
    """A login or a code under way across phases (see `Held`)."""
    subject = stage.ledger.subject(held.person)
    chain = stage.ledger.new(stage.grant_name(held.actor), stage.ledger.clients[held.client], subject,
                             stage.env.now)
    chain.same, chain.watched = held.same, True
    until = stage.phases.reached(held.until)
    if held.kind == "login":
        browser = LingeringBrowser(subject)
        call = stage.env.call(stage.acts.authorize(held.actor, stage.env.now, chain, browser, extra_s=LINGER_S))
        yield until | call
        if not call.triggered:
            yield stage.env.timeout(held.after_s)
            browser.go_on()
        got = _got((yield call))
    else:
        got = _got((yield stage.env.call(
            stage.acts.authorize(held.actor, stage.env.now, chain, Browser(subject)))))
    if got.kind != "ok":
        stage.ledger.refused(chain)
        return
    if stage.stopping:
        return
    if held.kind == "revoked_code":
        yield stage.phases.reached(held.revoke_at)
        yield stage.env.timeout(held.revoke_s)
        yield from takes_back(stage, held, chain, [stage.ledger.seeded(n) for n in held.same])
    if held.kind != "login":
        yield until
        yield stage.env.timeout(held.after_s)
    if chain.code is not None and not stage.stopping:
        got = _got((yield stage.env.call(stage.acts.exchange(held.actor, stage.env.now, chain))))
        if got.kind == "ok" and chain.usable():
            stage.made.append(chain)
