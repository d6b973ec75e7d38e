"""In: a handler of records. Out: the same, each attempt in a consumer span under the record's producer."""

from aiokafka import ConsumerRecord

from archon.runtime.telemetry.kafka import processing
from kafka_ingress.poison import Handler


def traced(handler: Handler, group: str) -> Handler:
    async def handle(record: ConsumerRecord) -> None:
        with processing(record, group):
            await handler(record)

    return handle
