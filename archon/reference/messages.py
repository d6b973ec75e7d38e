"""In: event models and examples. Out: the Kafka messages, channels and operations.

Operations are described from the product's point of view.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel

from archon.reference import examples
from archon.runtime.settings import Settings

_DOCUMENT_ID: Final = {"type": "string", "format": "uuid", "description": "The document's id."}
_ANY: Final = {"type": "string", "description": "Records of one key are processed in order."}
_LETTER: Final = {
    "type": "string",
    "description": "The document's id; `topic:partition:offset` of a message that never became a workflow.",
}


@dataclass(frozen=True)
class Message:
    """`event`: name of the payload's schema, None for a tombstone; `written`: our headers are required. False
    for messages that other producers also write."""

    title: str
    summary: str
    key: Mapping[str, Any]
    event: str | None
    examples: Mapping[str, BaseModel | None]
    written: bool = True
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Operation:
    action: str
    channel: str
    messages: Sequence[str]
    summary: str
    group: str | None = None


MESSAGES: Final[Mapping[str, Message]] = {
    "documentSubmitted": Message(
        "Document submitted",
        "A document to index, with its text or a `content_ref`: the body of POST /api/bridge/document.",
        _ANY,
        "tree.index.v1",
        {"withText": examples.SUBMISSION},
        written=False,
    ),
    "enrichmentRequested": Message(
        "Enrichment requested",
        "Identifies the content to enrich, by its hash. Unknown fields are kept and passed on.",
        _DOCUMENT_ID,
        "enrich-document.v1",
        {"byTheBridge": examples.REQUEST},
        written=False,
    ),
    "deadLettered": Message(
        "Dead-lettered",
        "A failure that a retry cannot fix: the request's fields and the reason.",
        _LETTER,
        "enrich-document-dlq.v1",
        {"parkedDocument": examples.PARKED, "poisonMessage": examples.POISON},
        headers={"original_key": "Key of a message that never became a workflow. Its headers are kept too."},
    ),
    "deadLetterCleared": Message(
        "Dead letter cleared",
        "A tombstone: the document with this key has recovered or was discarded.",
        _LETTER,
        None,
        {"tombstone": None},
    ),
    "enrichmentCompleted": Message(
        "Enrichment completed",
        "The end of a run, published until acknowledged. A redelivery has the same `ce_id`.",
        _DOCUMENT_ID,
        "enrichment-completed.v1",
        {"success": examples.COMPLETED},
    ),
    "progressReported": Message(
        "Progress reported",
        "A stage that a run has reached. Published once without retry, so some may be missing.",
        _DOCUMENT_ID,
        "enrichment-progress.v1",
        {"analysed": examples.PROGRESS},
    ),
}
CHANNELS: Final[Mapping[str, Sequence[str]]] = {
    "treeIndex": ["documentSubmitted"],
    "enrichDocument": ["enrichmentRequested"],
    "enrichDocumentBulk": ["enrichmentRequested"],
    "enrichDocumentDlq": ["deadLettered", "deadLetterCleared"],
    "enrichmentCompleted": ["enrichmentCompleted"],
    "enrichmentProgress": ["progressReported"],
}
"""Messages by channel, in the order of `archon.runtime.kafka.publisher.topics`."""


def operations(settings: Settings) -> dict[str, Operation]:
    """Operations by id."""
    group, letters = settings.kafka_group_id, CHANNELS["enrichDocumentDlq"]
    return {
        "indexDocument": Operation(
            "receive",
            "treeIndex",
            CHANNELS["treeIndex"],
            "The ingress posts each document to the bridge.",
            settings.kafka_index_group_id,
        ),
        "submitRequest": Operation(
            "receive",
            "enrichDocument",
            CHANNELS["enrichDocument"],
            "The ingress submits each request to its workflow.",
            group,
        ),
        "submitBulkRequest": Operation(
            "receive",
            "enrichDocumentBulk",
            CHANNELS["enrichDocumentBulk"],
            "The same, but only while few analyses wait.",
            group,
        ),
        "listDeadLetters": Operation(
            "receive", "enrichDocumentDlq", letters, "The bridge reads the topic as a table, without a group."
        ),
        "requestEnrichment": Operation(
            "send",
            "enrichDocument",
            CHANNELS["enrichDocument"],
            "The bridge requests enrichment of indexed documents.",
        ),
        "requestInBulk": Operation(
            "send",
            "enrichDocumentBulk",
            CHANNELS["enrichDocumentBulk"],
            "Requests that may wait: low priority, and requests of a project above its share.",
        ),
        "publishDeadLetter": Operation(
            "send", "enrichDocumentDlq", letters[:1], "The worker parks a document, the ingress a message."
        ),
        "clearDeadLetter": Operation(
            "send", "enrichDocumentDlq", letters[1:], "The document has recovered, or was discarded."
        ),
        "publishCompleted": Operation(
            "send",
            "enrichmentCompleted",
            CHANNELS["enrichmentCompleted"],
            "The worker reports the end of a run.",
        ),
        "publishProgress": Operation(
            "send", "enrichmentProgress", CHANNELS["enrichmentProgress"], "The worker reports each stage."
        ),
    }
