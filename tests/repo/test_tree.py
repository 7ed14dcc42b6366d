"""The tree: what must and must not be in it."""

import ast
import tomllib

import pytest

from sim.paths import PROJECT

SOURCES = sorted([*PROJECT.glob("sim/**/*.py"), *PROJECT.glob("tui/**/*.py")])


def test_every_package_is_listed_for_the_wheel():
    listed = set(tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    here = {str(p.parent.relative_to(PROJECT)).replace("/", ".") for p in SOURCES if p.name == "__init__.py"}
    assert here == listed


def test_data_folders_are_not_packages():
    for folder in ("compose", "scenarios", "tests"):
        assert not list((PROJECT / folder).rglob("__init__.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PROJECT)))
def test_every_module_says_what_it_is(path):
    assert ast.get_docstring(ast.parse(path.read_text())), f"{path} has no docstring"


def test_locks_name_no_host():
    for name in ("requirements.lock", "requirements-dev.lock", "services.lock"):
        text = (PROJECT / name).read_text()
        assert "://" not in text.replace("# https://", ""), f"{name} names a place"
