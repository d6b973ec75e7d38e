"""In: `enrich-document` records. Out: submissions that Temporal has accepted, or dead letters."""

from aiokafka import ConsumerRecord
from pydantic import ValidationError

from archon.contracts.errors import InvalidInputError
from archon.contracts.events import EnrichmentRequest
from archon.runtime.crash import crash_point
from archon.runtime.problems import fields_of
from archon.runtime.temporal import EnrichmentClient
from kafka_ingress.poison import Handler


def enrichment_handler(client: EnrichmentClient) -> Handler:
    """Submits each request to its workflow. Raises InvalidInputError, WorkflowUnavailableError."""

    async def handle(record: ConsumerRecord) -> None:
        request = parse(record.value)
        crash_point("request-polled")
        await client.submit(request)
        crash_point("request-submitted")

    return handle


def parse(value: bytes | None) -> EnrichmentRequest:
    """The request in a record's value. Raises InvalidInputError that names each wrong field."""
    if value is None:
        raise InvalidInputError("value", "null, where an enrichment request was expected")
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
