"""In: settings. Out: the bridge as a FastAPI app whose lifespan connects and closes everything."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from importlib.metadata import version

import httpx
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from archon.contracts.estate import PartName
from archon.runtime import problems, temporal
from archon.runtime.body_limit import BodyLimitMiddleware
from archon.runtime.dead_letters import DeadLetterTopic
from archon.runtime.deletions import DeletionClient
from archon.runtime.event_tail import EventTail
from archon.runtime.health import HealthCheck, health_router
from archon.runtime.http import Transport
from archon.runtime.kafka import KafkaPublisher
from archon.runtime.lifecycle import running, serve_http, stop_on_signals
from archon.runtime.metrics import Exposition
from archon.runtime.parked_query import ParkedQuery
from archon.runtime.parts import Parts
from archon.runtime.rollout import Rollout
from archon.runtime.search_attributes import NamespaceCheck
from archon.runtime.settings import Settings
from archon.runtime.storage import Storage
from archon.runtime.temporal import EnrichmentClient
from archon.runtime.topic_check import TopicCheck
from archon.runtime.tracing_http import TracingMiddleware
from archon.runtime.waiting_runs import WaitingRuns
from archon.stores.schema import Preparation
from bridge import asked, deletion, estate, failures, health, routes, search, streaming
from bridge.access import SCHEMES, AccessMiddleware, caller_of, keys_of, require_declared
from bridge.clients import connected
from bridge.correlation import CorrelationMiddleware
from bridge.deletions import Deletions
from bridge.indexing import Indexer
from bridge.outbox import OutboxRelay
from bridge.parked import ParkedRuns
from bridge.synchronous import SynchronousEnrichment
from bridge.waiting import Waiting

_TAGS = [{"name": name} for name in ("documents", "search", "streams", "failures", "deletion", "health")]
"""In the order of the API page, which is not the one in which routes are looked through."""


def create_app(settings: Settings) -> FastAPI:
    """The app; nothing is connected before its lifespan starts. Raises ConfigurationError."""
    keys = keys_of(settings)
    rollout = Rollout(settings)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (
            connected(settings) as stores,
            KafkaPublisher.connect(settings, "bridge") as publisher,
            httpx.AsyncClient(timeout=asked.SERVICE_SECONDS, transport=Transport()) as http,
        ):
            preparation = Preparation(stores.graph, stores.vectors)
            storage = Storage.of(settings)
            relay = OutboxRelay(stores.graph.outbox, publisher)
            app.state.settings = settings
            app.state.stores = stores
            app.state.tail = tail = EventTail(settings)
            connection = await temporal.connect(settings, lazy=True)
            client = EnrichmentClient(connection)
            others = asked.parts_asked(
                settings, stores.checks, stores.intelligence, publisher, connection, http
            )
            parts = Parts([*others, asked.bridge_itself(settings)])
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
    # The last one added is the first to see a request.
    app.add_middleware(BodyLimitMiddleware, limit=settings.max_body_bytes, values=settings.max_body_values)
    app.add_middleware(TracingMiddleware)
    app.add_middleware(AccessMiddleware, keys=keys, rate=settings.api_key_rate)
    app.add_middleware(CorrelationMiddleware)
    # Before the documents: their ids may hold slashes, so that their routes would take these too.
    for router in (
        deletion.router,
        failures.router,
        streaming.router,
        search.router,
        estate.router,
        routes.router,
    ):
        app.include_router(router, dependencies=SCHEMES)
    app.include_router(health.router)
    optional = ("qdrant", "kafka", "intelligence", "temporal", "worker", "ingress", "api_keys", "flags")
    app.include_router(
        health_router(
            checks,
            Exposition.of("bridge"),
            optional=optional,
            detailed=lambda request: caller_of(request).projects is None,
        )
    )
    require_declared(app)
    return app


async def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish open requests."""
    app = create_app(settings)
    async with (
        stop_on_signals() as stop,
        serve_http(app, settings, settings.bridge_port, has_keys=bool(settings.api_keys_file)),
    ):
        await stop.wait()
        app.state.tail.end()
