"""Which file a SCENARIO means: a number, a name, a unique prefix or a path."""

from __future__ import annotations

from pathlib import Path

from sim.errors import BadInput
from sim.paths import data
from sim.scenario.messages import did_you_mean, suggest


def scenario_files() -> list[Path]:
    """The project's own scenarios, by number."""
    return sorted(data("scenarios").glob("[0-9]*.yaml"))


def find_scenario(name: str | Path, *, beside: Path | None = None) -> Path:
    """The file that `name` means: a path, a number, a name or a unique prefix.

    Raises BadInput if there is none, or more than one.
    """
    text = str(name)
    given = Path(text).expanduser()
    if given.suffix in (".yaml", ".yml") or "/" in text:
        path = given if given.is_absolute() or beside is None else beside / given
        if path.is_file():
            return path
        if "/" in text or path.is_absolute():
            names = [p.name for p in path.parent.glob("*.yaml") if p.is_file()] if path.parent.is_dir() else []
            raise BadInput(
                "there is no such scenario file",
                where=str(path),
                todo=did_you_mean(path.name, names) or "rehearse scenarios lists the project's own",
            )
    stem = text.removesuffix(".yaml")
    near = [beside / f"{stem}.yaml"] if beside is not None else []
    for path in near:
        if path.is_file():
            return path
    known = {path.stem: path for path in scenario_files()}
    if stem in known:
        return known[stem]
    starting = [n for n in known if n.startswith(stem)] if stem else []
    numbered = [n for n in starting if n.startswith(f"{stem}-")]
    found = numbered or starting
    if len(found) == 1:
        return known[found[0]]
    if found:
        raise BadInput(f"`{text}` fits several scenarios: {', '.join(found)}", todo="write more of the name")
    todo = suggest(stem, known, what="scenarios") if known else "there are no scenarios here"
    raise BadInput(f"there is no scenario `{text}`", todo=todo)
