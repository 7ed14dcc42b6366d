"""The links and parts of the stack file, by name; the file is read, no engine is asked."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from sim.errors import RehearsalError
from sim.paths import data
from sim.scenario.kinds import PartKind
from sim.scenario.replicas import EDGE, replicated


@lru_cache(maxsize=8)
def known_links(stack: Path | None = None, *, edges: int = 1) -> tuple[str, ...]:
    """The keys of `x-links` in compose/stack.yaml (or in `stack`), in the file's order, then those of more `edges`.

    Raises RehearsalError if the file is missing, is not YAML or names no links.
    """
    links = _section("x-links", stack, edges)
    if not links:
        raise RehearsalError("the stack file names no links", where=_where(stack), todo="list them under x-links")
    return tuple(links)


@lru_cache(maxsize=8)
def known_parts(stack: Path | None = None, *, edges: int = 1) -> dict[str, PartKind]:
    """Services and jobs of the stack file on which a fault can be made, with what each is.

    Toxiproxy is left out: it is a means of the rehearsal, not a part of what is rehearsed.
    Raises RehearsalError as `known_links`.
    """
    found: dict[str, PartKind] = {}
    for name, told in _section("services", stack, edges).items():
        if name == "toxiproxy":
            continue
        if "job" in (told.get("profiles") or []):
            found[name] = "job"
        else:
            kind = name.rpartition("-")[2]
            found[name] = kind if kind in ("postgres", "hydra", "queue") else "app"  # type: ignore[assignment]
    return found


def _section(name: str, stack: Path | None, edges: int) -> dict[str, Any]:
    try:
        root = YAML(typ="safe", pure=True).load(Path(_where(stack)).read_text())
    except (OSError, YAMLError) as error:
        raise RehearsalError(
            "the stack file cannot be read", where=_where(stack), seen=str(error), todo="restore the checkout"
        ) from error
    section = replicated(root, EDGE, edges).get(name) if isinstance(root, dict) else None
    return section if isinstance(section, dict) else {}


def _where(stack: Path | None) -> str:
    return str(stack or data("compose", "stack.yaml"))


def with_pairs(links: tuple[str, ...]) -> tuple[str, ...]:
    """The links and, for those with a port, the pair alone (all its links at once)."""
    return tuple(dict.fromkeys([*links, *(link.rpartition(":")[0] for link in links if ":" in link)]))
