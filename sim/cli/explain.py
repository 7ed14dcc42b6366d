"""`rehearse explain NAME`: one screen about a check, figure, step, fault, key or exit code."""

from __future__ import annotations

import textwrap
from typing import Annotated

import typer

from sim.cli.output import BOLD, next_step, result, result_json, styled
from sim.errors import BadInput
from sim.report.topic import Topic
from sim.report.topics import KINDS, topics

WIDTH = 78
"""As wide as the report."""


def complete_topic(incomplete: str) -> list[str]:
    """Completion of NAME."""
    return [name for _, name in topics() if name.startswith(incomplete)]


def explain(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="a check, check.figure, step, fault, key or exit code", autocompletion=complete_topic
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="as JSON")] = False,
) -> None:
    """Say what a check, figure, step, fault, key or exit code means; without NAME, list them."""
    if name is None:
        _list(as_json=json)
        return
    wanted = name.strip().lower()
    if "." in wanted and _figure(wanted, as_json=json):
        return
    plain = wanted.removeprefix("step-").replace("-", "_")
    found = [
        (kind, topic) for (kind, key), topic in topics().items() if key in (wanted, plain, wanted.rpartition(".")[2])
    ]
    if not found:
        from sim.scenario.messages import did_you_mean

        known = [key for _, key in topics()] + _figure_names()
        raise BadInput(
            f"there is nothing to explain about `{name}`",
            todo=did_you_mean(wanted, known) or "rehearse explain lists everything",
        )
    if json:
        result_json([{"kind": kind, "name": plain, **topic._asdict()} for kind, topic in found])
        return
    for n, (kind, topic) in enumerate(found):
        if n:
            result()
        _screen(f"{plain}, {_article(kind)}", topic)
        if kind == "check":
            _figures(plain)


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _screen(head: str, topic: Topic) -> None:
    result(styled(head, BOLD))
    for label, text in (("what", topic.what), ("why", topic.why), ("how", topic.how), ("production", topic.production)):
        if text != "-":
            result(_paragraph(label, text))


def _paragraph(label: str, text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent=f"  {label:<11}", subsequent_indent=" " * 13)


def _figures(check: str) -> None:
    from sim.history.figures import FIGURES

    for name, figure in FIGURES.get(check, {}).items():
        limit = {"always": "0 unless tolerated", "if_written": "limited if written", "never": "not limited"}[
            figure.judged
        ]
        result(_paragraph("figure", f"{check}.{name} ({figure.unit}; {limit}): {figure.explain}"))


def _figure_names() -> list[str]:
    from sim.history.figures import FIGURES

    return [f"{check}.{name}" for check, figures in FIGURES.items() for name in figures]


def _figure(wanted: str, *, as_json: bool) -> bool:
    """Explain one `check.figure`; False if there is none of that name."""
    from sim.history.figures import FIGURES

    check, _, name = wanted.partition(".")
    figure = FIGURES.get(check, {}).get(name)
    if figure is None:
        return False
    units = {
        "count": "a count",
        "s": "seconds, written 5s",
        "share": "a share, written 0.5%",
        "times": "a factor, written 3x",
    }
    how = {
        "always": f"Its limit is 0 unless the scenario tolerates more: tolerate: {{{wanted}: {{max: …, because: …}}}}.",
        "if_written": "It has a limit only if the scenario writes one below tolerate.",
        "never": "It tells something and has no limit.",
    }[figure.judged]
    if as_json:
        result_json([{"kind": "figure", "name": wanted, "unit": figure.unit, "what": figure.explain, "how": how}])
        return True
    result(styled(f"{wanted}, a figure: {figure.label}", BOLD))
    result(_paragraph("what", figure.explain))
    result(_paragraph("unit", " or ".join(units[unit] for unit in (figure.unit, *figure.also))))
    result(_paragraph("how", how))
    next_step(f"rehearse explain {check}")
    return True


def _list(*, as_json: bool) -> None:
    everything = topics()
    if as_json:
        result_json([{"kind": kind, "name": name, "what": topic.what} for (kind, name), topic in everything.items()])
        return
    for kind in KINDS:
        result(styled(f"{kind}s", BOLD))
        for (its, name), topic in everything.items():
            if its == kind:
                result(f"  {name:<21} {_first(topic.what)}")
    next_step("rehearse explain revocation")


def _first(text: str) -> str:
    """The first sentence, cut to fit."""
    return textwrap.shorten(text, WIDTH - 24, placeholder=" …")
