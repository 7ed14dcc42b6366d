"""The command line's entry: parse, dispatch, and end with the contract's exit codes.

254 bad input or usage, 255 the tool failed, 1 broken, 2 unknown, 3 rolled back, 0 held. Usage
errors would be 2 in typer, which here means unknown; so parsing is driven from here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer
from typer._click import exceptions as usage  # typer brings its own click; it is pinned exactly

from sim.cli.commands import Lazy, hint
from sim.cli.output import complain, complain_bug, complain_usage, progress
from sim.errors import DiskFull, RehearsalError

HELP = """A local rehearsal of an OAuth server's upgrade: real Ory Hydra, real Postgres, real faults,
and a verdict that can be trusted.

First steps: rehearse doctor, rehearse scenarios, rehearse run 10."""

app = typer.Typer(
    cls=Lazy,
    rich_markup_mode=None,
    invoke_without_command=True,
    help=HELP,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"hydra-rehearsal {version('hydra-rehearsal')}")
        raise typer.Exit


@app.callback()
def rehearse(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="say the version")
    ] = False,
) -> None:
    """Without a command: a picker on a terminal, this help in a pipe."""
    if context.invoked_subcommand is not None:
        return
    if sys.stdin.isatty() and sys.stdout.isatty():
        from sim.cli.picker import pick

        chosen = pick()
        raise typer.Exit(call(chosen) if chosen else 0)
    typer.echo(context.get_help())


def call(arguments: Sequence[str]) -> int:
    """Run one command line; returns the exit code and never raises."""
    group = typer.main.get_command(app)
    try:
        group._main_shell_completion({}, "rehearse")
        with group.make_context("rehearse", list(arguments)) as context:
            code = group.invoke(context)
        sys.stdout.flush()
        return code if isinstance(code, int) and not isinstance(code, bool) else 0
    except typer.Exit as done:
        return done.exit_code
    except usage.UsageError as error:
        shown = error.ctx.get_usage() if error.ctx is not None else ""
        return complain_usage(_sentence(error), usage=shown.replace("Usage:", "usage:"), todo=hint(error))
    except RehearsalError as error:
        return complain(error)
    except (typer.Abort, KeyboardInterrupt, EOFError):
        progress("interrupted")
        return 255
    except BrokenPipeError:
        # Whoever read us has enough; Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        full = DiskFull.of(error)
        return complain(full) if full is not None else complain_bug(error)


def _sentence(error: usage.UsageError) -> str:
    if isinstance(error, usage.NoSuchOption):
        return f"there is no flag `{error.option_name}`"
    said = error.format_message().rstrip(".").replace("Value error, ", "")
    return said[:1].lower() + said[1:]


def main() -> NoReturn:
    """The console script `rehearse`."""
    sys.exit(call(sys.argv[1:]))


if __name__ == "__main__":
    main()
