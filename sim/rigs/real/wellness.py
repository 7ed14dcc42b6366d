"""Is a side well? A token is born, is active, is revoked and is refused: by its answers."""

from __future__ import annotations

from typing import Any

from sim.errors import StepFailed
from sim.rigs.rig import Client, Clients, Side

ANSWER_S = 5.0
WARM_REQUESTS = 20
"""Assumption: twenty introspections fill Hydra's connection pool and its prepared statements."""


class Wellness:
    """Functional proofs with a service client, through the edge like everybody."""

    def __init__(self, clients: Clients, service: Client, direct: Any) -> None:
        self._clients, self._service, self._direct = clients, service, direct

    async def prove(self, side: Side) -> dict[str, Any]:
        """Prove that `side` serves through the edge and is well.

        Raises StepFailed with the answer that was not right.
        """
        issued = await self._clients.client_credentials(self._service, timeout_s=ANSWER_S)
        token = str(issued.body.get("access_token", ""))
        if issued.status != 200 or not token:
            raise StepFailed(f"{side} issues no token", where=side, seen=f"status {issued.status}")
        if issued.route != side:
            raise StepFailed(f"the edge answers from {issued.route}, not from {side}", where="edge")
        if not await self._active(token):
            raise StepFailed(f"{side} says a token it has just issued is inactive", where=side)
        revoked = await self._clients.revoke_token(self._service, token, timeout_s=ANSWER_S)
        if revoked.status != 200:
            raise StepFailed(f"{side} does not revoke", where=side, seen=f"status {revoked.status}")
        if await self._active(token):
            raise StepFailed(f"{side} still accepts a token it has just revoked", where=side)
        return {"issued": True, "active": True, "revoked": True}

    async def warm(self, side: Side) -> None:
        """Ask a side that does not serve yet some nonsense, directly."""
        for _ in range(WARM_REQUESTS):
            await self._direct(side)

    async def _active(self, token: str) -> bool:
        answer = await self._clients.introspect(token, timeout_s=ANSWER_S)
        return answer.status == 200 and bool(answer.body.get("active"))
