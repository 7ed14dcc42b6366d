"""How long each migration file took, where the history has it."""

from __future__ import annotations

from typing import Any, NamedTuple

from sim.checks.timeline import Timeline


class File(NamedTuple):
    """One migration."""

    version: str
    name: str
    took_s: float


class Migrations(NamedTuple):
    """All of one step, in the order in which they ran."""

    step: str
    files: list[File]
    total_s: float

    @property
    def slowest(self) -> list[File]:
        return sorted(self.files, key=lambda f: -f.took_s)[:12]


def migrations(timeline: Timeline, progress: dict[str, str]) -> list[Migrations]:
    """One entry a step that timed its files; `progress` names versions (version → name)."""
    found = []
    for step in timeline.steps:
        took = step.figures.get("files_s")
        if not isinstance(took, dict) or not took:
            continue
        names = progress | {str(s.get("version")): str(s.get("name", "")) for s in step.figures.get("slowest") or ()
                            if isinstance(s, dict)}
        files = [File(str(v), names.get(str(v), ""), float(s)) for v, s in sorted(took.items()) if _is_number(s)]
        found.append(Migrations(step.name, files, sum(f.took_s for f in files)))
    return found


class Blocked(NamedTuple):
    """A stretch in which traffic waited for a lock, as a step sampled it."""

    step: str
    from_s: float
    """Since the run began."""
    for_s: float
    waiting: int
    """The most statements that waited at once."""
    held: str
    holder: str
    waiter: str


def blocked(timeline: Timeline) -> list[Blocked]:
    """Every such stretch that a step says, the longest of each step first."""
    found = []
    for step in timeline.steps:
        locks = step.figures.get("locks")
        intervals = locks.get("blocked") if isinstance(locks, dict) else None
        for one in intervals or ():
            found.append(Blocked(
                step.name, step.begun_s + float(one.get("from_s", 0.0)), float(one.get("for_s", 0.0)),
                int(one.get("waiting", 0)), ", ".join(map(str, one.get("held") or ())), str(one.get("holder", "")),
                str(one.get("waiter", ""))))
    return found


def named(progress: list[dict[str, Any]]) -> dict[str, str]:
    """Version → name, from the step's progress (`now` begins with the version)."""
    found = {}
    for value in progress:
        version, now = str(value.get("version") or ""), str(value.get("now") or "")
        if version and now.startswith(version):
            found[version] = now[len(version):].strip()
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
