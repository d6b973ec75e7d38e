"""In: the name of a verb. Out: its command, imported on use.

Importing all verbs takes a second, too long for `enrich --help` or a single verb.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group


class Verb(NamedTuple):
    """`attribute` of `module` is the verb's function, or the Typer app of a group of verbs. `help` must be
    the start of its own help; `panel`: its heading in the listing."""

    name: str
    module: str
    attribute: str
    help: str
    panel: str | None = None

    def load(self) -> Any:
        """Its command, with all its imports."""
        found, alone = getattr(import_module(self.module), self.attribute), typer.Typer()
        if isinstance(found, typer.Typer):
            alone.add_typer(found, name=self.name)
        else:
            alone.command(self.name)(found)
        return get_group(alone).commands[self.name]

    def listed(self) -> TyperCommand:
        """The part of it that a listing shows."""
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
        "Run everything: servers and services, until Ctrl-C. Processes that end are restarted.",
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
        "Stop a service and keep it stopped until `enrich start`.",
        _STACK,
    ),
    Verb(
        "start",
        "archon.cli.stack.control",
        "start",
        "Start a service that is stopped or waits for its restart; returns when it serves.",
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
        "Print the end of a service's log, even if the stack no longer runs.",
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
        "Put one enrichment request on Kafka. Missing values of correlation_id and indexed_at are generated.",
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
        "Check every part, and say what is wrong, why, and what to do next, causes first.",
    ),
    Verb(
        "search",
        "archon.cli.documents.command",
        "search",
        "Find symbols and sections by name and meaning.",
    ),
    Verb(
        "graph",
        "archon.cli.graph.command",
        "app",
        "Questions about code: where a symbol is, what refers to it, what depends on a change.",
    ),
    Verb(
        "delete",
        "archon.cli.documents.delete",
        "delete",
        "Delete a document, or a whole project, with all derived data; waits until it is removed.",
    ),
    Verb(
        "validate",
        "archon.cli.estate.reconcile",
        "validate",
        "Check that everything submitted is there, and that all stores agree. Writes nothing.",
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
        "Create everything that the services need: topics, namespace, graph schema, collection. Safe to"
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
        "Load test: index and enrich generated documents, and measure the cost.",
    ),
    Verb(
        "dlq",
        "archon.cli.dead_letters.command",
        "app",
        "Dead letters: permanent failures, and what to do about them.",
    ),
    Verb(
        "backfill",
        "archon.cli.backfill.command",
        "app",
        "Enrich documents that were indexed without enrichment.",
    ),
    Verb("keys", "archon.cli.keys", "app", "API keys: access to projects."),
    Verb(
        "topics",
        "archon.cli.estate.setup",
        "topics",
        "Kafka topics: create missing ones, list all.",
    ),
)
_BY_NAME: Final = {verb.name: verb for verb in VERBS}
SERVICES: Final = frozenset(verb.name for verb in VERBS if verb.panel == _SERVICE)


class Verbs(TyperGroup):
    """Lists all verbs from VERBS, and imports the one that runs."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {verb.name: verb.listed() for verb in VERBS}

    def resolve_command(self, ctx: Any, args: Sequence[str]) -> Any:
        if args[0] in _BY_NAME:
            return args[0], _BY_NAME[args[0]].load(), args[1:]
        return super().resolve_command(ctx, list(args))
