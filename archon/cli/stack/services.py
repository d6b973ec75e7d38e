"""In: a verb for one service. Out: that service in the foreground until SIGTERM or Ctrl-C.

Services are imported on use: all together take half a second.
"""

import os
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

import uvloop

from archon.cli.terminal.output import exit_codes
from archon.runtime import misspelt
from archon.runtime.logs import configure_logging
from archon.runtime.settings import Settings
from archon.runtime.telemetry import tracing


def run_bridge() -> None:
    """Serve the bridge: HTTP in."""
    _run("bridge", "bridge.app")


def run_ingress() -> None:
    """Run the Kafka ingress: requests from Kafka to Temporal."""
    _run("ingress", "kafka_ingress.service")


def run_worker() -> None:
    """Run the Temporal worker: the workflows and activities."""
    _run("worker", "worker")


def run_intelligence() -> None:
    """Serve the reference intelligence service."""
    _run("intelligence", "intelligence.app")


def _run(name: str, module: str) -> None:
    with exit_codes():
        settings = Settings.load()
        configure_logging(settings, name)
        misspelt.warn(os.environ)
        serve: Callable[[Settings], Awaitable[Any]] = import_module(module).run

        async def main() -> None:
            async with tracing.exported(name):
                await serve(settings)

        uvloop.run(main())
