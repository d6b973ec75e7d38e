"""In: a request. Out: what several groups of routes need of the app, and the document a path names."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request

from archon.contracts.documents import StoredDocument
from archon.runtime.kafka import KafkaPublisher
from archon.runtime.problems import MEDIA_TYPE, Problem
from archon.runtime.settings import Settings
from bridge.clients import Stores


def _stores(request: Request) -> Stores:
    stores: Stores = request.app.state.stores
    return stores


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def _correlation(request: Request) -> str:
    correlation_id: str = request.state.correlation_id
    return correlation_id


def _publisher(request: Request) -> KafkaPublisher:
    publisher: KafkaPublisher = request.app.state.publisher
    return publisher


StoresDep = Annotated[Stores, Depends(_stores)]
SettingsDep = Annotated[Settings, Depends(_settings)]
CorrelationDep = Annotated[str, Depends(_correlation)]
PublisherDep = Annotated[KafkaPublisher, Depends(_publisher)]


def problem(description: str) -> dict[str, Any]:
    """A problem document as the API docs show it."""
    return {"description": description, "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}}


async def find(stores: Stores, document_id: str, project: str | None) -> StoredDocument:
    """By UUID or by the client's own id. Raises NotFoundError, InvalidInputError, StoreError."""
    try:
        UUID(document_id)
    except ValueError:
        return await stores.graph.get_by_external_id(document_id, project)
    return await stores.graph.get(document_id)
