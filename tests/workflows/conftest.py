"""A time-skipping Temporal server, and a worker whose activities use ports that the test controls."""

import asyncio
import contextlib
import os
import sys
from collections import Counter, deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities import heartbeat
from activities.analysis import AnalysisActivities
from activities.deletion import DeletionActivities
from activities.enrichment import EnrichmentActivities
from activities.events import EventActivities
from activities.progress import Progress
from archon.contracts import errors, names
from archon.contracts.analysis import AnalysisRequest, AnalysisResult, Chunk, ServiceVersion
from archon.contracts.events import DeadLetter, EnrichmentCompleted, EnrichmentProgress, EnrichmentRequest
from archon.contracts.types import EnrichmentStatus
from archon.contracts.workflow import Claim, Decision, RetrySettings, Step
from archon.runtime.contents import Contents
from archon.runtime.flow.breaker import CircuitBreaker
from archon.runtime.settings import Settings
from archon.runtime.temporal.client import EnrichmentClient
from archon.stores.content import ContentStore
from archon.stores.recent_content import RecentContent
from tests import factories
from tests.workflows import histories
from tests.workflows.estate import Estate
from worker import build_workers, store_activities
from workflows.policies import LOST_AFTER

Planned = deque[object]


@dataclass
class Ports:
    """All ports in one: each call returns the next planned answer, or succeeds; an error is raised."""

    claims: Planned = field(default_factory=deque)
    analyses: Planned = field(default_factory=deque)
    graph_writes: Planned = field(default_factory=deque)
    vector_writes: Planned = field(default_factory=deque)
    publishes: Planned = field(default_factory=deque)
    marks: Planned = field(default_factory=deque)
    announcements: Planned = field(default_factory=deque)
    calls: Counter[str] = field(default_factory=Counter)
    completed_events: list[tuple[EnrichmentCompleted, str | None]] = field(default_factory=list)
    stages: list[tuple[str, int]] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    tombstones: list[str] = field(default_factory=list)
    alerts: list[DeadLetter] = field(default_factory=list)
    current: bool = True
    enriched: bool = False
    tellers: dict[str, str] = field(default_factory=dict)
    requests: int = 0
    down: errors.IntelligenceError | None = None
    breaker: CircuitBreaker = field(
        default_factory=lambda: CircuitBreaker(threshold=5, recovery=0.2, budget=60)
    )
    statuses: list[EnrichmentStatus] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    store_gates: dict[str, asyncio.Event] = field(default_factory=dict)
    estate: Estate = field(default_factory=Estate)
    content: ContentStore = field(
        default_factory=lambda: RecentContent.open(Settings(content_store_url="memory://"))
    )

    def __post_init__(self) -> None:
        self.gate.set()

    def _next(self, name: str, planned: Planned, usual: object) -> object:
        self.calls[name] += 1
        answer = planned.popleft() if planned else usual
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _store(self, name: str, planned: Planned, usual: object) -> object:
        answer = self._next(name, planned, usual)
        if name in self.store_gates:
            await self.store_gates[name].wait()
        return answer

    async def claim(self, request: EnrichmentRequest, workflow_id: str) -> Claim:
        usual = Claim(decision=Decision.PROCEED, version=request.document_version or 1)
        return await self._store("claim", self.claims, usual)  # type: ignore[return-value]

    async def write_enrichment(self, step: Step, result: AnalysisResult) -> bool:
        applied = bool(await self._store("graph", self.graph_writes, True))
        self.enriched = self.enriched or applied
        return applied

    async def set_status(self, step: Step, status: EnrichmentStatus) -> bool:
        if self.enriched or not await self._store("mark", self.marks, True):
            return False
        self.statuses.append(status)
        return True

    async def write(
        self,
        step: Step,
        status: EnrichmentStatus,
        vector: Sequence[float] | None,
        chunks: Sequence[Chunk] = (),
    ) -> bool:
        return await self._store("vectors", self.vector_writes, True)  # type: ignore[return-value]

    async def version(self) -> ServiceVersion:
        return ServiceVersion(path_free=True)

    async def process(self, request: AnalysisRequest) -> AnalysisResult:
        self.requests += 1
        await self.gate.wait()
        return self._next("analysis", self.analyses, factories.analysis("f", "g"))  # type: ignore[return-value]

    def progress(self, event: EnrichmentProgress) -> None:
        self._next("progress", self.publishes, None)
        self.stages.append((event.stage, event.progress_percent))

    async def completed(self, event: EnrichmentCompleted, what: str | None = None) -> None:
        await self._store("completed", deque(), None)
        self.completed_events.append((event, what))

    async def dead_letter(self, event: DeadLetter) -> None:
        self.dead_letters.append(event)

    async def clear_dead_letter(self, document_id: str) -> None:
        self.tombstones.append(document_id)

    def notify(self, letter: DeadLetter) -> None:
        self.alerts.append(letter)

    async def is_current(self, step: Step) -> bool:
        return self.current

    async def set_dead_lettered(self, step: Step, *, standing: bool) -> bool:
        await self._store("announce", self.announcements, None)
        return self.current

    async def first_to_tell(self, document_id: str, event_id: str, teller: str) -> bool:
        return self.tellers.setdefault(event_id, teller) == teller

    async def former_contents(self, document_id: str) -> list[str]:
        return []

    async def forget_contents(self, document_id: str, hashes: Sequence[str]) -> None:
        return None

    async def ping(self) -> None:
        if self.down is not None:
            raise self.down

    async def healthy(self) -> None:
        return None


@pytest.fixture(scope="module")
async def environment() -> AsyncIterator[WorkflowEnvironment]:
    """One per file: a run that is cancelled during a wait keeps the server from skipping time."""
    binary = Path(sys.executable).parent / "temporal-test-server"
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(binary), data_converter=pydantic_data_converter
    ) as environment:
        keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
        await environment.client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=environment.client.namespace,
                search_attributes=dict.fromkeys(names.SEARCH_ATTRIBUTES, keyword),
            )
        )
        yield environment


class RememberingClient(EnrichmentClient):
    """Records the runs that a test has started: the time-skipping server cannot list them."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.started: list[str] = []

    async def submit(self, request: EnrichmentRequest) -> str:
        workflow_id = await super().submit(request)
        self.started.append(workflow_id)
        return workflow_id


@pytest.fixture
async def client(
    environment: WorkflowEnvironment, request: pytest.FixtureRequest
) -> AsyncIterator[EnrichmentClient]:
    """Replays every run that a test submits; a test marked `history(name)` commits the last one, if
    ARCHON_COMMIT_HISTORIES is set."""
    remembering = RememberingClient(environment.client)
    yield remembering
    mark = request.node.get_closest_marker("history")
    for workflow_id in dict.fromkeys(remembering.started):
        history = await environment.client.get_workflow_handle(workflow_id).fetch_history()
        await histories.replay(history)
        if mark is not None and "ARCHON_COMMIT_HISTORIES" in os.environ:
            histories.commit(mark.args[0], history)


@pytest.fixture
def ports() -> Ports:
    return Ports()


def workers_on(
    client: Client, ports: Ports, settings: Settings | None = None, **overrides: Any
) -> list[Worker]:
    """The current workers, not yet running, whose activities use `ports`."""
    content, estate, progress = ports.content, ports.estate, Progress(ports)
    retry = RetrySettings(max_attempts=3, first_delay=0.2)
    enrichment = EnrichmentActivities(ports, estate, ports, estate, content, progress=progress, retry=retry)
    health = dict.fromkeys(("intelligence_service", "memgraph", "qdrant"), ports.healthy)
    events = EventActivities(ports, progress, ports, ports, health)
    analysis = AnalysisActivities(
        ports, content, ports.breaker, outage_budget=60, share_across_projects=False
    )
    contents = Contents(estate, content)
    deletion = DeletionActivities(estate, estate, contents, runs=estate, publisher=ports, letters=estate)
    return build_workers(
        client,
        settings or Settings(shutdown_timeout=1, **overrides),
        store_activities(enrichment, events, deletion),
        [analysis.analyse],
    )


@contextlib.asynccontextmanager
async def running(workers: Sequence[Worker]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(worker.run()) for worker in workers]
    yield
    await asyncio.gather(*(worker.shutdown() for worker in workers))
    await asyncio.gather(*tasks)


@pytest.fixture(autouse=True)
def frequent_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every second: an activity learns with its next heartbeat that it is cancelled."""
    monkeypatch.setattr(heartbeat, "_BEATS", LOST_AFTER.total_seconds())


@pytest.fixture
async def working(environment: WorkflowEnvironment, ports: Ports) -> AsyncIterator[list[Worker]]:
    workers = workers_on(environment.client, ports)
    async with running(workers):
        yield workers
