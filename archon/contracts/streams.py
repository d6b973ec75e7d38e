"""In: a Last-Event-ID. Out: the Kafka offsets that it names; ids of events; and the stream's own events.

An id lists `topic:partition:offset` of the last record read from each partition, separated by commas. A
partition that the id does not name is read from its beginning.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from archon.contracts.errors import InvalidInputError
from archon.contracts.types import ContentHash, DocumentId, EnrichmentStatus, Model, ProjectName, Version

HEADER_LAST_EVENT_ID: Final = "Last-Event-ID"
_LONGEST: Final = 16 * 1024
_ENTRY: Final = re.compile(r"(?:(progress|completed|parked):)?([0-9]{1,9}):([0-9]{1,18})")
_ENDED: Final = re.compile(r"ended:([0-9]{1,18})")


class Source(StrEnum):
    """The topics of a stream, named as in event ids."""

    PROGRESS = "progress"
    COMPLETED = "completed"
    PARKED = "parked"


Place = tuple[Source, int]
"""A partition of a topic."""


@dataclass(frozen=True)
class Position:
    """The next offset of each partition. `ended`: the version with which the stream ended; `bare`: the id was
    `partition:offset`, which means the progress topic."""

    offsets: Mapping[Place, int]
    ended: int | None = None
    bare: bool = False

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises InvalidInputError, which names the header."""
        offsets: dict[Place, int] = {}
        ended, bare = None, False
        entries = text.strip().split(",") if len(text) <= _LONGEST else [""]
        for entry in entries:
            if found := _ENDED.fullmatch(entry):
                ended = int(found[1])
                continue
            found = _ENTRY.fullmatch(entry)
            if found is None or (found[1] is None and len(entries) > 1):
                raise InvalidInputError(
                    HEADER_LAST_EVENT_ID,
                    "is not the id of an event: topic:partition:offset,... or partition:offset",
                )
            bare = found[1] is None
            offsets[Source(found[1] or Source.PROGRESS), int(found[2])] = int(found[3]) + 1
        return cls(offsets, ended, bare)

    def __str__(self) -> str:
        """The id; empty if no record has been read."""
        entries = [
            f"{source}:{partition}:{offset - 1}"
            for (source, partition), offset in sorted(self.offsets.items())
            if offset > 0
        ]
        if self.ended is not None:
            entries.append(f"ended:{self.ended}")
        return ",".join(entries)


class DocumentState(Model):
    """A `state` event of a document's stream: the state in the graph. `ended`: the stream ends with it."""

    document_id: DocumentId
    project_name: ProjectName
    enrichment_status: EnrichmentStatus
    document_version: Version
    content_hash: ContentHash
    ended: bool


class Cleared(Model):
    """A `cleared` event of a document's stream: its dead letter has been withdrawn."""

    document_id: DocumentId


class StreamClosed(Model):
    """A `closed` event: why the bridge ends the stream. A client that reconnects with the last id loses
    nothing."""

    reason: str
