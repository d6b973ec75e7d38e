"""In: records of the progress, completed and dead-letter topics. Out: the events that a stream may send."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from aiokafka import ConsumerRecord
from fastapi.sse import format_sse_event

from archon.contracts.streams import Cleared, Position, Source
from archon.runtime.settings import Settings


@dataclass(frozen=True)
class StreamedEvent:
    """An event as streams send it, and the position after it. `data` is JSON."""

    name: str
    data: str
    position: Position

    @cached_property
    def line(self) -> bytes:
        """The line for every stream that receives the event."""
        return format_sse_event(event=self.name, data_str=self.data, id=str(self.position) or None)


@dataclass(frozen=True)
class PipelineEvent:
    """`document_id` and `project` are the subject; None if the record does not name it."""

    name: str
    data: str
    document_id: str | None
    project: str | None

    def streamed(self, position: Position) -> StreamedEvent:
        return StreamedEvent(self.name, self.data, position)


@dataclass(frozen=True)
class Watched:
    """The subject of a stream: a document of a project, or a whole project."""

    project: str
    document_id: str | None = None

    def takes(self, event: PipelineEvent) -> bool:
        """An event that names another project than its document's goes to neither stream."""
        if self.document_id is None:
            return event.project == self.project
        return event.document_id == self.document_id and event.project in {None, self.project}


_TOO_LONG: Final = "original_message"
"""Fields of up to 256 KB; `GET /dead-letters/{key}` has them."""


def sources(settings: Settings) -> dict[str, Source]:
    """The source of each topic."""
    return {
        settings.kafka_progress_topic: Source.PROGRESS,
        settings.kafka_completed_topic: Source.COMPLETED,
        settings.kafka_dlq_topic: Source.PARKED,
    }


def event_of(source: Source, record: ConsumerRecord) -> PipelineEvent | None:
    """None for a record that another program wrote."""
    key = (record.key or b"").decode(errors="replace")
    if record.value is None:
        return _cleared(key) if source is Source.PARKED else None
    try:
        value = json.loads(record.value)
        if not isinstance(value, dict):
            return None
        # A record that parses may still be too deep to be serialised.
        data = json.dumps(_short(value) if source is Source.PARKED else value)
    except (ValueError, RecursionError):
        return None
    return PipelineEvent(source, data, _text(value, "document_id"), _text(value, "project_name"))


def _cleared(key: str) -> PipelineEvent | None:
    try:
        return PipelineEvent("cleared", Cleared(document_id=key).model_dump_json(), key, None)
    except ValueError:  # the letter of a message that never became a workflow has another kind of key
        return None


def _short(letter: Mapping[str, Any]) -> dict[str, Any]:
    """Without long fields: a stream holds many events."""
    kept = {name: value for name, value in letter.items() if name != _TOO_LONG}
    if isinstance(details := kept.get("error_details"), dict):
        kept["error_details"] = {name: value for name, value in details.items() if name != "stack_trace"}
    return kept


def _text(value: Mapping[str, Any], name: str) -> str | None:
    found = value.get(name)
    return found if isinstance(found, str) else None
