"""A browser whose person takes their time at the login page.

`rig.Clients.authorize` is one act from request to code; this is how a login can be under way
while the runbook goes on. Whoever walks the redirects awaits `linger()` before the login page
is sent; the model rig waits the same way.
"""

from __future__ import annotations

import asyncio

from sim.rigs.rig import Browser

LINGER_S = 20.0
"""Assumption: nobody stands longer at a login page, whatever the runbook does."""


class LingeringBrowser(Browser, dict=True):
    """Waits at the login page until `go_on` or for `LINGER_S`."""

    def __post_init__(self) -> None:
        self._told = asyncio.Event()

    def go_on(self) -> None:
        """The person logs in now."""
        self._told.set()

    async def linger(self) -> None:
        """Wait for the person."""
        try:
            await asyncio.wait_for(self._told.wait(), LINGER_S)
        except TimeoutError:
            return
