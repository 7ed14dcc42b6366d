"""The catalogue of faults: what each is made on, which keys it takes, which engine can make it.

One table for the scenario file, the live command, the drawn schedule and the messages, so that
nothing is known in one of them and not in another. How a fault is made stands in the rig.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from sim.scenario.messages import suggest
from sim.scenario.replicas import EDGE, origin

PartKind = Literal["postgres", "queue", "hydra", "app", "job"]
"""What a part of the stack is; `app` is one of our own services, `job` runs once for its step."""
EngineName = Literal["docker", "process"]

RUNNING: tuple[PartKind, ...] = ("postgres", "queue", "hydra", "app")
BOTH: tuple[EngineName, ...] = ("docker", "process")


class FaultKind(NamedTuple):
    """One kind of fault."""

    on: Literal["link", "part"] = "part"
    needs: tuple[str, ...] = ()
    """Keys it can't be made without."""
    may: tuple[str, ...] = ()
    """Keys it may have."""
    parts: tuple[PartKind, ...] = RUNNING
    lasts: bool = True
    """False: it is over at once, and a `for` is refused."""
    engines: tuple[EngineName, ...] = BOTH
    because: str = ""
    """Why the other engine can't."""


CATALOGUE: dict[str, FaultKind] = {
    "latency": FaultKind("link", ("latency",), ("jitter",)),
    "bandwidth": FaultKind("link", ("rate",)),
    "slow_close": FaultKind("link", ("delay",)),
    "timeout": FaultKind("link", (), ("timeout",)),
    "reset_peer": FaultKind("link", (), ("timeout",)),
    "slicer": FaultKind("link", ("average_size",), ("size_variation", "delay")),
    "limit_data": FaultKind("link", ("bytes",)),
    "down": FaultKind("link"),
    "kill": FaultKind(may=("after", "message"), parts=(*RUNNING, "job")),
    "stop": FaultKind(),
    "pause": FaultKind(),
    "restart": FaultKind(lasts=False),
    "cpu": FaultKind(needs=("cpu",), engines=("docker",), because="a process has no share of its own; use pause"),
    "memory": FaultKind(needs=("memory",), engines=("docker",), because="a process has no limit of its own"),
    "partition": FaultKind(may=("from_",)),
    "terminate": FaultKind(may=("role",), parts=("postgres",), lasts=False),
    "exhaust": FaultKind(may=("connections",), parts=("postgres",)),
    "lock": FaultKind(may=("table", "waiter"), parts=("postgres",)),
    "fsync": FaultKind(needs=("delay",), parts=("postgres",)),
    "disk": FaultKind(may=("size",), parts=("postgres",), engines=("docker",),
                      because="a process writes to this machine's own disk, and that is never filled"),
    "full": FaultKind(parts=("queue",)),
    "duplicate": FaultKind(parts=("queue",), lasts=False),
    "clock": FaultKind(needs=("offset",), parts=("app",)),
    "wrong_secret": FaultKind(parts=("hydra",)),
    "twice": FaultKind(parts=("job",)),
}

JOBS = {"copier": "copy", "migrator": "migrate", "replayer": "replay"}
"""Job → the kind of step in which it runs."""

ONLY_ON = {("kill", "after"): EDGE, ("kill", "message"): "replayer"}
"""(kind, key) → the one part (and its replicas) on which that kind takes that key."""

COMMON = ("name", "fault", "link", "stream", "part", "at", "for_", "until")
"""Keys that do not belong to one kind."""


def own_keys(fault: str) -> tuple[str, ...]:
    """The keys a kind of fault takes beside the common ones."""
    kind = CATALOGUE[fault]
    return kind.needs + kind.may


def keys_on(fault: str, part: str) -> tuple[str, ...]:
    """The keys of its own that a kind of fault takes on that part."""
    return tuple(key for key in own_keys(fault) if ONLY_ON.get((fault, key), origin(part)) == origin(part))


def on(where: Literal["link", "part"]) -> tuple[str, ...]:
    """The kinds of fault that are made on a link, or on a part."""
    return tuple(name for name, kind in CATALOGUE.items() if kind.on == where)


def unable(fault: str, engine: str) -> str:
    """Why this engine can't make that kind of fault; '' if it can."""
    kind = CATALOGUE[fault]
    if engine in kind.engines:
        return ""
    return f"the {engine} engine can't make the fault `{fault}`: {kind.because}"


def unfit(fault: str, part: str, parts: dict[str, PartKind]) -> tuple[str, str] | None:
    """What is wrong with a kind of fault on that part, and what to do; None if nothing is."""
    fit = [name for name, its in parts.items() if its in CATALOGUE[fault].parts]
    if fault == "twice":
        fit = [name for name in fit if name == "migrator"]
    if part in fit:
        return None
    if part in parts:
        return f"the fault `{fault}` can't be made on `{part}`", f"it can on {', '.join(fit)}"
    return f"the stack has no part `{part}`", suggest(part, fit, what="parts")
