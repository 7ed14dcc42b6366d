"""`rehearse explain` covers everything that can be named, in the same words."""

import json

import pytest

from sim.cli.app import call
from sim.history.figures import FIGURES
from sim.report.topics import topics
from sim.scenario import FAULTS
from sim.scenario.extend import AMENDMENTS
from sim.scenario.model import Scenario
from sim.scenario.steps import KINDS

TOPICS = topics()


def names(kind):
    return {name for its, name in TOPICS if its == kind}


def test_every_check_step_fault_exit_code_and_key_is_explained():
    assert names("check") == set(FIGURES)
    assert names("step") == set(KINDS)
    assert names("fault") == set(FAULTS)
    assert names("exit code") == {"0", "1", "2", "3", "254", "255"}
    keys = set(Scenario.model_fields) - {"path", "slug", "notes"} | set(AMENDMENTS)
    assert keys <= names("key")


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
