"""In: requests, each for a version of its document. Out: which of them get a run, and when.

A file that is saved repeatedly, or a flood, would otherwise cost a run per version, which delays all others.
Of the versions that follow shortly after a submitted one, only the newest is enriched.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from weakref import WeakValueDictionary

from archon.contracts import names
from archon.contracts.events import EnrichmentCompleted, EnrichmentRequest, ending
from archon.contracts.identity import event_id
from archon.contracts.types import Outcome
from archon.contracts.workflow import Step
from archon.runtime.kafka.publisher import KafkaPublisher
from archon.runtime.logs import get_logger
from archon.runtime.telemetry import metrics
from archon.stores.graph.store import GraphStore

REMEMBERED: Final = 10_000
"""Number of documents to remember, the most recent ones."""
WAITING: Final = 32
"""Maximum number of waiting versions; a further one gets its run at once. Each occupies one of the consumer's
places."""
_log = get_logger(__name__)


@dataclass
class _Newest:
    """The newest version of a document. `due`: when the next one may be submitted, by the loop's clock;
    `overtaken`: the event for a version that waits for that time."""

    version: int
    due: float
    overtaken: asyncio.Event | None = None


class Revisions:
    """Lets one version of a document pass in `interval` seconds; 0 lets all pass."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._newest: dict[str, _Newest] = {}
        self._waiting = 0

    async def passes(self, request: EnrichmentRequest) -> bool:
        """Waits for the document's turn; False if a newer version has arrived by then.

        A request without a version always passes, because it cannot be compared.
        """
        version, clock = request.document_version, asyncio.get_running_loop().time
        if version is None or not self._interval:
            return True
        newest = self._newest.pop(request.document_id, None) or _Newest(version, clock())
        self._remember(request.document_id, newest)
        if version < newest.version:
            return False
        if version > newest.version:
            newest.version = version
            if newest.overtaken is not None:
                newest.overtaken.set()
            if not await self._turn(newest, clock()):
                return False
        newest.due = clock() + self._interval
        return True

    async def _turn(self, newest: _Newest, now: float) -> bool:
        if newest.due <= now or self._waiting == WAITING:
            return True
        overtaken = newest.overtaken = asyncio.Event()
        self._waiting += 1
        try:
            async with asyncio.timeout(newest.due - now):
                await overtaken.wait()
        except TimeoutError:
            return not overtaken.is_set()
        finally:
            self._waiting -= 1
            if newest.overtaken is overtaken:
                newest.overtaken = None
        return False

    def _remember(self, document_id: str, newest: _Newest) -> None:
        self._newest[document_id] = newest
        if len(self._newest) > REMEMBERED:
            del self._newest[next(iter(self._newest))]


class Overtaken:
    """Ends versions without a run."""

    def __init__(self, graph: GraphStore, publisher: KafkaPublisher) -> None:
        self._graph = graph
        self._publisher = publisher
        self._ending: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def end(
        self, request: EnrichmentRequest, teller: str, turn: AbstractAsyncContextManager[None]
    ) -> bool:
        """Publishes the version as superseded, once for all tellers; False, without an event, if the graph
        knows no newer version. Works within `turn`. Raises StoreError, PublishError."""
        # Each writes its document's node: concurrent ones would only conflict, and use turns that others
        # need.
        async with self._ending.setdefault(request.document_id, asyncio.Lock()), turn:
            return await self._end(request, teller)

    async def _end(self, request: EnrichmentRequest, teller: str) -> bool:
        assert request.document_version is not None
        workflow_id = names.enrichment_workflow_id(request.document_id, request.content_hash)
        step = Step(request=request, version=request.document_version, workflow_id=workflow_id)
        if await self._graph.is_current(step):
            return False
        what = ending(Outcome.SUPERSEDED, request)
        ce_id = event_id(request.document_id, step.version, what)
        if await self._graph.first_to_tell(request.document_id, ce_id, teller):
            event = EnrichmentCompleted.of(request, step.version, Outcome.SUPERSEDED, datetime.now(UTC))
            await self._publisher.completed(event, what)
        metrics.VERSIONS_OVERTAKEN.inc()
        _log.info("version_overtaken", **request.about, document_version=step.version, status="superseded")
        return True
