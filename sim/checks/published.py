"""What clients read from discovery and the key set, and whether ID tokens verify by it."""

from __future__ import annotations

from sim.history.op import Op

RELIED_ON = (
    "issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint",
    "revocation_endpoint", "end_session_endpoint",
)
"""Source: OpenID Connect Discovery 1.0, section 3: what a client stores; lists of what is supported
may grow."""


class Published:
    """The first answers, and what differed since."""

    def __init__(self) -> None:
        self.first: dict[str, str] | None = None
        self.kids: dict[str, int] = {}
        """Key → index of the answer that first published it."""
        self.changed: dict[str, int] = {}
        """Part of the document → index of the first answer in which it differed."""
        self.gone: dict[str, int] = {}
        """Key → index of the first later answer without it."""
        self.unverified: list[int] = []
        self.left: list[int] = []
        """ID tokens that green signed by a key of its own, and nobody can verify since blue serves again."""
        self._publisher: dict[str, str | None] = {}
        """Key → the side that first published it, or signed by it."""
        self.compared = self.compared_after = 0
        self.verified = 0

    def signed(self, done: Op) -> None:
        """A code was exchanged: its ID token names the key, and its route whose key that is.

        Keys are read once in seconds; green may have signed and gone before anybody read its own.
        """
        kid = (done.value or {}).get("id_token_kid")
        if done.type == "ok" and isinstance(kid, str):
            self._publisher.setdefault(kid, done.route)

    def seen(self, begun: Op, done: Op, *, after: bool) -> None:
        """An answer of discovery, the key set, or the verification of an ID token."""
        if begun.f == "id_token" and done.type == "fail":
            was_left = self._left(str((begun.value or {}).get("kid")), done)
            (self.left if was_left else self.unverified).append(done.i)
        if done.type != "ok" or done.value is None:
            return
        if begun.f == "discovery":
            self._document(done, after)
        elif begun.f == "jwks":
            self._keys(done, after)
        elif done.value.get("verified"):
            self.verified += 1
        else:
            self.unverified.append(done.i)

    def _document(self, done: Op, after: bool) -> None:
        said = {k: str(v) for k, v in (done.value or {}).items() if k in RELIED_ON}
        if self.first is None:
            self.first = said
            return
        self.compared += 1
        self.compared_after += after
        for key, value in self.first.items():
            if said.get(key) != value:
                self.changed.setdefault(key, done.i)

    def _keys(self, done: Op, after: bool) -> None:
        kids = {str(k) for k in (done.value or {}).get("kids", [])}
        if self.kids:
            self.compared += 1
            self.compared_after += after
        for kid in self.kids:
            if kid not in kids and not self._left(kid, done):
                self.gone.setdefault(kid, done.i)
        for kid in kids:
            self.kids.setdefault(kid, done.i)
            self._publisher.setdefault(kid, done.route)

    def _left(self, kid: str, done: Op) -> bool:
        """Is it a key of green's own, and blue that answers again? The grants behind it are lost, and counted, too."""
        return self._publisher.get(kid) == "green" and done.route == "blue"
