"""In: `enrich-document` records. Out: submissions that Temporal has accepted, or dead letters."""

import time
from typing import Final

from aiokafka import ConsumerRecord
from pydantic import ValidationError

from archon.contracts.errors import InvalidInputError
from archon.contracts.events import EnrichmentRequest
from archon.runtime.crash import crash_point
from archon.runtime.logs import get_logger, milliseconds
from archon.runtime.problems import fields_of
from archon.runtime.temporal import EnrichmentClient

REMEMBERED: Final = 10_000
REQUEST_BYTES: Final = 2 * 1024 * 1024
"""Temporal's limit on a payload; beyond twice of it, its answer would look like an outage."""
_log = get_logger(__name__)


class EnrichmentHandler:
    """Submits each request to its workflow. Raises InvalidInputError, WorkflowUnavailableError.

    `duplicates`: redeliveries among the last REMEMBERED requests, which are submitted all the same; Temporal
    and the run know better.
    """

    def __init__(self, client: EnrichmentClient) -> None:
        self._client = client
        self._submitted: dict[tuple[str, str, str], None] = {}
        self.duplicates = 0

    async def __call__(self, record: ConsumerRecord) -> None:
        request = parse(record.value)
        crash_point("request-polled")
        started = time.monotonic()
        workflow_id = await self._client.submit(request)
        crash_point("request-submitted")
        _log.info(
            "request_submitted",
            **request.about,
            workflow_id=workflow_id,
            duration_ms=milliseconds(time.monotonic() - started),
        )
        self._remember(request)

    def _remember(self, request: EnrichmentRequest) -> None:
        key = (request.document_id, request.content_hash, request.correlation_id)
        if key in self._submitted:
            self.duplicates += 1
            return
        self._submitted[key] = None
        if len(self._submitted) > REMEMBERED:
            del self._submitted[next(iter(self._submitted))]


def parse(value: bytes | None) -> EnrichmentRequest:
    """The request in a record's value. Raises InvalidInputError that names each wrong field."""
    if value is None:
        raise InvalidInputError("value", "null, where an enrichment request was expected")
    if len(value) > REQUEST_BYTES:
        raise InvalidInputError("value", f"{len(value)} bytes; Temporal takes {REQUEST_BYTES} at most")
    try:
        return EnrichmentRequest.model_validate_json(value)
    except ValidationError as error:
        fields = fields_of(error.errors(include_url=False), skip=0)
        first = fields[0]["field"]
        reason = "; ".join(
            item["reason"] if number == 0 else f"{item['field']}: {item['reason']}"
            for number, item in enumerate(fields)
        )
        raise InvalidInputError(first if first != "body" else "value", reason) from error
