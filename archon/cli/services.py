"""In: a verb for one service. Out: that service in the foreground until SIGTERM or Ctrl-C."""

import asyncio
from collections.abc import Awaitable, Callable

import intelligence.app

import bridge.app
import kafka_ingress.service
import worker
from archon.cli.output import exit_codes
from archon.runtime.logs import configure_logging
from archon.runtime.settings import Settings


def run_bridge() -> None:
    """Serve the bridge: HTTP in."""
    _run("bridge", bridge.app.run)


def run_ingress() -> None:
    """Run the Kafka ingress: requests from Kafka to Temporal."""
    _run("ingress", kafka_ingress.service.run)


def run_worker() -> None:
    """Run the Temporal worker: the workflows and activities."""
    _run("worker", worker.run)


def run_intelligence() -> None:
    """Serve the reference intelligence service."""
    _run("intelligence", intelligence.app.serve)


def _run(name: str, service: Callable[[Settings], Awaitable[None]]) -> None:
    async def main() -> None:
        await service(settings)

    settings = Settings()
    configure_logging(settings, name)
    with exit_codes():
        asyncio.run(main())
