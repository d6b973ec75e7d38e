"""In: the settings of an installation. Out: its topics, namespace, schema and collection, created or listed.

Server clients are imported on use: they take most of a second.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archon.cli.terminal.output import Exit, Format, FormatOption, exit_codes, print_error, print_json, table
from archon.runtime.settings import Settings

if TYPE_CHECKING:
    from archon.runtime.kafka.topics import TopicState

topics = typer.Typer(no_args_is_help=True, help="Kafka topics: create missing ones, list all.")

Copies = Annotated[
    int | None,
    typer.Option(
        "--replication-factor",
        min=1,
        show_default=False,
        help="Replicas of each new topic; default: one per broker, at most three.",
    ),
]


def setup(
    replication_factor: Copies = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for servers that do not answer.")] = 0,
    output: FormatOption = Format.TABLE,
) -> None:
    """Create everything that the services need: topics, namespace, graph schema, collection. Safe to
    repeat."""
    from archon.cli.estate.provisioning import provision  # noqa: PLC0415

    parts, failures = _run(lambda settings: provision(settings, replication_factor, wait))
    if output is Format.JSON:
        messages = {part: str(error) for part, error in failures.items()}
        print_json({"parts": [each.model_dump(mode="json") for each in parts], "failures": messages})
    elif parts:
        rows = [(each.part, each.name, each.status, each.detail) for each in parts]
        table("", ("part", "name", "status", "detail"), rows)
    for error in list(failures.values())[1:]:
        print_error(error)
    with exit_codes():
        for error in failures.values():
            raise error


@topics.command("create")
def create(replication_factor: Copies = None, output: FormatOption = Format.TABLE) -> None:
    """Create the missing topics; existing ones are not changed."""
    from archon.runtime.kafka.topics import create_topics  # noqa: PLC0415

    _print_topics(_run(lambda settings: create_topics(settings, replication_factor)), output)


@topics.command("list")
def list_topics(output: FormatOption = Format.TABLE) -> None:
    """List the topics and their differences from the plan; exits with 10 if a topic is missing or differs."""
    from archon.runtime.kafka.topics import describe_topics  # noqa: PLC0415

    found = _run(describe_topics)
    _print_topics(found, output)
    if any(topic.status in {"missing", "differs"} for topic in found):
        raise typer.Exit(Exit.UNHEALTHY)


def _run(work: Callable[[Settings], Coroutine[Any, Any, Any]]) -> Any:
    with exit_codes():
        return asyncio.run(work(Settings.load()))


def _print_topics(found: "Sequence[TopicState]", output: Format) -> None:
    if output is Format.JSON:
        print_json({"topics": [topic.model_dump(mode="json") for topic in found]})
        return
    rows = [
        (topic.name, topic.status, topic.partitions, topic.replication_factor, topic.detail)
        for topic in found
    ]
    table("", ("topic", "status", "partitions", "replicas", "differs"), rows)
