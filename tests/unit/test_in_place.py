"""One shared database: what goes together, said where it stands; and what the stack becomes."""

import pytest

from sim.rigs.real.engines.addresses import container_variables, loopback_variables
from sim.rigs.real.stack import load_stack
from sim.runbook.catalogue import entry_of
from sim.scenario import BadScenario, load_scenario, load_text

HEAD = "format: 1\ntitle: t\nasks: q?\n"
A = "stack: {blue: {hydra: 1.8.5}, green: {hydra: 1.11.10, database: blue}}\n"
B = "stack: {green: {database: blue}}\n"
FAULT = "faults: [{{name: f, fault: down, link: {}, at: migrate, for: 1s}}]"
MIXED = "{cutover: {fence: none, share: 50%}}"


def problems(text):
    """What is wrong, with its line and column."""
    try:
        load_text(HEAD + text)
    except BadScenario as error:
        return [(p.what, p.place.line, p.place.column) for p in error.problems]
    return []


@pytest.mark.parametrize("text", [
    A + "runbook: [baseline, migrate, {soak: {for: 5s}}]",
    A + f"runbook: [baseline, {{migrate: {{by: online}}}}, {MIXED}, {{soak: {{for: 5s}}}}, return, verify]",
    B + "runbook: [baseline, lifetime, {cleanup: {old: stopped}}, migrate, repair, {cutover: {fence: none}}, verify]",
])
def test_what_goes_together(text):
    assert problems(text) == []


@pytest.mark.parametrize(("text", "what", "column"), [
    (B + "runbook: [copy]", "copy with stack.green.database: blue", 11),
    (B + "runbook: [capture]", "capture with stack.green.database: blue", 11),
    (B + "runbook: [migrate, cleanup]", "migrate stands before cleanup", None),
    (A + "runbook: [cleanup, migrate]", "cleanup: 1.11.10 stumbles over no row", 11),
    ("runbook: [copy, {cleanup: {old: stopped}}, migrate]", "need not stop", 33),
    (B + "runbook: [migrate, {cutover: {fence: blue}}]", "would shut green out too", 38),
    (A + "runbook: [migrate, repair]", "repair: 1.11.10 stumbles over no row and marks none", 20),
    (A + "runbook: [lifetime]", "1.8.5 has no lifetimes of a client's own", 11),
    ("runbook: [copy, {migrate: {by: online}}]", "there is nothing to do online", 32),
    ("runbook: [copy, {migrate: {old: stopped}}]", "need not stop", 33),
    ("runbook: [copy, migrate, {cutover: {share: 50%}}]", "diverge with every request", 44),
    ("runbook: [copy, migrate, cutover, return]", "is the undo of the cutover", 35),
    (B + "runbook: [return]", "return without cutover", 11),
    ("stack: {blue: {columns: explicit}}\nrunbook: [baseline]", "only where blue's own database is migrated", 25),
    ("stack: {blue: {columns: explicit}, green: {database: blue}}\nrunbook: [baseline]", "drops tables", 25),
    ("stack: {blue: {hydra: 1.8.5}, green: {hydra: 1.11.10}}\nrunbook: [baseline]", "in place only", 31),
    ("stack: {green: {hydra: 1.11.10}}\nrunbook: [baseline]", "was never tried", None),
    (B + "runbook: [migrate]\n" + FAULT.format("green-hydra->green-postgres"), "there is no green-postgres", 39),
    ("runbook: [copy, migrate]\n" + FAULT.format("migrator->blue-postgres"),
     "only with stack.green.database: blue", 39),
])
def test_what_does_not_is_told_where_it_stands(text, what, column):
    found = [p for p in problems(text) if what in p[0]]
    assert found, problems(text)
    assert column is None or found[0][2] == column


def test_there_is_one_database_and_every_part_dials_it_by_its_own_link():
    stack = load_stack(shared=True)
    assert stack.databases == {"blue": "blue-postgres", "green": "blue-postgres"}
    assert "green-postgres" not in stack.names
    assert not [link for link in stack.links.values() if link.service == "green-postgres"]
    assert {"green-hydra->blue-postgres", "migrator->blue-postgres"} <= set(stack.links)
    assert stack.needs("green-hydra") == ["blue-postgres", "toxiproxy"]
    variables = container_variables(stack)
    assert "@toxiproxy:21023/" in stack.service("green-hydra", variables).environment["DSN"]
    assert "@toxiproxy:21034/" in stack.service("migrator", variables).environment["DSN"]
    edge = stack.service("edge", variables).environment
    assert edge["EDGE_GREEN_DSN"] == edge["EDGE_BLUE_DSN"]
    links = {name: 21000 + n for n, name in enumerate(stack.links)}
    on_loopback = loopback_variables(stack, {}, links)
    assert f":{links['green-hydra->blue-postgres']}/" in stack.service("green-hydra", on_loopback).environment["DSN"]


def test_two_databases_know_no_shared_link():
    stack = load_stack()
    assert stack.databases == {"blue": "blue-postgres", "green": "green-postgres"}
    assert not [link for link in stack.links.values() if link.shared]


@pytest.mark.parametrize(("name", "no_return"), [("20", True), ("21", False), ("30", True), ("10", False)])
def test_the_migration_is_a_point_of_no_return_where_blue_could_not_serve_again(name, no_return):
    scenario = load_scenario(name)
    entry = entry_of(scenario.step("migrate"), scenario)
    assert entry.point_of_no_return is no_return
    assert scenario.way_back_after_migration is not no_return


def test_a_chain_needs_both_the_older_version_and_the_step() -> None:
    chain = load_scenario("46")
    assert chain.stack.blue.first == "1.8.5" and chain.stack.blue.hydra == "1.11.10"
    for sets, what in (
        (["stack.blue.begins_as=1.11.10"], "never tried here as a step before the rest"),
        (["stack.blue.columns=explicit"], "it names its columns by itself"),
        (["stack.green.database=blue"], "goes on blue/green"),
    ):
        with pytest.raises(BadScenario, match=what):
            load_scenario("46", sets=sets)
    with pytest.raises(BadScenario, match="nothing takes it to"):
        load_scenario("10", sets=["stack.blue.begins_as=1.8.5"])
