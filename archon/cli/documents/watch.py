"""In: a document or a project. Out: its events as they happen, until the document ends or Ctrl-C.

Reads the bridge's event streams, and resumes by the last id after a lost connection.
"""

import asyncio
import contextlib
import json
import math
import time
from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from typing import Any, Final, NamedTuple

import httpx
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from archon.cli.ingest.progress import pause
from archon.cli.terminal.output import Exit, Format, err, json_text, out, printable
from archon.clients.bridge import BridgeApi, segment
from archon.contracts.errors import StoreUnavailableError
from archon.contracts.types import EnrichmentStatus
from archon.contracts.views import Statistics
from archon.runtime.flow.backoff import Backoff

_RETRY: Final = 2.0
_PATIENCE: Final = 60.0
"""Seconds without the bridge after which a stream is given up."""
_ENRICHED: Final = frozenset({EnrichmentStatus.COMPLETED, EnrichmentStatus.SKIPPED})


class Event(NamedTuple):
    name: str
    id: str
    data: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {"event": self.name, "id": self.id, "data": self.data}


async def watch(api: BridgeApi, document: str | None, project: str | None, output: Format) -> Exit:
    """Watches a document until it is enriched (OK), parked or discarded (FAILED); a project until
    interrupted.

    Raises NotFoundError, and StoreUnavailableError if the bridge stays unreachable.
    """
    if document is not None:
        return await _document(api, document, project, output)
    if output is Format.JSON and project is not None:
        async for event in _events(api, _project_path(project)):
            _print_line(event.as_json())
    elif output is Format.JSON:
        await _counts(api, None, lambda found: _print_line(found.model_dump(mode="json")))
    else:
        await _live(api, project)
    return Exit.OK


async def _document(api: BridgeApi, document: str, project: str | None, output: Format) -> Exit:
    path, params = f"/document/{segment(document)}/events", {"project": project} if project else {}
    columns = (TextColumn("{task.description:<16}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    last: Event | None = None
    async with contextlib.AsyncExitStack() as stack:
        progress = stack.enter_context(
            Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
        )
        bar = progress.add_task("waiting", total=100)
        events = await stack.enter_async_context(contextlib.aclosing(_events(api, path, params)))
        async for event in events:
            last = event
            if output is Format.JSON:
                _print_line(event.as_json())
            if event.name == "progress":
                progress.update(
                    bar, description=event.data["stage"], completed=event.data["progress_percent"]
                )
            if _is_last(event):
                break
    if output is Format.TABLE and last is not None:
        out.print(escape(printable(_told(last))))
    ended = last is not None and last.data.get("enrichment_status") in _ENRICHED
    return Exit.OK if ended else Exit.FAILED


def _is_last(event: Event) -> bool:
    """Whether the document changes no more without an operator."""
    parked = event.data.get("enrichment_status") == EnrichmentStatus.FAILED
    return event.name == "parked" or (event.name == "state" and (parked or event.data["ended"]))


def _told(event: Event) -> str:
    """An event as one line of output."""
    data = event.data
    match event.name:
        case "parked":
            return f"parked: {data['failure_reason']} (enrich dlq show {data.get('document_id')})"
        case "completed":
            return f"{data['enrichment_status']} in {data['processing_time_ms'] / 1000:.1f} s"
        case "state":
            return f"{data['enrichment_status']} · version {data['document_version']}"
        case _:
            return event.name


async def _live(api: BridgeApi, project: str | None) -> None:
    """A table with the number of documents in each state, and above it the documents whose enrichment
    ended."""
    status = out.status("") if out.is_terminal else None

    def show(found: Statistics) -> None:
        counts = ", ".join(f"{count} {name}" for name, count in found.statuses.items()) or "no documents"
        if status is not None:
            status.update(counts)
        elif project is None:
            out.print(counts)

    with status or contextlib.nullcontext():
        work = [_counts(api, project, show)]
        if project is not None:
            work.append(_ticker(api, project))
        await asyncio.gather(*work)


async def _ticker(api: BridgeApi, project: str) -> None:
    async for event in _events(api, _project_path(project)):
        if event.name in {"completed", "parked"}:
            line = f"{datetime.now().astimezone():%H:%M:%S}  {event.data.get('document_id')}  {_told(event)}"
            out.print(escape(printable(line)))


async def _counts(api: BridgeApi, project: str | None, show: Callable[[Statistics], None]) -> None:
    """The counts, whenever they change."""
    shown: Statistics | None = None
    while True:
        began = time.monotonic()
        try:
            found = await api.statistics(project)
        except StoreUnavailableError:
            if shown is None:
                raise
            began = time.monotonic()  # the time of a failed call is not the time of counting
        else:
            if found != shown:
                show(found)
            shown = found
        await pause(began)


async def _events(api: BridgeApi, path: str, params: dict[str, str] | None = None) -> AsyncGenerator[Event]:
    """Events until the bridge ends the stream."""
    last_id, answered = "", -math.inf
    async for _ in Backoff(_RETRY):
        try:
            async with api.stream(path, last_id, params or {}) as source:
                if source.response.status_code == httpx.codes.NO_CONTENT:
                    return
                async for event in source.aiter_sse():
                    answered = time.monotonic()
                    last_id = event.id or last_id
                    if event.data:
                        yield Event(event.event, event.id, json.loads(event.data))
        except StoreUnavailableError as error:
            if time.monotonic() - answered > _PATIENCE:
                raise
            err.print(f"[yellow]interrupted:[/yellow] {escape(str(error))}")


def _project_path(project: str) -> str:
    return f"/projects/{segment(project)}/events"


def _print_line(value: dict[str, Any]) -> None:
    """Prints one JSON object on one line, unbuffered."""
    print(json_text(value), flush=True)
