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

from archon.cli import crashes, demo, keys
from archon.cli.backfill import command as backfill
from archon.cli.bench import command as bench
from archon.cli.capacity import command as capacity
from archon.cli.dead_letters import command as dlq
from archon.cli.documents import command as documents
from archon.cli.documents import delete
from archon.cli.estate import doctor, reconcile, setup
from archon.cli.ingest import command as ingest
from archon.cli.stack import control, services, up
from archon.cli.terminal.output import Exit, err
from archon.runtime.misspelt import misspelt

app = typer.Typer(
    name="enrich",
    help="Index documents at once, enrich them durably in the background.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.command("demo")(demo.demo)
app.command("up")(up.up)
for of_the_stack in (control.ps, control.stop, control.start, control.restart, control.logs):
    app.command(rich_help_panel="The stack that `enrich up` runs")(of_the_stack)
app.add_typer(bench.app, name="bench")
app.command("plan")(capacity.plan)
app.command("ingest")(ingest.ingest_path)
app.command("publish")(documents.publish_file)
app.command("status")(documents.status)
app.command("doctor")(doctor.doctor)
app.command("search")(documents.search)
app.command("delete")(delete.delete)
app.add_typer(dlq.app, name="dlq")
app.add_typer(backfill.app, name="backfill")
app.add_typer(keys.app, name="keys")
app.command("validate")(reconcile.validate)
app.command("reconcile")(reconcile.reconcile)
app.command("setup")(setup.setup)
app.add_typer(setup.topics, name="topics")

SERVICES = {
    "bridge": services.run_bridge,
    "ingress": services.run_ingress,
    "worker": services.run_worker,
    "intelligence": services.run_intelligence,
}


@app.callback()
def begin(context: typer.Context) -> None:
    if context.invoked_subcommand not in {*SERVICES, "doctor"}:  # a service logs it, and `doctor` tells of it
        for each in misspelt(os.environ):
            err.print(f"[yellow]warning:[/yellow] {escape(str(each))}")


for verb, serve in SERVICES.items():
    app.command(verb, rich_help_panel="One service each")(serve)


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
