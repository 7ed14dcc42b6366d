"""Which grants were revoked, told by the acknowledgements as they are written.

Before and after the switch are kept apart: what was revoked on blue must be dead on green
by the replay, what was revoked on green by Hydra itself.
"""

from __future__ import annotations

from sim.history.op import TAKE_CONSENT, Op


class Revoked:
    """Subscribes to a journal; names are those of the ops (request_ids, or `n-…` if new)."""

    def __init__(self) -> None:
        self._on_blue: dict[str, str] = {}
        self._on_green: dict[str, str] = {}

    def __call__(self, op: Op) -> None:
        if op.f != "revoke" or op.type != "ok":
            return
        value = op.value or {}
        side = self._on_green if op.route == "green" else self._on_blue
        kind = str(value.get("kind", ""))
        for grant in value.get("grants") or ([op.grant] if op.grant else []):
            # A token revoked later does not give the consent back.
            if side.get(grant) not in TAKE_CONSENT:
                side[grant] = kind

    def before_switch(self) -> tuple[list[str], list[str]]:
        """(grants whose tokens must be dead on green, those whose consent must be too)."""
        consents = [g for g, kind in self._on_blue.items() if kind in TAKE_CONSENT]
        return list(self._on_blue), consents

    def consents(self) -> list[str]:
        """Grants whose consent was taken back on either side."""
        return list({g: None for side in (self._on_blue, self._on_green)
                     for g, kind in side.items() if kind in TAKE_CONSENT})

    def wholly(self) -> list[str]:
        """Grants that went with all of their subject's."""
        return list({g: None for side in (self._on_blue, self._on_green) for g, kind in side.items()
                     if kind == "subject"})

    def all(self) -> dict[str, str]:
        """Grant → kind of its revocation, on either side."""
        return {**self._on_blue, **self._on_green}
