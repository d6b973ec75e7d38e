"""In: a request. Out: the app's objects for several groups of routes, and the document of a path."""

import contextlib
from typing import Annotated, Any, Final

from fastapi import Depends, Request

from archon.contracts import identity
from archon.contracts.errors import NotFoundError
from archon.contracts.views import StoredDocument
from archon.runtime.http.problems import described
from archon.runtime.kafka.publisher import KafkaPublisher
from archon.runtime.settings import Settings
from archon.runtime.temporal.parked import ParkedQuery
from bridge.requests.access import Caller
from bridge.requests.clients import Stores


async def _stores(request: Request) -> Stores:
    stores: Stores = request.app.state.stores
    return stores


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


async def _correlation(request: Request) -> str:
    correlation_id: str = request.state.correlation_id
    return correlation_id


async def _publisher(request: Request) -> KafkaPublisher:
    publisher: KafkaPublisher = request.app.state.publisher
    return publisher


StoresDep = Annotated[Stores, Depends(_stores)]
SettingsDep = Annotated[Settings, Depends(_settings)]
CorrelationDep = Annotated[str, Depends(_correlation)]


async def _parked_query(request: Request) -> ParkedQuery:
    query: ParkedQuery = request.app.state.parked_query
    return query


ParkedQueryDep = Annotated[ParkedQuery, Depends(_parked_query)]
PublisherDep = Annotated[KafkaPublisher, Depends(_publisher)]


problem = described

REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    401: problem("No valid API key, if keys are in force"),
    403: problem("The API key does not allow this"),
    422: problem("Invalid input; the problem names the field"),
    429: problem("Too many requests; retry after Retry-After"),
    502: problem("A store or service refused"),
    503: problem("A store, Kafka, Temporal or the intelligence service is unreachable"),
}
"""Possible error responses of every route."""
UNREAD: Final[dict[int | str, dict[str, Any]]] = {
    400: problem("The body cannot be read"),
    413: problem("The body is too large, plain or decompressed"),
    415: problem("The body is not JSON in Unicode, plain or compressed by gzip or zstd"),
}
"""Additional error responses of a route with a body."""


async def find(stores: Stores, caller: Caller, document_id: str, project: str | None) -> StoredDocument:
    """By UUID or by the client's own id. Raises NotFoundError, InvalidInputError, StoreError; ForbiddenError
    if `project` is outside the caller's. A document of another project is not found."""
    projects = caller.scope(project)
    canonical = identity.as_uuid(document_id)
    if canonical is not None:
        with contextlib.suppress(NotFoundError):
            return await stores.graph.get(canonical, projects)
    return await stores.graph.get_by_external_id(canonical or document_id, projects)
