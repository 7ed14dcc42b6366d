"""Every name that `e` can ask for on a screen has a topic of `rehearse explain`."""

from __future__ import annotations

import re

import pytest

from sim.control import VERBS
from sim.history.figures import FIGURES
from sim.history.op import Op
from sim.paths import PROJECT
from sim.report.topics import topics
from sim.runbook.catalogue import CATALOGUE
from tui import meanings
from tui.ink import To
from tui.topics import explained

PROCESS = r'"(?:runbook|harness|nemesis|verify|operator)",\s*'
WRITTEN = re.compile(rf'(?:(?:invoke|note)\(\s*{PROCESS}|measure\()"([a-z_]+)"')
TRAFFIC = ("introspect", "refresh", "authorize", "code", "client_credentials", "revoke", "logout", "authz", "discovery",
           "jwks", "id_token")
NAMES = {name for _, name in topics()}


def operations() -> list[str]:
    """Whatever is written into a history as `f`, by the code that writes it."""
    found = {f for folder in ("", "runbook", "faults", "traffic") for path in (PROJECT / "sim" / folder).glob("*.py")
             for f in WRITTEN.findall(path.read_text())}
    verbs = {"ask_step" if v == "step" else "ask_heal" if v == "heal" else v for v in VERBS} - {"status", "faults"}
    return sorted(found | verbs | set(TRAFFIC))


def test_the_code_that_writes_histories_was_found() -> None:
    assert {"cmd", "gauge", "snapshot", "switch", "fence", "proof_well", "equality", "lost_grants", "made", "guard",
            "unsteady", "gap", "end"} <= set(operations())


@pytest.mark.parametrize("f", operations())
def test_every_operation_has_a_topic(f: str) -> None:
    if f in meanings.STEPS:
        return  # the step's own: below
    assert meanings.topic_of_op(Op(0, "info", "harness", f, 0.0)) in NAMES


@pytest.mark.parametrize("kind", sorted(CATALOGUE))
def test_every_kind_of_step_has_a_topic(kind: str) -> None:
    assert ("step", kind) in topics()


@pytest.mark.parametrize("to", [
    *(To("screen", name) for name in meanings.SCREENS), To("screen", "another"),
    *(To("log", f"op:revoke {word}") for word in meanings.OF_LOG), To("log", ""), To("recent", "op:refresh"),
    To("quantile", "0.99 on:blue"), To("series", "refresh"), To("grant", "g1"), To("link", "edge->queue"),
    To("probe", "blue good"), To("probe", "green revoked"), To("gauge", "blue.rss_bytes"), To("gauge", "way_back"),
    *(To("gauge", f"{part}.x") for part in meanings.OF_GAUGE), *(To("check", check) for check in FIGURES)], ids=str)
def test_every_figure_has_a_topic(to: To) -> None:
    assert meanings.topic_of(to) in NAMES


def test_figures_of_checks_are_explained_one_by_one() -> None:
    for check, figures in FIGURES.items():
        for figure in figures:
            title, text = explained(meanings.topic_of(To("figure", f"{check}.{figure}")), 74)
            assert title.startswith(f"{check}.{figure}: ") and "There is no topic" not in text


def test_fixed_names_have_topics() -> None:
    assert set(meanings.ELSE) | set(meanings.ABOUT.values()) <= NAMES
