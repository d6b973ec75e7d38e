"""In: the command line. Out: one verb's run; every verb lives in a file of its group."""

import atexit
import contextlib
import logging
import os
import sys
from typing import NoReturn

import structlog
import typer
from rich.markup import escape

from archon.cli import crashes
from archon.cli.terminal.output import Exit, err
from archon.cli.verbs import SERVICES, Verbs
from archon.runtime.misspelt import misspelt

app = typer.Typer(
    name="enrich",
    cls=Verbs,
    help="Index documents at once, enrich them durably in the background.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def begin(context: typer.Context) -> None:
    if context.invoked_subcommand not in {*SERVICES, "doctor"}:  # a service logs it, and `doctor` tells of it
        for each in misspelt(os.environ):
            err.print(f"[yellow]warning:[/yellow] {escape(str(each))}")


def main() -> None:
    # Verbs speak for themselves; a service's own logging replaces this.
    logging.getLogger().addHandler(logging.NullHandler())
    structlog.configure(logger_factory=structlog.stdlib.LoggerFactory())  # by itself it prints to stdout
    try:
        app()
    except SystemExit as ended:
        if "temporalio.bridge" in sys.modules and isinstance(ended.code, int):
            _leave(ended.code)
        raise
    except Exception as error:
        if sys.argv[1:2] and sys.argv[1] in SERVICES:  # whose platform collects what they print
            raise
        print(crashes.message_of(error), file=sys.stderr)
        _leave(Exit.FAILED)


def _leave(code: int) -> NoReturn:
    """End without taking the interpreter down: a thread of Temporal's client that calls it then aborts the
    process (temporalio/sdk-python, issue 300)."""
    atexit._run_exitfuncs()  # noqa: SLF001
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # nobody reads it any more
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
