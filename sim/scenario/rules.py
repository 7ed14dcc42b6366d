"""What one key alone cannot know: the order of steps, links, names of figures, versions.

Each rule yields what is wrong, where (a path into the scenario) and what to do; the loader
turns the path into file:line:column. The sentences say why, not only what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sim.history.figures import FIGURES, tolerable
from sim.scenario.expect import VERDICTS
from sim.scenario.faults import Anchor, Fault, condition
from sim.scenario.inplace import in_place
from sim.scenario.kinds import ONLY_ON, PartKind, keys_on, own_keys, unfit
from sim.scenario.messages import Broken, Path, suggest
from sim.scenario.model import Scenario
from sim.scenario.order import names, order, writes
from sim.scenario.quantities import duration_text
from sim.scenario.steps import Capture, Copy, Exec, Lifetime, Replay, Restore, Soak

BLUE_VERSIONS = ("1.8.5", "1.11.10")
GREEN_VERSIONS = ("1.11.10", "2.3.0")
POSTGRES_VERSIONS = (15, 16, 17, 18)
"""Source: HYDRA's migrations were tried on 15 and 18; both stacks use the same programs."""


def broken(scenario: Scenario, links: Sequence[str] | None, parts: dict[str, PartKind]) -> Iterator[Broken]:
    """Every rule that does not hold; `links` and `parts` are the stack's (None = do not look at them)."""
    for rule in _RULES:
        yield from rule(scenario)
    for path, fault in scenario.faults_with_paths():
        if links is not None and (wrong := misplaced(fault, links, parts)):
            yield Broken((*path, wrong[0]), *wrong[1:])


def misplaced(fault: Fault, links: Sequence[str], parts: dict[str, PartKind]) -> tuple[str, str, str] | None:
    """(key, what is wrong with it, what to do) of a fault's place; None if nothing is."""
    if fault.link is not None and fault.link not in links:
        return "link", f"the stack has no link `{fault.link}`", suggest(fault.link, links, what="links")
    if fault.part is not None and (wrong := unfit(fault.fault, fault.part, parts)):
        return "part", *wrong
    for key in own_keys(fault.fault):
        if fault.part is not None and getattr(fault, key) is not None and key not in keys_on(fault.fault, fault.part):
            only = ONLY_ON[fault.fault, key]
            return key, f"`{key}` belongs to the fault `{fault.fault}` on `{only}`, not on `{fault.part}`", (
                f"write part: {only}, or leave {key} out")
    if fault.from_ is not None:
        between = {frozenset(link.partition(":")[0].split("->")) for link in links}
        others = sorted({end for pair in between if fault.part in pair for end in pair} - {fault.part or ""})
        if fault.from_ not in others:
            what = f"no link leads between `{fault.part}` and `{fault.from_}`"
            return "from", what, suggest(fault.from_, others, what=f"{fault.part} is linked with")
    return None


def _versions(scenario: Scenario) -> Iterator[Broken]:
    stack = scenario.stack
    for side, version, known in (
        ("blue", stack.blue.hydra, BLUE_VERSIONS),
        ("green", stack.green.hydra, GREEN_VERSIONS),
    ):
        if version not in known:
            why = f"{side} can be Hydra {' or '.join(known)}"
            supported = f"supported: blue {', '.join(BLUE_VERSIONS)}, green {', '.join(GREEN_VERSIONS)}"
            yield Broken(("stack", side, "hydra"), f"Hydra {version} cannot be had for {side}: {why}", supported)
    for side, number in (("blue", stack.blue.postgres), ("green", stack.green.postgres)):
        if number not in POSTGRES_VERSIONS:
            known_pg = ", ".join(map(str, POSTGRES_VERSIONS))
            yield Broken(
                ("stack", side, "postgres"),
                f"PostgreSQL {number} cannot be had for {side}",
                f"supported: {known_pg}",
            )
    if stack.edge.answers == "shared" and not stack.edge.coalescing:
        yield Broken(("stack", "edge", "answers"), "no answer is kept to be shared: stack.edge.coalescing is 0s",
                     "write coalescing: 10s, or answers: own")
    if stack.green.postgres < stack.blue.postgres and not scenario.in_place:
        yield Broken(
            ("stack", "green", "postgres"),
            f"green's PostgreSQL {stack.green.postgres} is older than blue's {stack.blue.postgres}: "
            "a dump cannot be restored into an older server",
            f"write {stack.blue.postgres} or newer",
        )


def _single_steps(scenario: Scenario) -> Iterator[Broken]:
    captured = any(step.role == "capture" for step in scenario.runbook)
    for n, step in enumerate(scenario.runbook):
        if isinstance(step, Lifetime):
            yield from _lifetime(scenario, n, step)
        if isinstance(step, Copy) and step.by == "template":
            yield Broken(
                ("runbook", n, "by"),
                "a copy by template is not possible while blue serves: it is fixed when it ends, not by a snapshot, "
                "so no comparison could tell a lost row from a new one; and blue's fences and roles would come along",
                "write by: dump",
            )
        if isinstance(step, Restore) and scenario.stack.authz.cleanup is None:
            yield Broken(
                ("runbook", n),
                "restore without a cleanup job: authz keeps no grants of its own to put back",
                "write stack.authz.cleanup, or leave restore out",
                on_key=True,
            )
        if isinstance(step, Soak) and step.capture_back and not captured:
            yield Broken(
                ("runbook", n, "capture_back"),
                "capture_back without capture: nothing is captured at all",
                "add capture, or write capture_back: false",
            )
        if isinstance(step, Replay) and step.traffic == "buffered" and scenario.stack.edge.buffer == 0:
            yield Broken(
                ("runbook", n, "traffic"),
                "traffic cannot be buffered: stack.edge.buffer is 0s",
                "write stack.edge.buffer: 3s, or traffic: open",
            )
        if isinstance(step, Exec) and step.undo is None and not step.point_of_no_return:
            yield Broken(
                ("runbook", n),
                f"the step `{step.name}` has no undo",
                "write undo: [COMMAND], or point_of_no_return: true if there is none",
                on_key=True,
            )
        if step.least_s > step.deadline:
            takes, deadline = duration_text(step.least_s), duration_text(step.deadline)
            yield Broken(
                ("runbook", n, "deadline"),
                f"the deadline {deadline} is shorter than the step itself: it takes {takes}",
                f"write more than {takes}, or leave the deadline out",
            )
        if step.undo is not None and step.point_of_no_return:
            yield Broken(
                ("runbook", n, "point_of_no_return"),
                "a step with an undo is no point of no return",
                "keep one of the two",
            )
    records = [s.record for s in scenario.runbook if isinstance(s, Capture)]
    for n, step in enumerate(scenario.runbook):
        if isinstance(step, Replay) and records and (step.by == "token") != (records[0] == "request"):
            fits = "token" if records[0] == "request" else "grant"
            yield Broken(
                ("runbook", n, "by"),
                f"replay by {step.by} does not fit capture record: {records[0]}",
                f"write by: {fits}, or capture record: {'request' if step.by == 'token' else 'grant'}",
            )


def _lifetime(scenario: Scenario, n: int, step: Lifetime) -> Iterator[Broken]:
    old = scenario.tokens.access
    if step.dwell < old:
        yield Broken(
            ("runbook", n, "dwell"),
            f"dwell {duration_text(step.dwell)} is shorter than the old lifetime {duration_text(old)}: "
            "tokens issued before would expire in the window",
            f"write dwell: {duration_text(old)} or more",
        )
    if step.access < old:
        yield Broken(
            ("runbook", n, "access"),
            f"the lifetime is not raised: {duration_text(step.access)} instead of {duration_text(old)}",
            f"write more than {duration_text(old)}",
        )


def _drawn(scenario: Scenario) -> Iterator[Broken]:
    steps = [step.name for step in scenario.runbook]
    for n, phase in enumerate(scenario.nemesis.phases if scenario.nemesis is not None else ()):
        if phase not in steps:
            todo = suggest(phase, steps, what="steps")
            yield Broken(("nemesis", "phases", n), f"the runbook has no step `{phase}`", todo)


def _faults(scenario: Scenario) -> Iterator[Broken]:
    names: set[str] = set()
    for path, fault in scenario.faults_with_paths():
        if fault.name in names:
            yield Broken((*path, "name"), f"two faults are named `{fault.name}`", "give this one another name")
        names.add(fault.name)
        for key, instant in (("at", fault.at), ("until", fault.until)):
            if isinstance(instant, Anchor):
                yield from _instant(scenario, instant, (*path, key))


def _points(scenario: Scenario) -> Iterator[Broken]:
    """What waits for a point must be able to come to it."""
    roles = [step.role for step in scenario.runbook]
    for path, fault in scenario.faults_with_paths():
        if fault.after is not None and "capture" not in roles:
            yield Broken((*path, "after"), f"{fault.name} would wait for ever: no revocation is captured",
                         "add capture, or leave after out")
        if fault.message is not None and "replay" not in roles:
            yield Broken((*path, "message"), f"{fault.name} would wait for ever: nothing is replayed",
                         "add replay, or leave message out")
        elif fault.message is not None and isinstance(fault.at, Anchor) and not _precedes(scenario, fault.at, "replay"):
            yield Broken((*path, "at"), "the replayer works by then, and is told where to stop before it begins",
                         "write at: cutover, or at: replay without more")


def _precedes(scenario: Scenario, instant: Anchor, role: str) -> bool:
    """Whether an instant is the beginning of the step of that role, or comes before it; True if it is none at all."""
    roles, names = [step.role for step in scenario.runbook], [step.name for step in scenario.runbook]
    within = {"snapshot": "copy", "switch": "cutover"}.get(instant.step)
    steps, name = (roles, within) if within else (names, instant.step.removesuffix(".end"))
    if name not in steps:
        return True
    anchor, last = steps.index(name), roles.index(role)
    return anchor < last or (anchor == last and instant == Anchor(names[last]))


def _instant(scenario: Scenario, instant: Anchor, path: Path) -> Iterator[Broken]:
    steps = [step.name for step in scenario.runbook]
    anchor = instant.step.removesuffix(".end")
    if instant.step not in ("snapshot", "switch") and anchor not in steps:
        known = [*steps, "snapshot", "switch"]
        yield Broken(path, f"the runbook has no step `{anchor}`", suggest(anchor, known, what="instants"))
    missing = {"snapshot": "copy", "switch": "cutover"}.get(instant.step)
    if missing and missing not in [step.role for step in scenario.runbook]:
        yield Broken(path, f"there is no {instant.step} without {missing}", f"add {missing}")


def _figure(name: str, path: Path, *, on_key: bool) -> Broken | None:
    """What is wrong with a figure's name, or None."""
    check, _, figure = name.partition(".")
    if check not in FIGURES:
        return Broken(path, f"there is no check `{check}`", suggest(check, FIGURES, what="checks"), on_key)
    if figure not in FIGURES[check]:
        known = [f"{check}.{f}" for f in FIGURES[check]]
        what = f"the check {check} has no figure `{figure}`"
        return Broken(path, what, suggest(name, known, what="figures") if known else "it has none", on_key)
    return None


def _tolerances(scenario: Scenario) -> Iterator[Broken]:
    for name, tolerance in scenario.tolerate.items():
        if wrong := _figure(name, ("tolerate", name), on_key=True):
            yield wrong
            continue
        figure = tolerable(*name.split("."))
        if figure is None:
            yield Broken(
                ("tolerate", name),
                f"{name} only tells something: there is no limit to it",
                f"rehearse explain {name.partition('.')[0]} lists what can be tolerated",
                on_key=True,
            )
        elif tolerance.max != "all" and tolerance.unit not in (figure.unit, *figure.also):
            yield Broken(
                ("tolerate", name, "max"),
                f"{name} is not measured so: {_units(figure.unit, figure.also)}",
                f"write it like {_example(figure.unit)}",
            )


def _units(own: str, also: tuple[str, ...]) -> str:
    words = {"count": "a count", "s": "a duration", "share": "a share", "times": "a factor"}
    return "it is " + " or ".join(words[unit] for unit in (own, *also))


def _example(unit: str) -> str:
    return {"count": "60", "s": "5s", "share": "0.5%", "times": "3x"}[unit]


def _guards(scenario: Scenario) -> Iterator[Broken]:
    for n, guard in enumerate(scenario.guards):
        path: Path = ("guards", n, "when")
        wrong = _figure(guard.figure, path, on_key=False)
        if wrong:
            yield wrong
            continue
        check, _, name = guard.figure.partition(".")
        figure = FIGURES[check][name]
        unit = condition(guard.when).unit
        if unit != figure.unit:
            yield Broken(
                path,
                f"{guard.figure} is not measured so: {_units(figure.unit, ())}",
                f"write it like {guard.figure} {guard.op} {_example(figure.unit)}",
            )


def _expectations(scenario: Scenario) -> Iterator[Broken]:
    for check, verdict in scenario.expect.checks.items():
        if verdict not in VERDICTS:
            todo = suggest(verdict, VERDICTS, what="verdicts")
            yield Broken(("expect", check), f"`{verdict}` is not a verdict", todo)
        if check not in FIGURES:
            yield Broken(
                ("expect", check),
                f"there is no check `{check}`",
                suggest(check, FIGURES, what="checks"),
                True,
            )
    for name in scenario.expect.figures:
        if wrong := _figure(name, ("expect", name), on_key=True):
            yield wrong


def _clients(scenario: Scenario) -> Iterator[Broken]:
    clients = scenario.population.clients
    if clients.web + clients.cli + clients.mcp == 0:
        todo = "write at least one web, cli or mcp client"
        yield Broken(("population", "clients"), "no client has users: web, cli and mcp are all 0", todo)
    if clients.service == 0 and scenario.traffic.mix.get("client_credentials", 0) > 0:
        yield Broken(
            ("population", "clients", "service"),
            "nobody can send the mix's client_credentials: service is 0",
            "write at least one, or client_credentials: 0%",
        )


_RULES: tuple[Callable[[Scenario], Iterator[Broken]], ...] = (
    _versions,
    _clients,
    names,
    order,
    writes,
    _single_steps,
    in_place,
    _faults,
    _points,
    _drawn,
    _guards,
    _tolerances,
    _expectations,
)
