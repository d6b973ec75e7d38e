"""In: nothing. Out: a Temporal runtime that logs in our format, and its metrics as text for `/metrics`.

The SDK serves its metrics on a separate port. We bind that to loopback and include it in `/metrics`, so that
each service has one address to scrape.
"""

import contextlib
import logging
from collections.abc import AsyncIterator
from functools import cache
from typing import Final

import httpx
from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from archon.runtime.local_ports import HOST, free_ports
from archon.runtime.logs import get_logger

_ATTEMPTS: Final = 5
_SECONDS: Final = 2.0
_log = get_logger(__name__)


class SdkTelemetry:
    """One per process: `runtime` is for its Temporal client."""

    def __init__(self, runtime: Runtime, http: httpx.AsyncClient) -> None:
        self.runtime = runtime
        self._http = http

    @classmethod
    @contextlib.asynccontextmanager
    async def serving(cls) -> AsyncIterator["SdkTelemetry"]:
        runtime, address = _runtime()
        async with httpx.AsyncClient(base_url=f"http://{address}", timeout=_SECONDS) as http:
            yield cls(runtime, http)

    async def text(self) -> bytes:
        """In Prometheus' text format; empty if the SDK does not answer."""
        try:
            return (await self._http.get("/metrics")).raise_for_status().content
        except httpx.HTTPError as error:
            _log.warning("sdk_telemetry_unavailable", error=repr(error))
            return b""


@cache
def log_as_we_do() -> None:
    """For a process that does not export the SDK's metrics: otherwise its Rust core writes to stderr
    itself."""
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=_logging())), error_if_already_set=False)


def _runtime() -> tuple[Runtime, str]:
    for attempt in range(_ATTEMPTS):
        address = f"{HOST}:{free_ports(1)[0]}"
        metrics = PrometheusConfig(
            bind_address=address, counters_total_suffix=True, unit_suffix=True, durations_as_seconds=True
        )
        try:
            return Runtime(telemetry=TelemetryConfig(metrics=metrics, logging=_logging())), address
        except RuntimeError:  # another process was quicker to take the port
            if attempt + 1 == _ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def _logging() -> LoggingConfig:
    forwarding = LogForwardingConfig(
        logger=logging.getLogger("temporal"),
        append_target_to_name=False,
        prepend_target_on_message=False,
        append_log_fields_to_message=False,
    )
    return LoggingConfig(TelemetryFilter(core_level="WARN", other_level="ERROR"), forwarding=forwarding)
