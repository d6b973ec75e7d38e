"""In: documents, clients and a rate. Out: each document sent to the bridge once, and the results.

With a rate it is an open loop: document n is due n/rate seconds after the start, regardless of earlier
answers, and its latency counts from then. Otherwise a client that waits for a slow answer would start its
next request late and report it as fast (coordinated omission; Gil Tene, "How NOT to Measure Latency").
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx

from archon.cli.bench.load.documents import Generated
from archon.cli.bench.load.reading import Accepted
from archon.contracts.types import Priority
from archon.runtime.http.clients import bearer
from archon.runtime.settings import Settings

_TIMEOUT: Final = 60.0


@dataclass
class Load:
    """The bridge's answers. `accept_ms`: of accepted documents; `answers`: by status; `latest_start_ms`: the
    longest delay of a start because all clients were busy."""

    accepted: list[Accepted] = field(default_factory=list)
    accept_ms: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    latest_start_ms: float = 0.0
    seconds: float = 0.0


async def drive(
    count: int, concurrency: int, rate: float, send: Callable[[int, float, float], Awaitable[None]]
) -> None:
    """Calls `send(number, due, begun)` for every number below `count` from `concurrency` clients; times are
    from perf_counter. Without a rate, a number is due when a client is free."""
    numbers = iter(range(count))
    start = time.perf_counter()

    async def client() -> None:
        for number in numbers:
            due = start + number / rate if rate else time.perf_counter()
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            await send(number, due, time.perf_counter())

    async with asyncio.TaskGroup() as group:
        for _ in range(min(concurrency, count)):
            group.create_task(client())


async def load(
    settings: Settings,
    project: str,
    documents: Sequence[Generated],
    *,
    concurrency: int,
    rate: float,
    priority: Priority,
    answered: Callable[[], None],
) -> Load:
    """Sends every document without retries. Calls `answered` after each answer."""
    found = Load()

    async def send(number: int, due: float, begun: float) -> None:
        found.latest_start_ms = max(found.latest_start_ms, (begun - due) * 1000)
        problem, accepted = await post(http, body_of(project, documents[number], priority))
        if accepted is None:
            found.errors[problem] += 1
        else:
            found.accept_ms.append((time.perf_counter() - due) * 1000)
            found.accepted.append(accepted)
            found.answers[accepted.status] += 1
        answered()

    async with client(settings, concurrency) as http:
        started = time.perf_counter()
        await drive(len(documents), concurrency, rate, send)
        found.seconds = time.perf_counter() - started
    return found


def client(settings: Settings, connections: int) -> httpx.AsyncClient:
    # A project in synchronous mode must answer after indexing, too.
    headers = {**bearer(settings.bridge_api_key), "prefer": "respond-async"}
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    return httpx.AsyncClient(base_url=settings.bridge_url, timeout=_TIMEOUT, limits=limits, headers=headers)


def body_of(project: str, document: Generated, priority: Priority) -> dict[str, str]:
    return {
        "project_id": project,
        "source_path": document.path,
        "full_text": document.text,
        "priority": priority,
    }


async def post(http: httpx.AsyncClient, body: dict[str, str]) -> tuple[str, Accepted | None]:
    """The accepted document, or the kind of failure."""
    try:
        response = await http.post("/api/bridge/document", json=body)
    except httpx.TransportError as error:
        return type(error).__name__, None
    if response.is_success:
        return "", Accepted.model_validate_json(response.content)
    return f"{response.status_code} {_title(response)}", None


def _title(response: httpx.Response) -> str:
    try:
        return str(response.json()["title"])
    except (ValueError, KeyError, TypeError):
        return response.reason_phrase
