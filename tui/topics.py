"""What `e` says: the topics of `rehearse explain`, as lines of a sheet."""

from __future__ import annotations

from textwrap import wrap

from sim.history.figures import FIGURES

LABELS = ("what", "why", "how", "production")


def explained(name: str, width: int, *, kinds: tuple[str, ...] = ()) -> tuple[str, str]:
    """(title, text) of a check, check.figure, step, fault, key or word; says so if there is none."""
    from sim.report.topics import topics  # big tables: only when somebody asks

    check, _, figure = name.partition(".")
    meaning = FIGURES.get(check, {}).get(figure)
    if meaning is not None:
        return f"{name}: {meaning.label}", "\n".join(wrap(meaning.explain, width))
    found = [(kind, topic) for (kind, key), topic in topics().items() if key == name and (not kinds or kind in kinds)]
    if not found:
        return name, f"There is no topic of that name. rehearse explain lists all {len(topics())}."
    lines: list[str] = []
    for kind, topic in found:
        if lines:
            lines += ["", f"{name}, as a {kind}", ""]
        for label, text in zip(LABELS, topic, strict=True):
            if text != "-":
                lines += [*wrap(text, width, initial_indent=f"{label:<11}", subsequent_indent=" " * 11), ""]
        if kind == "check":
            for key, each in FIGURES.get(name, {}).items():
                lines += wrap(f"{key}: {each.explain}", width, initial_indent="figure     ", subsequent_indent=" " * 11)
    return f"{name}, {found[0][0]}", "\n".join(lines).rstrip()
