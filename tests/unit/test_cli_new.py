"""`rehearse new`: 15 lines that load, from any scenario."""

import pytest

from sim.cli.app import call
from sim.scenario import load_scenario, scenario_files


@pytest.mark.parametrize("source", [p.stem for p in scenario_files()])
def test_the_new_file_has_15_lines_and_loads(source, tmp_path, capsys):
    path = tmp_path / "my-own-night.yaml"
    assert call(["new", str(path), "--from", source]) == 0
    out, err = capsys.readouterr()
    assert err == f"next: rehearse validate {path}\n"
    assert source in out
    text = path.read_text()
    assert len(text.splitlines()) == 15
    mine, parent = load_scenario(path), load_scenario(source)
    assert mine.title == "My own night"
    assert mine.runbook == parent.runbook
    assert mine.expect == parent.expect
    assert mine.seed is None


@pytest.mark.parametrize("line", ["# insert: ", "# faults: ", "# guards: "])
def test_what_is_commented_out_loads_when_it_is_not(line, tmp_path):
    path = tmp_path / "x.yaml"
    call(["new", str(path)])
    path.write_text(path.read_text().replace(line, line[2:]))
    load_scenario(path)


def test_a_scenario_of_ones_own_can_be_extended(tmp_path):
    first, second = tmp_path / "first.yaml", tmp_path / "sub" / "second.yaml"
    second.parent.mkdir()
    assert call(["new", str(first)]) == 0
    assert call(["new", str(second), "--from", str(first)]) == 0
    assert load_scenario(second).runbook == load_scenario("10").runbook


def test_nothing_is_overwritten_unasked(tmp_path, capsys):
    path = tmp_path / "x.yaml"
    path.write_text("mine")
    assert call(["new", str(path)]) == 254
    assert path.read_text() == "mine"
    assert "--force" in capsys.readouterr().err
    assert call(["new", str(path), "--force"]) == 0
    assert call(["new", str(tmp_path / "no" / "x.yaml")]) == 254
    assert call(["new", str(tmp_path / "y.yaml"), "--from", "99"]) == 254
    assert not (tmp_path / "y.yaml").exists()
