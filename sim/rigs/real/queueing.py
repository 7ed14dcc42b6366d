"""How many messages the revocation queue holds, read from the stream itself."""

from __future__ import annotations

from typing import Any

STREAM = "REVOCATIONS"
CONNECT_S = 2.0


async def count_messages(host: str, port: int) -> dict[str, Any]:
    """{messages, intents, outcomes} of the stream; raises StepFailed if the queue does not answer."""
    import nats
    import nats.errors
    import nats.js.errors

    from sim.errors import StepFailed

    try:
        client = await nats.connect(f"nats://{host}:{port}", connect_timeout=CONNECT_S, allow_reconnect=False)
        try:
            info = await client.jetstream(timeout=CONNECT_S).stream_info(STREAM, subjects_filter=">")
        finally:
            await client.close()
    except (nats.errors.Error, nats.js.errors.APIError, OSError, TimeoutError) as error:
        raise StepFailed("the queue can not be counted", where="queue",
                         seen=f"{type(error).__name__}: {error}") from error
    subjects = info.state.subjects or {}

    def of(kind: str) -> int:
        return sum(n for subject, n in subjects.items() if subject.startswith(f"revocation.{kind}."))

    return {"messages": info.state.messages, "intents": of("intent"), "outcomes": of("outcome")}
