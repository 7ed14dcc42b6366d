"""What must be true of each token, learnt from the history alone.

At the completion of every read (introspection, authz, refresh) the token presented is one of:
*must be active*, *must be inactive* or *either*. Only indexes of invocations and completions
are compared, so two ops that overlap are in no order, and the order of completions that
follow each other means nothing.

- A grant is *disturbed* for a read if a refresh, code exchange or revoke of it was under way
  at any time during the read; then its tokens are either.
- A token must be inactive if a revoke of its grant was acknowledged before the read began and
  the token had been issued before that revoke began.
- A token must be active if its issue was answered before the read began, it is the chain's
  newest, it does not expire within 2 s of the read, nothing that was left without an answer
  (or refused on purpose) may have revoked it, and no switch happened during the read.
- A refresh token never issued in this run counts as active from the first time it was seen so.

Whoever is refused with the newest refresh token it was ever given has lost its chain, unless
it was revoked or expired; an earlier attempt without an answer explains that and does not
excuse it.
"""

from __future__ import annotations

from sys import intern

from sim.checks.answers import is_5xx
from sim.checks.standing import Loss, Revoke, Stand, Token, Use, Wrong, cause_of
from sim.history.op import Op

EXPIRY_MARGIN_S = 2.0
"""Source: DESIGN point 4: within two seconds of its expiry a token is either."""
TOKENS_MOST = 500_000
"""Assumption: a sixth of a gigabyte, and hours at the default's rate. Beyond that tokens are forgotten
that tell nothing which is not known of their grant."""


class Tracking:
    """Fed with every invocation and completion of traffic that presents or makes tokens."""

    def __init__(self, *, refresh_s: float) -> None:
        self._refresh_s = refresh_s
        self.stands: dict[str, Stand] = {}
        self.tokens: dict[str, Token] = {}
        self._tokens_most = TOKENS_MOST
        self.forgot = False
        """An unknown token may be one that was known."""
        self.wrongs: list[Wrong] = []
        self.losses: dict[str, Loss] = {}
        self.uses: dict[tuple[str, str], Use] = {}
        """(grant, stack) → acceptances after an acknowledged revocation."""
        self.asked_again: set[str] = set()
        """Revoked grants that were asked about afterwards on another stack than revoked them, or on
        the same one if there is no other."""
        self.service_grants: set[str] = set()
        """Names of grants that are a service's own token."""
        self.revoke_acks = 0
        self.must_active = self.must_active_after_switch = 0
        self.must_inactive = 0
        self.either = 0
        self.refreshed = self.refreshed_after_switch = 0
        """Refreshes whose answer could have shown a lost chain."""

    # -- writes -----------------------------------------------------------------------------

    def stand(self, grant: str) -> Stand:
        """The grant's stand; made on first sight."""
        found = self.stands.get(grant)
        if found is None:
            found = self.stands[grant] = Stand()
        return found

    def issue_begins(self, op: Op) -> None:
        """A refresh or code exchange was sent."""
        if op.grant is not None:
            self.stand(op.grant).open_issues += 1

    def issue_ends(self, begun: Op, done: Op) -> None:
        """Its answer, or that there is none."""
        if begun.grant is None:
            if done.type == "ok":
                self._issued(None, begun, done)
            return
        stand = self.stand(begun.grant)
        stand.open_issues -= 1
        if done.type == "ok":
            self._issued(stand, begun, done)
        elif _nobody_knows(done):
            stand.in_doubt_i = max(stand.in_doubt_i, done.i)
        stand.disturbed_i = max(stand.disturbed_i, done.i)

    def service_token(self, begun: Op, done: Op) -> None:
        """A client_credentials answer: a token without a chain."""
        if done.type == "ok":
            self._issued(None, begun, done)
            if begun.grant is not None:
                self.service_grants.add(begun.grant)

    def _issued(self, stand: Stand | None, begun: Op, done: Op) -> None:
        if len(self.tokens) > self._tokens_most:
            self.forget(done.t_s)
        value = done.value or {}
        access, refresh = value.get("access"), value.get("refresh")
        if access is not None:
            lasts_s = float(value.get("expires_in_s") or 0.0)
            self._given(access, "service" if stand is None else "access", stand, begun, done, lasts_s)
        if refresh is not None:
            self._given(refresh, "refresh", stand, begun, done, self._refresh_s)
        if stand is None:
            return
        overlapping = stand.last_issue_i > begun.i
        if overlapping and access != stand.access:
            # Two answers at once: which of their tokens survives is the server's choice.
            stand.access = stand.refresh = None
        else:
            stand.access, stand.refresh = access, refresh or stand.refresh
        stand.last_issue_i = max(stand.last_issue_i, done.i)
        if begun.i > stand.in_doubt_i:
            stand.in_doubt_i = -1
        if begun.i > stand.reused_i:
            stand.reused_i = -1
        if begun.f == "refresh":
            stand.rotated_i = max(stand.rotated_i, done.i)
            stand.refreshes += 1
        elif begun.f == "code" and stand.created_i < 0:
            stand.created_i, stand.created_route = done.i, _once(done.route)

    def _given(self, presented: str, kind: str, stand: Stand | None, begun: Op, done: Op, lasts_s: float) -> None:
        """A token in an answer; one that several were answered with may be as old as the first of them asked."""
        expires_s = begun.t_s + lasts_s
        token = self.tokens.get(presented)
        if token is None:
            self.tokens[presented] = Token(kind, begun.i, done.i, done.i, expires_s, _once(done.route), stand)
        else:
            token.begun_i, token.expires_s = min(token.begun_i, begun.i), min(token.expires_s, expires_s)

    def forget(self, now_s: float) -> None:
        """Let go of tokens that tell nothing which is not known of their grant."""
        over = [presented for presented, token in self.tokens.items() if _is_spent(token, presented, now_s)]
        for presented in over:
            del self.tokens[presented]
        for stand in self.stands.values():
            if stand.revokes and not stand.open_issues:
                stand.access = stand.refresh = None
        self.forgot = self.forgot or bool(over)
        self._tokens_most = max(TOKENS_MOST, len(self.tokens) + TOKENS_MOST // 2)

    def revoke_begins(self, op: Op) -> None:
        """A revocation was sent."""
        for grant in _meant(op):
            self.stand(grant).open_revokes += 1

    def revoke_ends(self, begun: Op, done: Op) -> None:
        """It was acknowledged, refused, shed, or nobody knows."""
        value = done.value or {}
        shed = bool(value.get("shed"))
        if done.type == "ok":
            self.revoke_acks += 1
        for grant in _meant(begun):
            stand = self.stand(grant)
            stand.open_revokes -= 1
            stand.last_revoke_i = max(stand.last_revoke_i, done.i)
            stand.disturbed_i = max(stand.disturbed_i, done.i)
            if done.type == "ok":
                kind = intern(str((begun.value or {}).get("kind", "")))
                stand.revokes += (Revoke(begun.i, done.i, done.t_s, _once(done.route), kind, intern(begun.process),
                                          value.get("capture")),)
            elif shed:
                stand.sheds += (begun.i,)
            elif _nobody_knows(done):
                stand.doubt = True

    # -- reads ------------------------------------------------------------------------------

    def read(self, begun: Op, done: Op, *, accepted: bool, crossing: bool, after_switch: bool,
             side: str, stays: bool, replayed_i: int | None, snapshot_i: int) -> None:
        """A token was presented and clearly accepted or refused.

        Args:
            crossing: a switch happened during the read.
            side: the stack that answered.
            stays: whether that stack is not the one the edge points at.
            replayed_i: index at which everything captured had been applied on that stack.
            snapshot_i: index of the copy's snapshot, or -1.
        """
        grant, presented = begun.grant, begun.token_hash
        if presented is None:
            return
        token = self.tokens.get(presented)
        stand = self.stands.get(grant) if grant is not None else None
        revoke = self._revoked(stand, token, begun) if stand is not None else None
        if revoke is not None and grant is not None:
            self.must_inactive += 1
            self._after_revoke(grant, revoke, begun, done, accepted=accepted, side=side, replayed_i=replayed_i)
            return
        if token is None:
            if accepted and stand is not None and self._quiet(stand, begun) and not stand.refreshes \
                    and (begun.value or {}).get("token") == "refresh":
                self.tokens[presented] = Token("refresh", -1, -1, done.i, done.t_s + self._refresh_s / 2, None, stand)
                stand.refresh = stand.refresh or presented
            elif stand is not None and (stand.refreshes or stand.revokes):
                self.either += 1  # an older or a revoked one
            return
        if crossing or not self._must_be_active(stand, token, presented, begun, done):
            self.either += 1
            return
        self.must_active += 1
        self.must_active_after_switch += after_switch
        if accepted:
            return
        self.wrongs.append(Wrong(
            done.i, done.t_s, grant or presented, presented, begun.process, side,
            "" if stays else cause_of(stand, token, side, snapshot_i),
            stand is not None and bool(stand.sheds) and not stand.revokes, stays,
            "authz" if begun.f == "authz" else "the edge"))

    def _revoked(self, stand: Stand, token: Token | None, begun: Op) -> Revoke | None:
        if not stand.revokes:
            return None
        asked_i, issued_i = (-1, -1) if token is None else (token.begun_i, token.issued_i)
        for revoke in stand.revokes:
            # Issued while the revoke was under way: before or after it, nobody knows.
            if revoke.done_i < begun.i and (issued_i < revoke.begun_i or asked_i > revoke.done_i):
                return revoke
        return None

    def _quiet(self, stand: Stand, begun: Op) -> bool:
        """No write of the grant was under way during the read, and none is without an answer."""
        return (stand.open_issues == 0 and stand.open_revokes == 0 and stand.disturbed_i < begun.i
                and stand.in_doubt_i < 0 and not stand.doubt and not stand.revokes)

    def _must_be_active(self, stand: Stand | None, token: Token, presented: str, begun: Op, done: Op) -> bool:
        if token.known_i >= begun.i or token.expires_s - EXPIRY_MARGIN_S < done.t_s:
            return False
        if stand is None or token.kind == "service":
            return stand is None or not (stand.open_revokes or stand.revokes or stand.doubt)
        newest = stand.access if token.kind == "access" else stand.refresh
        return presented == newest and stand.reused_i < 0 and self._quiet(stand, begun)

    def _after_revoke(self, grant: str, revoke: Revoke, begun: Op, done: Op, *, accepted: bool, side: str,
                      replayed_i: int | None) -> None:
        same = revoke.route == side
        if not same:
            self.asked_again.add(grant)
        use = self.uses.get((grant, side))
        if not accepted:
            if use is not None and begun.i > use.accepted_done_i:
                use.refused_s = done.t_s if use.refused_s is None else min(use.refused_s, done.t_s)
            return
        if use is None:
            use = self.uses[grant, side] = Use(revoke, process=begun.process)
        elif revoke.done_i < use.revoke.done_i:
            use.revoke = revoke
        when = "same_stack" if same else "gap"
        if not same and replayed_i is not None and replayed_i < begun.i:
            when = "after_replay"
        use.when[when] = use.when.get(when, 0) + 1
        use.count += 1
        use.witnesses.append(done.i)
        if use.first_i < 0 or done.t_s < use.first_done_s:
            use.first_i, use.first_done_s = done.i, done.t_s
        use.accepted_done_i = max(use.accepted_done_i, done.i)
        if begun.t_s > use.last_begun_s:
            use.last_i, use.last_begun_s = done.i, begun.t_s
        use.last_done_s = max(use.last_done_s, done.t_s)
        use.refused_s = None

    def refresh_of_revoked(self, begun: Op, done: Op, *, accepted: bool, side: str, replayed_i: int | None) -> None:
        """A refresh was clearly accepted or refused: was its grant revoked before it was sent?"""
        stand = self.stands.get(begun.grant) if begun.grant is not None else None
        if stand is None or begun.grant is None or begun.token_hash is None:
            return
        revoke = self._revoked(stand, self.tokens.get(begun.token_hash), begun)
        if revoke is not None:
            self.must_inactive += 1
            self._after_revoke(begun.grant, revoke, begun, done, accepted=accepted, side=side, replayed_i=replayed_i)

    def refused_refresh(self, begun: Op, done: Op, *, planned: bool, side: str, snapshot_i: int) -> None:
        """A refresh was clearly refused: has the client lost its chain?

        Called before `issue_ends`. `planned`: by traffic or the verify step, which present
        only live (or revoked) chains; False for probes, which may present anything.
        """
        if begun.grant is None or begun.token_hash is None:
            return
        stand = self.stand(begun.grant)
        if stand.revokes or stand.open_revokes or stand.doubt or stand.last_revoke_i > begun.i:
            return
        token = self.tokens.get(begun.token_hash)
        if token is None and not stand.refreshes and (not planned or self._refresh_s < 3600.0):
            return
        if begun.token_hash != stand.refresh and (stand.refreshes or stand.refresh is not None):
            stand.reuse(done.i)  # expired or not: Hydra looks for a reuse first
            return
        if token is not None and token.expires_s - EXPIRY_MARGIN_S < done.t_s:
            return
        if stand.open_issues > 1:
            stand.pending = (begun, done)
            return
        self._lose(begun.grant, stand, token, done, begun, side, snapshot_i)

    def settle(self, begun: Op, done: Op, *, side: str, snapshot_i: int) -> None:
        """After `issue_ends` of a refresh: does a refusal that waited for it count?

        An answer that gave the refused token itself, to one who had asked with an older, explains nothing.
        """
        stand = self.stands.get(begun.grant) if begun.grant is not None else None
        if stand is None or stand.pending is None or begun.grant is None:
            return
        if done.type == "ok" and (done.value or {}).get("refresh") != stand.pending[0].token_hash:
            stand.reuse(stand.pending[1].i)
            stand.pending = None
        elif stand.open_issues == 0:
            (asked, refused), stand.pending = stand.pending, None
            token = self.tokens.get(asked.token_hash) if asked.token_hash else None
            self._lose(begun.grant, stand, token, refused, asked, refused.route or side, snapshot_i)

    def _lose(self, grant: str, stand: Stand, token: Token | None, done: Op, begun: Op, side: str,
              snapshot_i: int) -> None:
        cause = cause_of(stand, token, side, snapshot_i)
        if not cause and any(asked_i < done.i for asked_i in stand.sheds):
            self.wrongs.append(Wrong(done.i, done.t_s, grant, begun.token_hash or "", begun.process, side, "", True))
        elif stand.lost is None:
            stand.lost = Loss(done.i, done.t_s, side, begun.process, cause)
            self.losses[grant] = stand.lost


def _once(word: str | None) -> str | None:
    """A word that stands in many records, kept once: every op read brings its own."""
    return None if word is None else intern(word)


def _is_spent(token: Token, presented: str, now_s: float) -> bool:
    """Whether nothing must be true of it, now or later, that is not known of its grant.

    A service's own: once it has expired. Of a revoked grant all tokens must be inactive, but those issued while
    a revocation was under way. Else a chain's older tokens: an unknown one of a chain that went on is an older one.
    """
    stand = token.stand
    if stand is None:
        return token.expires_s + EXPIRY_MARGIN_S < now_s
    if stand.open_issues or stand.open_revokes:
        return False
    if stand.revokes:
        return all(token.issued_i < revoke.begun_i or token.begun_i > revoke.done_i for revoke in stand.revokes)
    return stand.refreshes > 0 and presented != stand.access and presented != stand.refresh


def _nobody_knows(done: Op) -> bool:
    """No answer, or one that says neither that it was done nor that it was not; what was shed never got there."""
    value = done.value or {}
    return done.type == "info" or (is_5xx(value) and not value.get("shed"))


def _meant(op: Op) -> tuple[str, ...] | list[str]:
    """The grants a revocation ends. Deleting a login ends a browser session and no grant."""
    value = op.value or {}
    if value.get("kind") == "login":
        return ()
    grants = value.get("grants")
    if grants:
        return list(grants)
    return (op.grant,) if op.grant is not None else ()
