"""In: settings. Out: every server set up for this product, and a list of the changes. Safe to repeat.

Unreachable servers are tried again until the time limit, concurrently with the other parts.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Literal
from uuid import uuid4

from pydantic import BaseModel

from archon.contracts.errors import (
    ArchonError,
    PublishError,
    SetupError,
    StoreUnavailableError,
    WorkflowUnavailableError,
)
from archon.contracts.identity import content_hash
from archon.runtime.kafka.topics import create_topics
from archon.runtime.settings import Settings
from archon.runtime.temporal.namespace import ensure_namespace
from archon.stores.content import ContentStore
from archon.stores.graph.store import GraphStore
from archon.stores.vectors.store import VectorStore

_UNREACHABLE: Final = (PublishError, StoreUnavailableError, WorkflowUnavailableError)
_RETRY_SECONDS: Final = 2.0


class PartState(BaseModel):
    """A server, or one object on it, and what was done."""

    part: Literal["topics", "temporal", "graph", "vectors", "content"]
    name: str
    status: str
    detail: str = ""


Ensure = Callable[[], Awaitable[list[PartState]]]


async def provision(
    settings: Settings, replication_factor: int | None, wait: float
) -> tuple[list[PartState], dict[str, ArchonError]]:
    """Sets up all parts concurrently; waits up to `wait` seconds for unreachable ones. Returns failures by
    part."""
    steps = _steps(settings, replication_factor)
    ends = time.monotonic() + wait
    found = await asyncio.gather(*(_within(ends, step) for step in steps.values()))
    parts = [part for each in found if not isinstance(each, ArchonError) for part in each]
    return parts, {
        name: each for name, each in zip(steps, found, strict=True) if isinstance(each, ArchonError)
    }


async def _within(ends: float, ensure: Ensure) -> list[PartState] | ArchonError:
    while True:
        try:
            return await ensure()
        except _UNREACHABLE as error:
            if time.monotonic() >= ends:
                return error
            await asyncio.sleep(_RETRY_SECONDS)
        except ArchonError as error:
            return error


def _steps(settings: Settings, replication_factor: int | None) -> Mapping[str, Ensure]:
    return {
        "topics": lambda: _topics(settings, replication_factor),
        "temporal": lambda: _temporal(settings),
        "graph": lambda: _graph(settings),
        "vectors": lambda: _vectors(settings),
        "content": lambda: _content(settings),
    }


async def _topics(settings: Settings, replication_factor: int | None) -> list[PartState]:
    return [
        PartState(part="topics", name=topic.name, status=topic.status, detail=topic.detail)
        for topic in await create_topics(settings, replication_factor)
    ]


async def _temporal(settings: Settings) -> list[PartState]:
    state = await ensure_namespace(settings)
    return [PartState(part="temporal", name=state.name, status=state.status, detail=state.detail)]


async def _graph(settings: Settings) -> list[PartState]:
    async with GraphStore.connect(settings) as graph:
        await graph.ensure_schema()
    detail = "constraints and indexes exist"
    return [PartState(part="graph", name=settings.memgraph_uri, status="ready", detail=detail)]


async def _vectors(settings: Settings) -> list[PartState]:
    async with VectorStore.connect(settings) as vectors:
        await vectors.ensure_collections()
    detail = "collection and payload indexes exist"
    collections = (settings.qdrant_collection, settings.qdrant_symbols_collection)
    return [PartState(part="vectors", name=name, status="ready", detail=detail) for name in collections]


async def _content(settings: Settings) -> list[PartState]:
    """Writes, reads and removes a text: this detects a missing or read-only bucket."""
    store, text = ContentStore.open(settings), f"set-up probe {uuid4()}"
    name = content_hash(text)
    await store.put_text(name, text)
    if await store.get_text(name) != text:
        raise SetupError("content: the store does not return the text just written")
    await store.delete_text(name)
    detail = "written, read and removed a probe"
    return [PartState(part="content", name=settings.content_store_url, status="ready", detail=detail)]
