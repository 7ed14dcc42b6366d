"""`rehearse explain` covers everything that can be named, in the same words."""

import json
import typing

import pytest
from pydantic import BaseModel

from sim.cli.app import call
from sim.history.figures import FIGURES
from sim.report.topics import topics
from sim.report.topics_fault_keys import FAULT_KEYS
from sim.report.topics_keys import KEYS
from sim.report.topics_stack_keys import LOAD_KEYS, STACK_KEYS
from sim.report.topics_step_keys import PEOPLE_KEYS, STEP_KEYS
from sim.scenario import FAULTS
from sim.scenario.extend import AMENDMENTS
from sim.scenario.model import Scenario
from sim.scenario.steps import KINDS as STEP_KINDS

TOPICS = topics()


def names(kind):
    return {name for its, name in TOPICS if its == kind}


def test_every_check_step_fault_exit_code_and_key_is_explained():
    assert names("check") == set(FIGURES)
    assert names("step") == set(STEP_KINDS)
    assert names("fault") == set(FAULTS)
    assert names("exit code") == {"0", "1", "2", "3", "254", "255"}
    keys = set(Scenario.model_fields) - {"path", "slug", "notes"} | set(AMENDMENTS)
    assert keys <= names("key")


NOT_WRITTEN = {"slug", "path", "notes", "kind", "unit"}
"""Fields that the loader fills in: nobody writes them in a scenario file."""


def written_keys(model, seen):
    """Every key that may stand in a scenario file, with where: the models' fields, by their names there."""
    if isinstance(model, type) and issubclass(model, BaseModel):
        if model not in seen:
            seen.add(model)
            for field, told in model.model_fields.items():
                yield told.alias or field, model.__name__
                yield from written_keys(told.annotation, seen)
        return
    for inside in typing.get_args(model):
        yield from written_keys(inside, seen)


WRITTEN = sorted({key for key, _ in written_keys(Scenario, set())} - NOT_WRITTEN)


def test_the_walk_reaches_what_is_deep_inside():
    assert {"dwell", "cross_check", "because", "noticed_in", "from", "hash_cost"} <= set(WRITTEN)


@pytest.mark.parametrize("key", WRITTEN)
def test_every_key_of_a_scenario_has_a_topic(key):
    assert any(key == name for _, name in TOPICS), "write one into sim/report/topics_*_keys.py"


def test_no_two_tables_explain_one_key():
    tables = (KEYS, STACK_KEYS, LOAD_KEYS, STEP_KEYS, PEOPLE_KEYS, FAULT_KEYS)
    assert sum(map(len, tables)) == len(names("key"))


@pytest.mark.parametrize("name", sorted({name for _, name in TOPICS}))
def test_each_topic_says_what_why_and_how_within_the_width(name, capsys):
    assert call(["explain", name]) == 0
    out = capsys.readouterr().out
    assert all(label in out for label in ("what", "why", "how"))
    assert max(map(len, out.splitlines())) <= 78


@pytest.mark.parametrize("name", [f"{check}.{figure}" for check, figures in FIGURES.items() for figure in figures])
def test_each_figure_is_explained_with_its_limit(name, capsys):
    assert call(["explain", name]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{name}, a figure")
    assert "limit" in out


def test_checks_list_their_figures(capsys):
    call(["explain", "write_loss"])
    assert "write_loss.grants (count; 0 unless tolerated)" in capsys.readouterr().out


def test_a_name_with_two_meanings_shows_both(capsys):
    call(["explain", "latency"])
    out = capsys.readouterr().out
    assert "latency, a check" in out
    assert "latency, a fault" in out


@pytest.mark.parametrize("name", ["Revocation", "write-loss", "runbook.copy", "stack.edge.buffer", "254"])
def test_names_are_taken_as_people_type_them(name):
    assert call(["explain", name]) == 0


def test_without_a_name_everything_is_listed(capsys):
    assert call(["explain"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for _, name in TOPICS)
    assert call(["explain", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == len(TOPICS)


def test_json_has_the_same_words(capsys):
    call(["explain", "replay", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told[0]["kind"] == "step"
    assert told[0]["what"] == TOPICS["step", "replay"].what
