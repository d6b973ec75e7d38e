"""In: `enrich-document` records. Out: submissions that Temporal has accepted, or dead letters."""

import time
from collections.abc import Mapping, Sequence
from typing import Final

from aiokafka import ConsumerRecord
from pydantic import ValidationError

from archon.contracts import json_values
from archon.contracts.errors import InvalidInputError, StoreError
from archon.contracts.events import EnrichmentRequest
from archon.runtime.crash import crash_point
from archon.runtime.flow.turns import FairTurns
from archon.runtime.http.problems import fields_of
from archon.runtime.logs import get_logger, milliseconds
from archon.runtime.temporal.client import EnrichmentClient
from kafka_ingress.pace import StartPace
from kafka_ingress.revisions import Overtaken, Revisions

AT_ONCE: Final = 8
"""Maximum number of requests that are submitted or ended concurrently; if more wait, projects are served in
turn."""
REMEMBERED: Final = 10_000
REQUEST_BYTES: Final = 1024 * 1024
"""Half of Temporal's limit on a payload, because each step's input contains more than the request."""
_GROWS: Final = 8
"""How much larger a value may become in our JSON: `1e15,` becomes `1000000000000000.0,`."""
REASON_CHARACTERS: Final = 2000
_OF_ALL: Final = {"body": "value"}
"""Error text about a request body, replaced by one about a record's value."""
_log = get_logger(__name__)


class EnrichmentHandler:
    """Submits each request to its workflow, except versions overtaken by a newer one. Raises
    InvalidInputError, WorkflowUnavailableError; for an overtaken one PublishError.

    `duplicates`: redeliveries among the last REMEMBERED requests. They are submitted anyway; Temporal and the
    run decide.
    """

    def __init__(
        self, client: EnrichmentClient, pace: StartPace, revisions: Revisions, overtaken: Overtaken
    ) -> None:
        self._client = client
        self._pace = pace
        self._revisions = revisions
        self._overtaken = overtaken
        self._turns = FairTurns(AT_ONCE)
        self._submitted: dict[tuple[str, str, str], None] = {}
        self.duplicates = 0

    async def __call__(self, record: ConsumerRecord) -> None:
        request = parse(record.value)
        crash_point("request-polled")
        holder = (record.topic, request.project_name)
        if not await self._revisions.passes(request) and await self._ended(request, record, holder):
            return
        await self._pace.turn(*holder)
        async with self._turns.taken(holder):
            await self._submit(request)

    async def _submit(self, request: EnrichmentRequest) -> None:
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

    async def _ended(
        self, request: EnrichmentRequest, record: ConsumerRecord, holder: tuple[str, str]
    ) -> bool:
        try:
            return await self._overtaken.end(request, _place(record), self._turns.taken(holder))
        except StoreError as error:
            # Its run also detects this, and can wait for the graph; this consumer cannot.
            _log.warning("version_not_ended", **request.about, error=str(error))
            return False

    def _remember(self, request: EnrichmentRequest) -> None:
        key = (request.document_id, request.content_hash, request.correlation_id)
        if key in self._submitted:
            self.duplicates += 1
            return
        self._submitted[key] = None
        if len(self._submitted) > REMEMBERED:
            del self._submitted[next(iter(self._submitted))]


def _place(record: ConsumerRecord) -> str:
    return f"{record.topic}:{record.partition}:{record.offset}"


def parse(value: bytes | None) -> EnrichmentRequest:
    """The request in a record's value. Raises InvalidInputError, which names every invalid field."""
    if value is None:
        raise InvalidInputError("value", "null, but an enrichment request is required")
    if not value:
        raise InvalidInputError("value", "is empty, but JSON is required")
    _require_fitting(len(value))
    try:
        request = _read(value)
    except ValidationError as error:
        raise refused(fields_of(error.errors(include_url=False), skip=0)) from error
    if len(value) * _GROWS > REQUEST_BYTES:
        _require_fitting(len(request.model_dump_json()))
    return request


def _read(value: bytes) -> EnrichmentRequest:
    try:
        return EnrichmentRequest.model_validate_json(value)
    except ValidationError as error:
        if error.errors(include_url=False)[0]["type"] != "json_invalid":
            raise
    # The strict parser names no field, and accepts neither a byte order mark nor UTF-16.
    try:
        found = json_values.read(value)
    except InvalidInputError as error:
        raise InvalidInputError("value", error.reason) from error
    return EnrichmentRequest.model_validate(found)


def _require_fitting(size: int) -> None:
    if size > REQUEST_BYTES:
        raise InvalidInputError("value", f"{size} bytes; a request may have at most {REQUEST_BYTES}")


def refused(fields: Sequence[Mapping[str, str]]) -> InvalidInputError:
    """The error for `fields`, as returned by `fields_of`; the first one is its own field."""
    first, *rest = ({**each, "field": _OF_ALL.get(each["field"], each["field"])} for each in fields)
    reasons = (first["reason"], *(f"{each['field']}: {each['reason']}" for each in rest))
    return InvalidInputError(first["field"], "; ".join(reasons)[:REASON_CHARACTERS])
