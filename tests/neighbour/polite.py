"""In: a bridge, and a key. Out: the latency of documents sent at regular times."""

import asyncio
import time
from dataclasses import dataclass, field
from uuid import uuid4

import httpx

BRIDGE = "/api/bridge"
_EVERY = 1.0
_PATIENCE = 120.0
_OFTEN, _EXACT = 0.05, 0.1
"""Seconds between two looks at a document at least, and the share of its age: many documents that wait must
not mean many looks."""


@dataclass
class Times:
    """Seconds; `lost`: documents that were refused, or not enriched within two minutes."""

    accept: list[float] = field(default_factory=list)
    enriched: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


async def send(http: httpx.AsyncClient, project: str, seconds: float) -> Times:
    """One document per second, whatever the state of earlier ones."""
    times, until = Times(), time.monotonic() + seconds
    async with asyncio.TaskGroup() as tasks:
        while time.monotonic() < until:
            tasks.create_task(_one(http, project, times))
            await asyncio.sleep(_EVERY)
    return times


async def _one(http: httpx.AsyncClient, project: str, times: Times) -> None:
    path, begun = f"src/{uuid4().hex}.py", time.monotonic()
    text = f"def total(value):\n    return value  # {uuid4()}\n"
    body = {"project_id": project, "source_path": path, "full_text": text}
    try:
        answer = await http.post(f"{BRIDGE}/document", json=body)
        times.accept.append(time.monotonic() - begun)
        document_id = answer.raise_for_status().json()["document_id"]
        while time.monotonic() - begun < _PATIENCE:
            found = (await http.get(f"{BRIDGE}/document/{document_id}")).json()
            if found["enrichment_status"] == "completed":
                times.enriched.append(time.monotonic() - begun)
                return
            await asyncio.sleep(max(_OFTEN, _EXACT * (time.monotonic() - begun)))
        times.lost.append(f"{path}: {found['enrichment_status']} after {_PATIENCE:.0f} s")
    except httpx.HTTPError as error:
        times.lost.append(f"{path}: {error!r}")
