"""In: requests that Kafka has acknowledged or not. Out: an empty outbox in the graph.

The transaction that indexes a node sets its outbox mark. So neither a crash between graph write and publish
nor an unavailable broker loses a request: this relay publishes requests that stay marked.
"""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import Final

from archon.contracts.errors import PublishError, StoreError
from archon.contracts.events import EnrichmentRequest
from archon.runtime.kafka.publisher import KafkaPublisher
from archon.runtime.logs import get_logger
from archon.stores.graph.outbox import Outbox

_CLEAR_EVERY: Final = 0.25
_SCAN_EVERY: Final = 2.0
_MARKED_FOR: Final = timedelta(seconds=10)
"""Age at which a mark counts as lost: far longer than a publish and its clearing."""
_PAGE: Final = 200
_log = get_logger(__name__)


class OutboxRelay:
    """Clears marks in batches, outside of requests, and publishes requests that stay marked."""

    def __init__(self, outbox: Outbox, publisher: KafkaPublisher) -> None:
        self._outbox = outbox
        self._publisher = publisher
        self._published: list[tuple[str, int]] = []
        self._deferred = asyncio.Event()

    def published(self, request: EnrichmentRequest) -> None:
        """Kafka has acknowledged `request`; its mark can be cleared."""
        self._published.append((request.document_id, request.document_version or 0))

    def wake(self) -> None:
        """A request was deferred: scan as soon as Kafka answers again."""
        self._deferred.set()

    async def run(self) -> None:
        """Clears and relays until cancelled, then clears the pending marks."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._clear_forever())
                tasks.create_task(self._relay_forever())
        finally:
            await self._clear()

    async def _clear_forever(self) -> None:
        while True:
            await asyncio.sleep(_CLEAR_EVERY)
            await self._clear()

    async def _clear(self) -> None:
        batch, self._published = self._published, []
        if not batch:
            return
        try:
            await self._outbox.clear(batch)
        except StoreError as error:
            self._published[:0] = batch
            _log.warning("outbox_not_cleared", documents=len(batch), error=str(error))

    async def _relay_forever(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._deferred.wait(), _SCAN_EVERY * 5)
            await asyncio.sleep(_SCAN_EVERY)
            if self._publisher.available:
                await self._relay()

    async def _relay(self) -> None:
        was_deferred = self._deferred.is_set()
        self._deferred.clear()
        age = timedelta(0) if was_deferred else _MARKED_FOR
        try:
            requests = await self._outbox.requests(datetime.now(UTC) - age, _PAGE)
            for request in requests:
                await self._publisher.request(request)
                self.published(request)
            await self._clear()
        except (StoreError, PublishError) as error:
            self._deferred.set()
            _log.warning("outbox_waits", error=str(error))
            return
        if requests:
            _log.info("outbox_relayed", documents=len(requests))
        if len(requests) == _PAGE:
            self._deferred.set()
