"""In: this machine, and what its operator has set. Out: what a reader of the report must know of them."""

import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Final

import httpx
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from archon.cli.bench.measured.report import Machine
from archon.runtime.settings import Settings

_LIMITS: Final = (
    "max_concurrent_enrichments",
    "max_processing_rate",
    "intelligence_workers",
    "ingress_max_backlog",
)


def machine(versions: Mapping[str, str]) -> Machine:
    """`versions`: of the servers, as far as they are known."""
    return Machine(
        platform=platform.platform(),
        python=platform.python_version(),
        cpus=_cpus(),
        memory_bytes=_memory(),
        load_average=round(os.getloadavg()[0], 2),
        versions={"archon-enrichment": version("archon-enrichment"), **versions},
    )


def _cpus() -> int:
    """Those that this process may use, where the system says so."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None


def limits(settings: Settings) -> dict[str, int | float]:
    """The settings that bound how fast documents are enriched."""
    return {name: getattr(settings, name) for name in _LIMITS}


async def temporal_version(client: Client) -> dict[str, str]:
    """What the server says of itself, if it does."""
    try:
        found = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    except RPCError:
        return {}
    return {"Temporal": found.server_version}


async def simulated_latency(settings: Settings) -> float | None:
    """Seconds that the intelligence service says it waits; None where it says nothing of it."""
    try:
        async with httpx.AsyncClient(base_url=settings.intelligence_service_url, timeout=5) as http:
            return float((await http.get("/health")).raise_for_status().json()["simulated_latency"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None
