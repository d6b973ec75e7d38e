"""In: the command line. Out: one verb's run; each verb is in a module of its group."""

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
    if context.invoked_subcommand not in {*SERVICES, "doctor"}:  # services log it, and `doctor` reports it
        for each in misspelt(os.environ):
            err.print(f"[yellow]warning:[/yellow] {escape(str(each))}")


def main() -> None:
    # Verbs print their own output; a service's logging configuration replaces this.
    logging.getLogger().addHandler(logging.NullHandler())
    structlog.configure(logger_factory=structlog.stdlib.LoggerFactory())  # its default prints to stdout
    try:
        app()
    except SystemExit as ended:
        if "temporalio.bridge" in sys.modules and isinstance(ended.code, int):
            _leave(ended.code)
        raise
    except Exception as error:
        if sys.argv[1:2] and sys.argv[1] in SERVICES:  # platforms collect their output
            raise
        print(crashes.message_of(error), file=sys.stderr)
        _leave(Exit.FAILED)


def _leave(code: int) -> NoReturn:
    """Ends the process without shutting the interpreter down: a thread of Temporal's client that then calls
    it aborts the process (temporalio/sdk-python, issue 300)."""
    atexit._run_exitfuncs()  # noqa: SLF001
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # the reader has gone
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
