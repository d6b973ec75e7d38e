"""In: a verb of the command line. Out: its command, imported when it is run.

All verbs together take a second to import, which neither `enrich --help` nor any one of them should pay.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group


class Verb(NamedTuple):
    """`attribute` of `module` is the verb's function, or the Typer app of a group of verbs. `help` is what
    its own help begins with; `panel`: under which heading it is listed."""

    name: str
    module: str
    attribute: str
    help: str
    panel: str | None = None

    def load(self) -> Any:
        """Its command, with all that it imports."""
        found, alone = getattr(import_module(self.module), self.attribute), typer.Typer()
        if isinstance(found, typer.Typer):
            alone.add_typer(found, name=self.name)
        else:
            alone.command(self.name)(found)
        return get_group(alone).commands[self.name]

    def listed(self) -> TyperCommand:
        """As much of it as a listing shows."""
        return TyperCommand(self.name, help=self.help, rich_help_panel=self.panel)


_STACK: Final = "The stack that `enrich up` runs"
_SERVICE: Final = "One service each"
_SERVICES_MODULE: Final = "archon.cli.stack.services"
VERBS: Final = (
    Verb(
        "demo",
        "archon.cli.demo",
        "demo",
        "Start the stack, ingest PATH, wait until all of it is enriched, and show what was found.",
    ),
    Verb(
        "up",
        "archon.cli.stack.up",
        "up",
        "Run everything: servers and services, until Ctrl-C. What ends by itself is started again.",
    ),
    Verb(
        "ps",
        "archon.cli.stack.control",
        "ps",
        "List the servers and services of the stack: state, process and log.",
        _STACK,
    ),
    Verb(
        "stop",
        "archon.cli.stack.control",
        "stop",
        "Stop a service and hold it down, until `enrich start`.",
        _STACK,
    ),
    Verb(
        "start",
        "archon.cli.stack.control",
        "start",
        "Start a service that is stopped, or waits to be started again; returns when it serves.",
        _STACK,
    ),
    Verb(
        "restart",
        "archon.cli.stack.control",
        "restart",
        "Stop a service and start it; returns when it serves.",
        _STACK,
    ),
    Verb(
        "logs",
        "archon.cli.stack.control",
        "logs",
        "Print the end of a service's log, also of a stack that runs no more.",
        _STACK,
    ),
    Verb(
        "plan",
        "archon.cli.capacity.command",
        "plan",
        "Compute what a rate and a number of documents need, and what is full first (docs/scale.md).",
    ),
    Verb(
        "ingest",
        "archon.cli.ingest.command",
        "ingest_path",
        "Index and enrich every text file under PATH that git does not ignore; skips binary and large files.",
    ),
    Verb(
        "publish",
        "archon.cli.documents.command",
        "publish_file",
        "Put one enrichment request on Kafka. correlation_id and indexed_at are made where they are missing.",
    ),
    Verb(
        "status",
        "archon.cli.documents.command",
        "status",
        "Show one document; or counts, each service and server, and what documents wait for.",
    ),
    Verb(
        "doctor",
        "archon.cli.estate.doctor",
        "doctor",
        "Ask every part, and say what is wrong, why, and what to do next, causes first.",
    ),
    Verb(
        "search",
        "archon.cli.documents.command",
        "search",
        "Find symbols and sections by name and meaning.",
    ),
    Verb(
        "delete",
        "archon.cli.documents.delete",
        "delete",
        "Delete a document, or a whole project, with all that was made of it; waits until it is removed.",
    ),
    Verb(
        "validate",
        "archon.cli.estate.reconcile",
        "validate",
        "Tell whether everything that was submitted is there, and whether all stores agree. Writes nothing.",
    ),
    Verb(
        "reconcile",
        "archon.cli.estate.reconcile",
        "reconcile",
        "Compare graph, vectors, content store, parked runs and dead letters, one by one; with --apply,"
        " repair.",
    ),
    Verb(
        "setup",
        "archon.cli.estate.setup",
        "setup",
        "Make everything that the services need: topics, namespace, graph schema, collection. Safe to"
        " repeat.",
    ),
    Verb("bridge", _SERVICES_MODULE, "run_bridge", "Serve the bridge: HTTP in.", _SERVICE),
    Verb(
        "ingress",
        _SERVICES_MODULE,
        "run_ingress",
        "Run the Kafka ingress: requests from Kafka to Temporal.",
        _SERVICE,
    ),
    Verb(
        "worker",
        _SERVICES_MODULE,
        "run_worker",
        "Run the Temporal worker: the workflows and activities.",
        _SERVICE,
    ),
    Verb(
        "intelligence",
        _SERVICES_MODULE,
        "run_intelligence",
        "Serve the reference intelligence service.",
        _SERVICE,
    ),
    Verb(
        "bench",
        "archon.cli.bench.command",
        "app",
        "Load test: index and enrich generated documents, and tell what that cost.",
    ),
    Verb(
        "dlq",
        "archon.cli.dead_letters.command",
        "app",
        "Dead letters: what failed for good, and what to do about it.",
    ),
    Verb(
        "backfill",
        "archon.cli.backfill.command",
        "app",
        "Enrich what was indexed without: find it, and request it.",
    ),
    Verb("keys", "archon.cli.keys", "app", "API keys: who may read and write which projects."),
    Verb(
        "topics",
        "archon.cli.estate.setup",
        "topics",
        "Kafka's topics: create those that are missing, list them.",
    ),
)
_BY_NAME: Final = {verb.name: verb for verb in VERBS}
SERVICES: Final = frozenset(verb.name for verb in VERBS if verb.panel == _SERVICE)


class Verbs(TyperGroup):
    """Lists every verb by what VERBS says of it, and imports the one that is run."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {verb.name: verb.listed() for verb in VERBS}

    def resolve_command(self, ctx: Any, args: Sequence[str]) -> Any:
        if args[0] in _BY_NAME:
            return args[0], _BY_NAME[args[0]].load(), args[1:]
        return super().resolve_command(ctx, list(args))
