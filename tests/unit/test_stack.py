"""The stack file: its links, variables and overrides; the real file keeps what everybody relies on."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sim.errors import BadInput
from sim.paths import data
from sim.rigs.real.engines.addresses import container_variables, loopback_variables
from sim.rigs.real.stack import CPU_SHARES, Stack, interpolate, load_stack, variable_name

SERVICES = ["blue-postgres", "green-postgres", "blue-hydra", "green-hydra", "toxiproxy", "queue", "edge",
            "login-consent", "authz"]
JOBS = ["copier", "migrator", "replayer"]
PORTS = {"blue-postgres": {"sql": 5432}, "blue-hydra": {"public": 4444, "admin": 4445}, "queue": {"nats": 4222},
         "edge": {"public": 8000, "internal": 8001, "control": 8002}, "toxiproxy": {"api": 8474},
         "login-consent": {"public": 8010, "control": 8011}, "authz": {"public": 8020, "control": 8021}}
LINKS = """clients->edge:public resource-servers->edge:internal clients->login-consent clients->authz
edge->blue-hydra:public edge->blue-hydra:admin edge->green-hydra:public edge->green-hydra:admin
edge->blue-postgres edge->green-postgres edge->queue blue-hydra->blue-postgres green-hydra->green-postgres
copier->blue-postgres copier->green-postgres migrator->green-postgres replayer->queue replayer->blue-postgres
replayer->green-postgres authz->blue-hydra:admin authz->green-hydra:admin login-consent->blue-hydra:admin
login-consent->green-hydra:admin""".split()


@pytest.fixture(scope="module")
def stack() -> Stack:
    return load_stack()


@pytest.mark.parametrize(("text", "variables", "expected"), [
    ("${A:-x}", {}, "x"), ("${A:-x}", {"A": "y"}, "y"), ("${A:-x}", {"A": ""}, "x"), ("${A}", {}, ""),
    ("${A:-}", {}, ""), ("a$$b", {}, "a$b"), ("$${A}", {"A": "y"}, "${A}"), ("${A:-h:1}/${B}", {"B": "2"}, "h:1/2"),
    ("no variable", {}, "no variable"),
])
def test_interpolation_is_composes(text: str, variables: dict[str, str], expected: str) -> None:
    assert interpolate(text, variables) == expected


def test_services_ports_and_links_are_those_agreed(stack: Stack) -> None:
    assert sorted(stack.names) == sorted(SERVICES + JOBS)
    assert set(LINKS) <= set(stack.links)
    assert {name: stack.ports(name) for name in PORTS} == PORTS
    assert set(stack.always) == set(SERVICES) - {"green-hydra"}
    assert [name for name in stack.names if stack.service(name, {}).profiles == ["job"]] == JOBS


def test_who_sheds_outweighs_whom_it_protects_and_green_waits_behind_all() -> None:
    two = load_stack(edges=2)
    shares = {name: two.service(name, {}).cpu_shares for name in two.names}
    assert shares.pop("edge") == shares.pop("edge-2") > max(shares.values()) == CPU_SHARES
    assert {name for name, its in shares.items() if its < CPU_SHARES} == {"green-postgres", "copier"}


def test_every_link_is_dialled_by_its_own_source_and_no_other(stack: Stack) -> None:
    variables = {link.variable: link.name for link in stack.links.values()}
    for name in stack.names:
        dialled = {link for link in stack.links for value in stack.service(name, variables).environment.values()
                   if link in value}
        assert dialled == {link.name for link in stack.links.values() if link.source == name}, name


def test_inside_containers_the_defaults_are_the_proxies_own_ports(stack: Stack) -> None:
    listens = [link.listen for link in stack.links.values()]
    assert len(set(listens)) == len(listens)
    plain = {name: stack.service(name, {}).environment for name in stack.names}
    told = {name: stack.service(name, container_variables(stack)).environment for name in stack.names}
    assert plain == told


def test_no_part_but_toxiproxy_knows_a_part_s_own_address(stack: Stack) -> None:
    direct = re.compile(rf"[@/]({'|'.join(set(SERVICES) - {'toxiproxy'})}):\d")
    for name in stack.names:
        for key, value in stack.service(name, container_variables(stack)).environment.items():
            assert not direct.search(value), f"{name} {key}"


def test_on_loopback_nothing_listens_elsewhere(stack: Stack) -> None:
    ports = {(name, port): 20000 + n for n, (name, port) in enumerate(
        (name, port) for name in stack.names for port in stack.ports(name))}
    links = {name: 21000 + n for n, name in enumerate(stack.links)}
    variables = loopback_variables(stack, ports, links)
    for name in stack.names:
        service = stack.service(name, variables)
        said = " ".join([*service.environment.values(), *service.command,
                         *(stack.config(name, file, variables) for file in service.config)])
        assert "0.0.0.0" not in said, name
        assert "toxiproxy:" not in said, name


def test_a_pair_without_port_names_all_its_links(stack: Stack) -> None:
    assert stack.matching("edge->blue-hydra") == ["edge->blue-hydra:public", "edge->blue-hydra:admin"]
    assert stack.matching("edge->queue") == ["edge->queue"]
    with pytest.raises(BadInput, match="edge->nowhere"):
        stack.matching("edge->nowhere")


def test_what_needs_what(stack: Stack) -> None:
    order = stack.always
    for name in order:
        assert all(order.index(needed) < order.index(name) for needed in stack.needs(name)), name
    reached = {target for source, target in stack.graph().edges() if source == "edge"}
    assert reached == {"blue-hydra", "green-hydra", "blue-postgres", "green-postgres", "queue"}


def test_an_override_is_laid_over_key_by_key(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("services:\n  blue-hydra:\n    image: ours:1\n    environment: {LOG_LEVEL: debug}\n")
    over, plain = load_stack(override=own), load_stack()
    assert over.service("blue-hydra", {}).image == "ours:1"
    assert over.service("blue-hydra", {}).environment == {
        **plain.service("blue-hydra", {}).environment, "LOG_LEVEL": "debug"}
    assert over.service("green-hydra", {}) == plain.service("green-hydra", {})


@pytest.mark.parametrize(("text", "complaint"), [
    ("services: {a: {x-ports: {sql: 1}}}\nx-links: {b->a: {listen: 1, to: 'a:nats'}}", "a:nats"),
    ("services: {}\nx-links: {b->a: {listen: 1, to: 'a:sql'}}", "a:sql"),
    ("- a list", "empty"),
    ("a: [", "can't be read"),
])
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "stack.yaml"
    path.write_text(text)
    with pytest.raises(BadInput, match=complaint) as refused:
        load_stack(path)
    assert str(path) in str(refused.value)


def test_names_of_variables() -> None:
    assert variable_name("LINK", "edge->blue-hydra:admin") == "LINK_EDGE_BLUE_HYDRA_ADMIN"
    assert variable_name("PORT", "login-consent", "public") == "PORT_LOGIN_CONSENT_PUBLIC"


def test_compose_itself_accepts_the_file() -> None:
    program = shutil.which("docker-compose")
    command = [program] if program else ["docker", "compose"]
    if not program:
        if not shutil.which("docker") or subprocess.run([*command, "version"], capture_output=True,
                                                        check=False).returncode:
            pytest.skip("docker compose is not installed here")
    done = subprocess.run([*command, "-f", str(data("compose", "stack.yaml")), "--profile", "*", "config", "--quiet"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
