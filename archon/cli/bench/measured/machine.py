"""In: this machine, and its settings. Out: the facts about them that a reader of the report needs."""

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
    """`versions`: of the servers, as far as known."""
    return Machine(
        platform=platform.platform(),
        python=platform.python_version(),
        cpus=_cpus(),
        memory_bytes=_memory(),
        load_average=round(os.getloadavg()[0], 2),
        versions={"archon-enrichment": version("archon-enrichment"), **versions},
    )


def _cpus() -> int:
    """Processors that this process may use, if the system reports them."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None


def limits(settings: Settings) -> dict[str, int | float]:
    """The settings that limit the rate of enrichment."""
    return {name: getattr(settings, name) for name in _LIMITS}


async def temporal_version(client: Client) -> dict[str, str]:
    """The server's version; None if it does not report one."""
    try:
        found = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    except RPCError:
        return {}
    return {"Temporal": found.server_version}


async def simulated_latency(settings: Settings) -> float | None:
    """Artificial delay that the intelligence service reports, in seconds; None if it reports none."""
    try:
        async with httpx.AsyncClient(base_url=settings.intelligence_service_url, timeout=5) as http:
            return float((await http.get("/health")).raise_for_status().json()["simulated_latency"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None
