"""In: requests, queries and ids. Out: the answers of bridge and broker: publish, status, search."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer
from pydantic import ValidationError

from archon.cli.documents import reasons
from archon.cli.documents import watch as watching
from archon.cli.estate import shown as estate
from archon.cli.ingest import report
from archon.cli.terminal.output import (
    Format,
    FormatOption,
    a_project,
    counted,
    err,
    exit_codes,
    note_workflows,
    out,
    print_json,
    table,
)
from archon.clients.bridge import BridgeApi
from archon.contracts import names
from archon.contracts.errors import InvalidInputError
from archon.contracts.events import EnrichmentRequest
from archon.contracts.operations.parked import ParkedDocument
from archon.contracts.types import DocumentType, EnrichmentStatus
from archon.contracts.views import DocumentRow
from archon.runtime.http.problems import fields_of
from archon.runtime.kafka.publisher import KafkaPublisher
from archon.runtime.settings import Settings

_KAFKA_SECONDS = 3.0
_LISTED = 10
Project = Annotated[
    str | None,
    typer.Option("--project-name", "-p", help="The project to read or write.", callback=a_project),
]


def publish_file(
    file: Annotated[
        Path, typer.Argument(help="JSON file with one enrichment request; - reads standard input.")
    ],
    output: FormatOption = Format.TABLE,
) -> None:
    """Put one enrichment request on Kafka. Missing values of correlation_id and indexed_at are generated."""

    async def run() -> None:
        settings = Settings.load().model_copy(update={"kafka_publish_timeout": _KAFKA_SECONDS})
        request = _read_request(file)
        async with KafkaPublisher.connect(settings, "cli") as publisher:
            await publisher.ping()
            await publisher.request(request)
        workflow_id = names.enrichment_workflow_id(request.document_id, request.content_hash)
        if output is Format.JSON:
            print_json({"workflow_id": workflow_id, "correlation_id": request.correlation_id})
        else:
            out.print(f"published; follow it at {settings.workflow_url(workflow_id)}")

    with exit_codes():
        asyncio.run(run())


def _read_request(file: Path) -> EnrichmentRequest:
    text = typer.get_text_stream("stdin").read() if str(file) == "-" else file.read_text()
    try:
        given = json.loads(text)
    except ValueError as error:
        raise InvalidInputError(str(file), f"is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise InvalidInputError(str(file), "is not a JSON object")
    derived = {"correlation_id": str(uuid4()), "indexed_at": datetime.now(UTC).isoformat()}
    try:
        return EnrichmentRequest.model_validate({**derived, **given})
    except ValidationError as error:
        reasons = "; ".join(
            f"{item['field']}: {item['reason']}" for item in fields_of(error.errors(), skip=0)
        )
        raise InvalidInputError(str(file), reasons) from error


def status(
    document: Annotated[str | None, typer.Argument(help="A document id; default: all documents.")] = None,
    project_name: Project = None,
    list_status: Annotated[
        EnrichmentStatus | None, typer.Option("--list", help="List the documents with this status.")
    ] = None,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch", "-w", help="Show changes: of a document until its end, otherwise until Ctrl-C."
        ),
    ] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show one document; or counts, each service and server, and what documents wait for.

    With --watch of a document, the exit code shows its end: 0 enriched, 1 parked or discarded.
    """
    if list_status is not None and (document is not None or watch):
        raise typer.BadParameter(
            "lists documents; it cannot be combined with an id or --watch", param_hint="--list"
        )

    async def run() -> None:
        settings = Settings.load()
        async with BridgeApi.connect(settings) as api:
            if watch:
                raise typer.Exit(await watching.watch(api, document, project_name, output))
            if document is not None:
                await _show_document(api, document, project_name, output)
            elif list_status is not None:
                await _list_documents(api, project_name, list_status, output)
            else:
                await estate.show(api, settings, project_name, output)

    with exit_codes():
        asyncio.run(run())


def _some(names: list[str]) -> str:
    return ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")


async def _show_document(api: BridgeApi, document: str, project: str | None, output: Format) -> None:
    found = await api.document(document, project)
    if output is Format.JSON:
        print_json(found)
        return
    rows = [
        ("File", f"{found.project_name} · {found.file_path}"),
        ("Status", f"{found.enrichment_status} · version {found.version}"),
        ("Waiting", estate.sentence(found.waiting_for) if found.waiting_for else None),
        ("Quality", found.quality_score),
        ("Complexity", found.complexity_score),
        ("Patterns", ", ".join(found.patterns_detected)),
        ("Anti-patterns", ", ".join(found.anti_patterns_detected)),
        ("Not understood", counted(found.not_understood, "line") if found.not_understood else None),
        ("Encoding", _encoding(found.metadata)),
        ("Imports", ", ".join([*sorted({each.file_path for each in found.imports}), *found.modules])),
        ("Imported by", _some(sorted({each.file_path for each in found.imported_by}))),
        ("Workflow", found.workflow_url),
    ]
    if found.enrichment_status is EnrichmentStatus.FAILED:
        rows.append(("Why", f"enrich dlq show {found.document_id}"))
    table(found.document_id, ("", ""), [row for row in rows if row[1] not in {None, ""}])
    if found.why is not None:
        reasons.show(found.why)
    entities = [
        (item.kind, item.qualified_name, f"{item.start_line}-{item.end_line}") for item in found.entities
    ]
    if entities:
        table("", ("kind", "entity", "lines"), entities)


def _encoding(metadata: dict[str, Any]) -> str | None:
    """The encoding of the file, if it is known and not UTF-8."""
    name = metadata.get("encoding")
    if metadata.get("encoding_guessed"):
        return f"{name}, a guess"
    return None if name == "utf-8" else name


async def _list_documents(
    api: BridgeApi, project: str | None, status: EnrichmentStatus, output: Format
) -> None:
    pages = [page async for page in api.document_pages(project, status)]
    rows: list[DocumentRow | ParkedDocument] = [row for page in pages for row in page.documents]
    if status is EnrichmentStatus.FAILED:
        listed = {row.document_id for row in rows}
        rows += [each async for each in api.parked(project) if each.document_id not in listed]
    if output is Format.JSON:
        print_json([row.model_dump(mode="json") for row in rows])
    else:
        columns = ("document", "project", "file", "version", "indexed")
        cells = [(r.document_id, r.project_name, r.file_path, r.version, _since(r)) for r in rows]
        table("", columns, cells)
        err.print(f"{counted(len(rows), 'document')} {status}")
        note_workflows(pages[0].workflows)


def _since(row: DocumentRow | ParkedDocument) -> datetime:
    """Time of indexing or, for a document that is not `failed` in the graph, start of its run."""
    return row.indexed_at if isinstance(row, DocumentRow) else row.started_at


def search(
    text: Annotated[str, typer.Argument(help="The query, in words or names.")],
    project_name: Project = None,
    language: Annotated[str | None, typer.Option(help="Only documents in this language.")] = None,
    document_type: Annotated[
        DocumentType | None, typer.Option("--type", help="Only documents of this type.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option(help="Only this kind, such as class, function, method, heading.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 10,
    output: FormatOption = Format.TABLE,
) -> None:
    """Find symbols and sections by name and meaning."""

    async def run() -> None:
        async with BridgeApi.connect(Settings.load()) as api:
            results = await api.search(
                text, limit, project=project_name, language=language, document_type=document_type, kind=kind
            )
        if output is Format.JSON:
            print_json(results)
        else:
            report.print_hits(results)

    with exit_codes():
        asyncio.run(run())
