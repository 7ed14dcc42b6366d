"""The lock files: whole, exact, in agreement, and naming no registry."""

from __future__ import annotations

import ast
import re
import sys
import tomllib

import pytest

from sim import paths
from sim.rigs.real.acquire import services

LOCKS = ("requirements.lock", "requirements-dev.lock", "services.lock")
SHIPPED_BY = {"nats": "nats-py"}
"""Import name → package name, where they differ."""


def locked(name: str) -> dict[str, str]:
    text = paths.data(name).read_text()
    return dict(re.findall(r"^([a-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE))


def asked(*, dev: bool) -> dict[str, str]:
    project = tomllib.loads(paths.data("pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + (project["optional-dependencies"]["dev"] if dev else [])
    return {name.lower().replace(".", "-"): version for name, version in (w.split("==") for w in wanted)}


@pytest.mark.parametrize(("lock", "dev"), [("requirements.lock", False), ("requirements-dev.lock", True)])
def test_what_the_project_asks_for_is_locked_at_that_version(lock: str, dev: bool) -> None:
    assert asked(dev=dev).items() <= locked(lock).items()


def test_the_locks_agree() -> None:
    harness = locked("requirements.lock")
    assert harness.items() <= locked("requirements-dev.lock").items()
    assert locked("services.lock").items() <= harness.items()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_has_its_hash_and_no_address(lock: str) -> None:
    text = paths.data(lock).read_text()
    assert "://" not in text
    for block in re.split(r"\n(?=[a-z0-9])", text)[1:]:
        assert "--hash=sha256:" in block, block.splitlines()[0]


def test_the_services_bring_nothing_of_the_harness() -> None:
    assert not {"docker", "textual", "plotly", "rich", "typer", "pydantic"} & locked("services.lock").keys()


def test_the_services_lock_has_what_the_services_import() -> None:
    packages = {name.replace("-", "_") for name in locked("services.lock")}
    for source in services.sources():
        for name in imports(source.read_text()):
            if name == "sim":
                continue
            package = SHIPPED_BY.get(name, name).replace("-", "_")
            assert name in sys.stdlib_module_names or package in packages, f"{source.name} imports {name}"


def imports(code: str) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def test_the_services_image_is_another_once_a_source_changes(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "sim" / "services").mkdir(parents=True)
    (tmp_path / "compose" / "images" / "services").mkdir(parents=True)
    (tmp_path / "compose" / "images" / "services" / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "services.lock").write_text("aiohttp==1\n")
    source = tmp_path / "sim" / "services" / "edge.py"
    source.write_text("x = 1\n")
    monkeypatch.setattr(paths, "PROJECT", tmp_path)
    first = services.recipe()
    assert services.recipe() == first
    cached = tmp_path / "sim" / "services" / "__pycache__" / "edge.pyc"
    cached.parent.mkdir()
    cached.write_bytes(b"x")
    assert services.recipe() == first
    source.write_text("x = 2\n")
    second = services.recipe()
    source.rename(source.with_name("ledge.py"))
    third = services.recipe()
    (tmp_path / "services.lock").write_text("aiohttp==2\n")
    assert len({first, second, third, services.recipe()}) == 4
