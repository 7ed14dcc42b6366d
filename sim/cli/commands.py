"""Which commands there are, and how one is loaded when it is called.

Nothing of a command is imported before it is called, so `rehearse --help` costs only typer. A
command is a plain function with typer's annotations; its name and module stand in `COMMANDS`.
Each of its flags can also come from the environment: `--run-dir` is REHEARSE_RUN_DIR.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import importlib.util
import inspect
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import typer
from typer._click import exceptions as usage  # typer brings its own click; it is pinned exactly
from typer.core import TyperArgument, TyperGroup, TyperOption

from sim.errors import RehearsalError

Click = Any
"""typer's own command and context types are private; they only pass through here."""


class Command(NamedTuple):
    """One command: where its function is and what the list says of it."""

    module: str
    function: str
    does: str


COMMANDS: dict[str, Command] = {
    "run": Command("sim.cli.run", "run", "one rehearsal"),
    "compare": Command("sim.cli.compare", "compare", "scenarios or runs side by side"),
    "gameday": Command("sim.cli.gameday", "gameday", "a rehearsal with people, roles and surprises"),
    "resume": Command("sim.cli.resume", "resume", "take up a run whose harness was killed: back to blue"),
    "shrink": Command("sim.cli.shrink", "shrink", "the few faults that it takes to break what a run broke"),
    "judge": Command("sim.cli.judge", "judge", "judge a stored run again"),
    "watch": Command("sim.cli.watch", "watch", "the screen: live, or a stored run replayed"),
    "ctl": Command("sim.cli.ctl", "ctl", "command a running rehearsal from another terminal"),
    "report": Command("sim.cli.report", "report", "a finished run's report"),
    "runs": Command("sim.cli.runs", "runs", "the runs of this folder, newest first"),
    "env": Command("sim.cli.up", "env", "addresses of a running stack, to eval"),
    "up": Command("sim.cli.up", "up", "start the stack alone"),
    "down": Command("sim.cli.up", "down", "stop the stack"),
    "doctor": Command("sim.cli.doctor", "doctor", "what is here and what is missing"),
    "scenarios": Command("sim.cli.scenarios", "scenarios", "the scenarios: what each asks and expects"),
    "new": Command("sim.cli.new", "new", "begin a scenario of your own"),
    "validate": Command("sim.cli.validate", "validate", "check a scenario without starting anything"),
    "schema": Command("sim.cli.schema", "schema", "the scenario file's JSON Schema, for editors"),
    "explain": Command("sim.cli.explain", "explain", "what a check, step, fault, key or exit code means"),
    "bench": Command("", "", "benchmarks of edge, sender, screen, checks, faults"),
    "clean": Command("sim.cli.clean", "clean", "remove what belongs to no living run"),
    "test": Command("sim.cli.test", "test", "the project's tests, or scenarios held to what they expect"),
}

BENCHES: dict[str, Command] = {
    "edge": Command("sim.cli.bench_edge", "bench_edge", "what the edge costs a request"),
    "overload": Command("sim.cli.bench_overload", "bench_overload", "what the edge does with twice what Hydra answers"),
    "sender": Command("sim.cli.bench_sender", "bench_sender", "how exactly the sender sends"),
    "screen": Command("sim.cli.bench_screen", "bench_screen", "how soon the screen answers, and what it costs"),
    "checker": Command("sim.cli.bench_checker", "bench_checker", "how fast a history is judged"),
    "faults": Command("sim.cli.bench_faults", "bench_faults", "each kind of fault in each phase, proven"),
    "kills": Command("sim.cli.bench_kills", "bench_kills", "what is lost or left when the harness is killed"),
    "replay": Command("sim.cli.bench_replay", "bench_replay", "a million captured revocations, once in effect"),
    "recall": Command("sim.cli.bench_recall", "bench_recall", "whether the checks find planted bugs, and no others"),
}


class Lazy(TyperGroup):
    """A group whose commands are loaded when they are called."""

    table: dict[str, Command] = COMMANDS

    def list_commands(self, ctx: Click) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: Click, cmd_name: str) -> Click:
        if cmd_name not in self.table:
            return None
        if cmd_name not in self.commands:
            self.commands[cmd_name] = (
                bench() if not self.table[cmd_name].module else load(cmd_name, self.table[cmd_name])
            )
        return self.commands[cmd_name]

    def resolve_command(self, ctx: Click, args: list[str]) -> Any:
        if args[0] not in self.table and not args[0].startswith("-"):
            raise usage.UsageError(f"there is no command `{args[0]}`", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Click, formatter: Click) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.does) for name, command in self.table.items()])

    def shell_complete(self, ctx: Click, incomplete: str) -> list[Any]:
        from typer._click.shell_completion import CompletionItem

        return [
            CompletionItem(name, help=command.does)
            for name, command in self.table.items()
            if name.startswith(incomplete)
        ]


class Benches(Lazy):
    """`rehearse bench …`."""

    table = BENCHES


def bench() -> Click:
    """The group of benchmarks."""
    app = typer.Typer(cls=Benches, rich_markup_mode=None, add_completion=False)
    app.callback()(_benches)
    group = typer.main.get_command(app)
    group.name = "bench"
    return group


def _benches() -> None:
    """Benchmarks: what the tool itself costs, and how exactly it measures."""


def load(name: str, command: Command) -> Click:
    """The command's click object, from its function's signature.

    Raises RehearsalError if its module or function isn't there.
    """
    if importlib.util.find_spec(command.module) is None:
        raise RehearsalError(
            f"the command `{name}` is not part of this installation",
            where=command.module,
            todo="install hydra-rehearsal completely, or use its checkout",
        )
    module = importlib.import_module(command.module)
    function = getattr(module, command.function, None) or getattr(module, "main", None)
    if function is None:
        raise RehearsalError(f"the command `{name}` has no function", where=f"{command.module}.{command.function}")
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    app.command(name, help=_help(function))(_plain(function))
    loaded = typer.main.get_command(app)
    loaded.name = name
    for parameter in loaded.params:
        _from_environment(parameter)
        _completed(parameter)
    return loaded


def _help(function: Callable[..., Any]) -> str:
    """The docstring without what only programmers ask."""
    paragraphs = (inspect.getdoc(function) or "").split("\n\n")
    return "\n\n".join(p for p in paragraphs if not p.startswith(("Raises", "Args", "Returns")))


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """A coroutine function as one that can be called."""
    if not inspect.iscoroutinefunction(function):
        return function

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return asyncio.run(function(*args, **kwargs))

    return call


def _from_environment(parameter: Any) -> None:
    """Let a flag also come from REHEARSE_<FLAG>, unless it names a variable itself."""
    if isinstance(parameter, TyperOption) and parameter.envvar is None:
        flags = [flag for flag in parameter.opts if flag.startswith("--") and flag != "--help"]
        if flags:
            parameter.envvar = "REHEARSE_" + flags[0].lstrip("-").replace("-", "_").upper()
            parameter.show_envvar = False


def _completed(parameter: Any) -> None:
    """Offer scenarios and runs where an argument of that name takes one."""
    if not isinstance(parameter, TyperArgument) or parameter._custom_shell_complete is not None:
        return
    if parameter.name in ("scenario", "scenarios"):
        from sim.cli.scenarios import complete_scenario as complete
    elif parameter.name in ("run", "runs"):
        from sim.cli.runs import complete_run as complete
    else:
        return
    parameter._custom_shell_complete = lambda _context, _parameter, incomplete: complete(incomplete)


def hint(error: usage.UsageError) -> str:
    """What to do about a usage error: the nearest command or flag, or where help is."""
    from sim.scenario.messages import did_you_mean  # brings pydantic along: only when something is wrong

    context = error.ctx
    path = context.command_path if context is not None else "rehearse"
    if isinstance(error, usage.NoSuchOption) and context is not None:
        flags = [flag for p in context.command.params for flag in p.opts if not isinstance(p, TyperArgument)]
        near = did_you_mean(error.option_name, flags)
        return near or f"{path} --help lists the flags"
    if isinstance(error, usage.BadParameter):
        seen, *choices = re.findall(r"'([^']*)'", error.message) or [""]
        near = did_you_mean(seen, choices)
        return near or f"{path} --help"
    group = context.command if context is not None else None
    words = error.message.split("`")
    if isinstance(group, Lazy):
        near = did_you_mean(words[1], group.table) if len(words) == 3 else ""
        return near or f"one of {', '.join(group.table)}"
    return f"{path} --help"
