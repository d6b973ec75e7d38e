"""In: settings. Out: the running worker: two task queues, the stores behind them, and health routes.

The composition root: the only place where activities meet the stores behind their ports.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from typing import Any, Literal

from pydantic import BaseModel
from temporalio import workflow
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.runtime import Runtime
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig

from activities.analysis import AnalysisActivities
from activities.backfill import BackfillActivities
from activities.deletion import DeletionActivities
from activities.enrichment import EnrichmentActivities
from activities.events import EventActivities
from activities.observation import Observation
from activities.parked import ParkedActivities
from activities.progress import Progress
from activities.reconciliation import ReconcileActivities
from activities.writing import WritingActivities
from archon.clients.intelligence import IntelligenceClient
from archon.contracts import names
from archon.contracts.errors import ConfigurationError, IntelligenceError, WorkflowUnavailableError
from archon.contracts.workflow import RetrySettings
from archon.runtime import misspelt
from archon.runtime.alerts import Alerts
from archon.runtime.contents import Contents
from archon.runtime.estate.backlog import PipelineBacklog
from archon.runtime.estate.storage import Space, Storage
from archon.runtime.flow.backoff import Backoff
from archon.runtime.flow.breaker import BreakerState, BreakerStatus, CircuitBreaker
from archon.runtime.http.health import health_app
from archon.runtime.http.serving import serve_http
from archon.runtime.kafka.check import TopicCheck
from archon.runtime.kafka.dead_letters import DeadLetterTopic
from archon.runtime.kafka.letter_table import LetterTable
from archon.runtime.kafka.publisher import KafkaPublisher
from archon.runtime.kafka.statistics import Consumption
from archon.runtime.logs import configure_logging, get_logger
from archon.runtime.settings import Settings
from archon.runtime.tasks import first_of, running, stop_on_signals, unless_stopped
from archon.runtime.telemetry import tracing
from archon.runtime.telemetry.metrics import Exposition
from archon.runtime.temporal import client as temporal
from archon.runtime.temporal.parked import ParkedQuery
from archon.runtime.temporal.reconciliation import scheduled
from archon.runtime.temporal.runs import EnrichmentRuns
from archon.runtime.temporal.sdk_telemetry import SdkTelemetry
from archon.runtime.temporal.search_attributes import NamespaceCheck
from archon.stores.graph.store import GraphStore
from archon.stores.parked_survey import ParkedSurvey
from archon.stores.preparation import Preparation
from archon.stores.recent_content import RecentContent
from archon.stores.survey import Survey
from archon.stores.vectors.store import VectorStore
from workflows.backfill_enrichment import BackfillEnrichment
from workflows.deletion import DeleteDocument, DeleteProject
from workflows.enrich_document import EnrichDocument
from workflows.reconcile_enrichment import ReconcileEnrichment

Activities = Sequence[Callable[..., Any]]
WORKFLOWS = (EnrichDocument, DeleteDocument, DeleteProject, BackfillEnrichment, ReconcileEnrichment)
_RECONNECT_AFTER = 1.0
_log = get_logger(__name__)
_WORKFLOW_TASKS = 20
"""Maximum number of open workflow tasks. Each may include a local activity, so there are no more than the
stores serve within seconds: a workflow task must heartbeat if its local activities take long."""


def workflow_runner() -> UnsandboxedWorkflowRunner:
    """The runner of workflow code, live or replayed. The sandbox costs a third of a run's processor time;
    import rules and the replay of every tested run ensure determinism instead."""
    return UnsandboxedWorkflowRunner()


@dataclass(frozen=True)
class Served:
    """The queues and workflows that a set of workers serves; the store activities run on the first queue."""

    enrichment: str = names.QUEUE_ENRICHMENT
    intelligence: str = names.QUEUE_INTELLIGENCE
    workflows: Sequence[type] = WORKFLOWS
    interceptors: Sequence[Observation] = (Observation(),)


_PRODUCT = Served()


def build_workers(
    client: Client, settings: Settings, store: Activities, analysis: Activities, served: Served = _PRODUCT
) -> list[Worker]:
    """One worker for workflows and store activities, one for the analysis only."""
    drain = timedelta(seconds=settings.shutdown_timeout)
    deployment = deployed(settings)
    # Set explicitly: otherwise the SDK hashes the code of every loaded module, for half a second.
    build_id = None if deployment is not None else version("archon-enrichment")
    return [
        Worker(
            client,
            task_queue=served.enrichment,
            workflows=served.workflows,
            activities=store,
            workflow_runner=workflow_runner(),
            interceptors=served.interceptors,
            max_concurrent_activities=50,
            max_concurrent_workflow_tasks=_WORKFLOW_TASKS,
            deployment_config=deployment,
            build_id=build_id,
            graceful_shutdown_timeout=drain,
        ),
        Worker(
            client,
            task_queue=served.intelligence,
            activities=analysis,
            interceptors=served.interceptors,
            max_concurrent_activities=settings.max_concurrent_enrichments,
            # An eagerly started activity would bypass the queue's rate limit.
            disable_eager_activity_execution=True,
            deployment_config=deployment,
            build_id=build_id,
            max_task_queue_activities_per_second=settings.max_processing_rate or None,
            graceful_shutdown_timeout=drain,
        ),
    ]


def deployed(settings: Settings) -> WorkerDeploymentConfig | None:
    """A run is pinned to the version that started it, unless an operator moves it. None without versions."""
    if not settings.temporal_worker_build_id:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(settings.temporal_deployment_name, settings.temporal_worker_build_id),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.PINNED,
    )


def store_activities(
    enrichment: EnrichmentActivities, events: EventActivities, deletion: DeletionActivities
) -> Activities:
    """All activities on the enrichment queue."""
    return [
        enrichment.claim,
        enrichment.write_vectors,
        enrichment.write_graph,
        WritingActivities(enrichment, events).write,
        enrichment.mark_parked,
        enrichment.mark_discarded,
        events.publish_progress,
        events.publish_completed,
        events.publish_dead_letter,
        events.clear_dead_letter,
        deletion.mark_deleted,
        deletion.remove_deleted,
        deletion.clear_dead_letters,
        deletion.sweep_points,
    ]


def reconcile_activities(reconcile: ReconcileActivities, parked: ParkedActivities) -> Activities:
    """Reconcile activities, also on the enrichment queue."""
    return [reconcile.documents, reconcile.points, reconcile.record, parked.runs, parked.letters]


def backfill_activities(backfill: BackfillActivities) -> Activities:
    """Backfill activities, also on the enrichment queue."""
    return [backfill.count, backfill.backlog, backfill.request_page, backfill.forget_list]


class WorkerHealth(BaseModel):
    """Answer of `GET /health`: degraded while analyses wait for the intelligence service. `polling`: whether
    it polls its queues, which starts when Temporal and the stores are available."""

    status: Literal["healthy", "degraded"]
    circuit_breaker: BreakerStatus
    polling: bool = False
    storage: Mapping[str, Space]
    """By store, for stores whose files this worker can see."""


def health_of(breaker: CircuitBreaker, storage: Storage, polling: asyncio.Event) -> WorkerHealth:
    closed = breaker.status.state is BreakerState.CLOSED
    return WorkerHealth(
        status="healthy" if closed else "degraded",
        circuit_breaker=breaker.status,
        polling=polling.is_set(),
        storage=storage.spaces,
    )


async def run(settings: Settings) -> None:
    """Works until SIGTERM or SIGINT, then lets running activities finish.

    Serves health from the start; waits for unavailable servers.
    """
    # A workflow's log event keeps its stable name; its origin is a field.
    workflow.logger.workflow_info_on_message = False
    observation = Observation()
    async with (
        stop_on_signals() as stop,
        GraphStore.connect(settings, observation.at_work) as graph,
        VectorStore.connect(settings, observation.at_work) as vectors,
        IntelligenceClient.connect(settings) as intelligence,
        KafkaPublisher.connect(settings, "worker") as publisher,
        Alerts.connect(settings) as alerts,
        SdkTelemetry.serving() as sdk,
    ):
        content = RecentContent.open(settings)
        breaker = CircuitBreaker.of(settings)
        preparation = Preparation(graph, vectors)
        retry = RetrySettings(
            max_attempts=settings.retry_max_attempts,
            first_delay=settings.retry_backoff_base,
            outage_budget=settings.outage_budget,
        )
        health = {
            "intelligence_service": intelligence.ping,
            "memgraph": graph.ping,
            "qdrant": vectors.check,
        }
        storage = Storage.of(settings)
        progress = Progress(publisher)
        enrichment = EnrichmentActivities(
            graph, graph.deletions, vectors, vectors.removal, content, progress=progress, retry=retry
        )
        events = EventActivities(publisher, progress, graph, alerts, health)
        analysis = AnalysisActivities(
            intelligence,
            content,
            breaker,
            outage_budget=settings.outage_budget,
            share_across_projects=settings.analysis_cache_all_projects,
        )
        connection = await temporal.connect(settings, lazy=True, runtime=sdk.runtime)
        lazy = EnrichmentRuns(connection)
        letters = DeadLetterTopic(settings)
        deletion = DeletionActivities(
            graph.deletions,
            vectors.removal,
            Contents(graph.deletions, content),
            runs=lazy,
            publisher=publisher,
            letters=letters,
        )
        survey = Survey(graph.survey, vectors.surveyed, content, lazy)
        reconcile = ReconcileActivities(survey, lazy, vectors.surveyed, Consumption(settings))
        parked = ParkedSurvey(graph.survey, ParkedQuery(connection), lazy, LetterTable(letters))
        backfill = BackfillActivities(graph.unenriched, content, publisher, PipelineBacklog(settings, lazy))
        written_to = (settings.kafka_completed_topic, settings.kafka_progress_topic, settings.kafka_dlq_topic)
        checks = {
            **health,
            "schema": preparation.check,
            "content": content.ping,
            "storage": storage.check,
            "kafka": TopicCheck(publisher, *written_to).check,
            "temporal": NamespaceCheck(connection).check,
        }
        app = health_app("Archon worker", checks, Exposition.of("worker", beside=sdk.text))
        app.add_api_route("/metrics/circuit_breaker", lambda: breaker.status, response_model=BreakerStatus)
        polling = asyncio.Event()
        app.add_api_route(
            "/health", lambda: health_of(breaker, storage, polling), response_model=WorkerHealth
        )
        async with serve_http(app, settings, settings.worker_port), running(storage.watch()):
            client = await unless_stopped(stop, _connected(settings, sdk.runtime, preparation))
            if client is not None:
                activities = [
                    *store_activities(enrichment, events, deletion),
                    *reconcile_activities(reconcile, ParkedActivities(parked, enrichment, lazy, publisher)),
                    *backfill_activities(backfill),
                ]
                # Waits for a service that starts more slowly than this worker; that costs no attempt.
                try:
                    await intelligence.ping()
                except IntelligenceError as error:
                    breaker.trip(error)
                async with (
                    scheduled(client, settings.reconcile_interval),
                    running(breaker.watch(intelligence.ping)),
                ):
                    workers = build_workers(
                        client,
                        settings,
                        activities,
                        [analysis.analyse],
                        Served(interceptors=[observation]),
                    )
                    polling.set()
                    await _work(workers, stop)


async def _connected(settings: Settings, runtime: Runtime, preparation: Preparation) -> Client:
    """A Temporal client, as soon as Temporal and the stores are available."""
    await preparation.run()
    backoff = Backoff(_RECONNECT_AFTER)
    while True:
        try:
            return await temporal.connect(settings, runtime=runtime)
        except WorkflowUnavailableError as error:
            _log.warning("temporal_not_connected", error=str(error))
            await backoff.pause()


async def _work(workers: Sequence[Worker], stop: asyncio.Event) -> None:
    async with contextlib.AsyncExitStack() as running:
        tasks = [asyncio.create_task(worker.run()) for worker in workers]
        for worker in workers:
            running.push_async_callback(worker.shutdown)
        await first_of(asyncio.create_task(stop.wait()), *tasks)
    await asyncio.gather(*tasks)


def main() -> None:
    try:
        settings = Settings.load()
    except ConfigurationError as error:
        sys.exit(f"error: {error}")
    configure_logging(settings, "worker")
    misspelt.warn(os.environ)
    asyncio.run(_traced(settings))


async def _traced(settings: Settings) -> None:
    async with tracing.exported("worker"):
        await run(settings)


if __name__ == "__main__":
    main()
