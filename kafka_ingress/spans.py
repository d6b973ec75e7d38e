"""In: a handler of records. Out: the same handler, with a consumer span for each attempt below the record's
producer span."""

from aiokafka import ConsumerRecord

from archon.runtime.telemetry.kafka import processing
from kafka_ingress.poison import Handler


def traced(handler: Handler, group: str) -> Handler:
    async def handle(record: ConsumerRecord) -> None:
        with processing(record, group):
            await handler(record)

    return handle
