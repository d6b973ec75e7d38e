"""In: settings. Out: the bridge as a FastAPI app whose lifespan connects and closes everything."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from importlib.metadata import version
from typing import Final

import httpx
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from archon.contracts.estate import PartName
from archon.events.tail import EventTail
from archon.references.service import References
from archon.runtime.estate.parts import Parts
from archon.runtime.estate.storage import Storage
from archon.runtime.http import problems
from archon.runtime.http.body_limit import BodyLimitMiddleware
from archon.runtime.http.clients import Transport
from archon.runtime.http.health import HealthCheck, health_router
from archon.runtime.http.serving import serve_http
from archon.runtime.kafka.check import TopicCheck
from archon.runtime.kafka.dead_letters import DeadLetterTopic
from archon.runtime.kafka.publisher import KafkaPublisher
from archon.runtime.settings import Settings
from archon.runtime.tasks import running, stop_on_signals
from archon.runtime.telemetry.http import TracingMiddleware
from archon.runtime.telemetry.metrics import Exposition
from archon.runtime.temporal import client as temporal
from archon.runtime.temporal.client import EnrichmentClient
from archon.runtime.temporal.deletions import DeletionClient
from archon.runtime.temporal.parked import ParkedQuery
from archon.runtime.temporal.search_attributes import NamespaceCheck
from archon.runtime.temporal.waiting_runs import WaitingRuns
from archon.stores.preparation import Preparation
from bridge.deletions import routes as deletion
from bridge.deletions.requests import Deletions
from bridge.documents import routes, search
from bridge.documents.indexing import Indexer
from bridge.documents.outbox import OutboxRelay
from bridge.documents.synchronous import SynchronousEnrichment
from bridge.estate import health, questions
from bridge.estate import routes as estate
from bridge.estate.waiting import Waiting
from bridge.events import routes as streaming
from bridge.failures import routes as failures
from bridge.failures.actions import ParkedRuns
from bridge.graph import routes as graph
from bridge.requests.access import SCHEMES, AccessMiddleware, caller_of, keys_of, require_declared
from bridge.requests.clients import connected
from bridge.requests.correlation import CorrelationMiddleware
from bridge.requests.rollout import Rollout

_TAGS = [
    {"name": name} for name in ("documents", "search", "graph", "streams", "failures", "deletion", "health")
]
"""In the order of the API page, which differs from the order of route matching."""
OPTIONAL: Final = ("qdrant", "kafka", "intelligence", "temporal", "worker", "ingress", "api_keys", "flags")
"""Dependencies that readiness reports, but that the bridge does not need to serve."""


def create_app(settings: Settings) -> FastAPI:
    """The app; connects nothing before its lifespan starts. Raises ConfigurationError."""
    keys = keys_of(settings)
    rollout = Rollout(settings)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (
            connected(settings) as stores,
            References(stores.graph.code_maps) as questions_about_code,
            KafkaPublisher.connect(settings, "bridge") as publisher,
            httpx.AsyncClient(timeout=questions.SERVICE_SECONDS, transport=Transport()) as http,
        ):
            preparation = Preparation(stores.graph, stores.vectors)
            storage = Storage.of(settings)
            relay = OutboxRelay(stores.graph.outbox, publisher)
            app.state.settings = settings
            app.state.stores = stores
            app.state.questions = questions_about_code
            app.state.tail = tail = EventTail(settings)
            connection = await temporal.connect(settings, lazy=True)
            client = EnrichmentClient(connection)
            others = questions.part_checks(
                settings, stores.checks, stores.intelligence, publisher, connection, http
            )
            parts = Parts([*others, questions.bridge_itself(settings)])
            app.state.parts = parts
            app.state.waiting = Waiting(WaitingRuns(connection), parts, stores.graph)
            app.state.publisher = publisher
            app.state.letters = DeadLetterTopic(settings)
            app.state.deletions = Deletions(stores, DeletionClient(connection))
            app.state.parked_query = ParkedQuery(connection)
            app.state.parked = ParkedRuns(settings, client, stores.graph)
            app.state.indexer = Indexer(
                settings, stores, publisher, relay, rollout, SynchronousEnrichment(client)
            )
            app.state.rollout = rollout
            app.state.checks = {
                "graph": stores.graph.ping,
                "schema": preparation.check,
                "qdrant": stores.vectors.check,
                "kafka": TopicCheck(
                    publisher, settings.kafka_enrichment_topic, settings.kafka_bulk_topic
                ).check,
                "content": stores.content.ping,
                "intelligence": stores.intelligence.ping,
                "temporal": NamespaceCheck(connection).check,
                "worker": lambda: parts.check(PartName.WORKER),
                "ingress": lambda: parts.check(PartName.INGRESS),
                "flags": rollout.check,
                "storage": storage.check,
            }
            if keys is not None:
                app.state.checks["api_keys"] = keys.check
            async with (
                running(preparation.run()),
                running(relay.run()),
                running(tail.run()),
                running(storage.watch()),
                running(parts.watch()),
            ):
                yield

    def checks() -> Mapping[str, HealthCheck]:
        found: Mapping[str, HealthCheck] = app.state.checks
        return found

    app = FastAPIOffline(
        redoc_url=None,
        title="Archon bridge",
        version=version("archon-enrichment"),
        summary="Index documents at once; enrich them durably in the background.",
        openapi_tags=_TAGS,
        lifespan=lifespan,
    )
    problems.install(app)
    # The middleware added last sees a request first.
    app.add_middleware(BodyLimitMiddleware, limit=settings.max_body_bytes, values=settings.max_body_values)
    app.add_middleware(TracingMiddleware)
    app.add_middleware(AccessMiddleware, keys=keys, rate=settings.api_key_rate, burst=settings.api_key_burst)
    app.add_middleware(CorrelationMiddleware)
    # Before the documents: their ids may contain slashes, so their routes would also match these paths.
    for router in (
        deletion.router,
        failures.router,
        streaming.router,
        search.router,
        graph.router,
        estate.router,
        routes.router,
    ):
        app.include_router(router, dependencies=SCHEMES)
    app.include_router(health.router)
    app.include_router(
        health_router(
            checks,
            Exposition.of("bridge"),
            optional=OPTIONAL,
            detailed=lambda request: caller_of(request).projects is None,
        )
    )
    require_declared(app)
    return app


async def run(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT, then finishes open requests."""
    app = create_app(settings)
    async with (
        stop_on_signals() as stop,
        serve_http(app, settings, settings.bridge_port, has_keys=bool(settings.api_keys_file)),
    ):
        await stop.wait()
        app.state.tail.end()
