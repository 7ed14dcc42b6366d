"""The links of the stack file, by name; the file is read, no engine is asked."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode

from sim.errors import RehearsalError
from sim.paths import data


@lru_cache(maxsize=8)
def known_links(stack: Path | None = None) -> tuple[str, ...]:
    """The keys of `x-links` in compose/stack.yaml (or in `stack`), in the file's order.

    Raises RehearsalError if the file is missing, is not YAML or names no links.
    """
    path = stack or data("compose", "stack.yaml")
    try:
        root = YAML(typ="rt").compose(path.read_text())
    except (OSError, YAMLError) as error:
        raise RehearsalError(
            "the stack file cannot be read", where=str(path), seen=str(error), todo="restore the checkout"
        ) from error
    for key, value in root.value if isinstance(root, MappingNode) else ():
        if key.value == "x-links" and isinstance(value, MappingNode):
            return tuple(str(link.value) for link, _ in value.value)
    raise RehearsalError("the stack file names no links", where=str(path), todo="list them under x-links")


def with_pairs(links: tuple[str, ...]) -> tuple[str, ...]:
    """The links and, for those with a port, the pair alone (all its links at once)."""
    return tuple(dict.fromkeys([*links, *(link.rpartition(":")[0] for link in links if ":" in link)]))
