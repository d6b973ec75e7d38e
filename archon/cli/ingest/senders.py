"""In: one document's submission. Out: the document indexed by the bridge, or acknowledged by Kafka.

Raises InvalidInputError for a refused document, StoreUnavailableError or PublishError for an unreachable
server.
"""

import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import StrEnum
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from archon.clients.bridge import BridgeApi
from archon.contracts.errors import InvalidInputError, PublishError
from archon.runtime.kafka.brokers import connection, kafka_at, start
from archon.runtime.reasons import in_words
from archon.runtime.settings import Settings

_MAX_REQUEST: Final = 4 * 1024 * 1024

Sender = Callable[[str, dict[str, Any]], Awaitable[float | None]]
"""Takes a document's id and submission; returns the indexing time in milliseconds, if it was indexed."""


class Via(StrEnum):
    HTTP = "http"
    KAFKA = "kafka"


@contextlib.asynccontextmanager
async def sender(via: Via, settings: Settings, api: BridgeApi) -> AsyncIterator[Sender]:
    if via is Via.HTTP:
        yield _posting(api)
        return
    async with _producer(settings) as producer:
        yield _producing(producer, settings)


def _posting(api: BridgeApi) -> Sender:
    async def post(_: str, body: dict[str, Any]) -> float:
        began = time.perf_counter()
        await api.index(body)
        return (time.perf_counter() - began) * 1000

    return post


def _producing(producer: AIOKafkaProducer, settings: Settings) -> Sender:
    async def produce(document_id: str, body: dict[str, Any]) -> None:
        value = json.dumps(body).encode()
        try:
            await producer.send_and_wait(settings.kafka_index_topic, value, key=document_id.encode())
        except MessageSizeTooLargeError as error:
            raise InvalidInputError("full_text", f"{len(value)} bytes are too many for Kafka") from error

    return produce


@contextlib.asynccontextmanager
async def _producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(
        **connection(settings),
        enable_idempotence=settings.kafka_enable_idempotence,
        acks="all",
        max_request_size=_MAX_REQUEST,
    )
    try:
        await start(producer, settings)
        yield producer
    except (KafkaError, OSError) as error:
        raise PublishError(f"{kafka_at(settings)}: {in_words(error)}") from error
    finally:
        await producer.stop()
