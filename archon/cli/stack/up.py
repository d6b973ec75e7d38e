"""In: a data directory and ports. Out: the whole stack in the foreground until Ctrl-C."""

import asyncio
import contextlib
import os
from collections.abc import Coroutine, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from archon.cli.stack.env_file import exports
from archon.cli.stack.given import Given
from archon.cli.terminal.output import err, exit_codes, out, status, table
from archon.devstack.data_directory import keep_ports, kept_ports, ports_file
from archon.devstack.guard import GRACE_SECONDS
from archon.devstack.stack import Ports, Stack, addresses, running
from archon.runtime.local_ports import PortTakenError
from archon.runtime.settings import Settings
from archon.runtime.tasks import stop_on_signals

_PATIENCE: Final = 2 * GRACE_SECONDS
"""Seconds that remains of a killed stack may hold its ports."""
DataDir = Annotated[Path, typer.Option(help="Data directory for everything except Kafka's topics.")]
FreePorts = Annotated[
    bool, typer.Option("--free-ports", help="Use any free ports instead of the default ones.")
]


def up(data_dir: DataDir = Path(".archon"), free_ports: FreePorts = False) -> None:
    """Run everything: servers and services, until Ctrl-C. Processes that end are restarted.

    The ports of a data directory stay the same; settings in the environment override them, or are refused by
    name.
    """
    os.umask(0o077)  # documents, vectors and histories are private
    with exit_codes():
        asyncio.run(until_interrupted(_up(data_dir.resolve(), free_ports)))


async def _up(data_dir: Path, free_ports: bool) -> None:
    kept = kept_ports(data_dir)
    ports = Ports.named(kept) if kept else Ports.free() if free_ports else Ports()
    given = Given(Settings.load())
    ports = given.ports(ports)
    overrides = given.overrides(addresses(data_dir, ports), data_dir)
    async with contextlib.AsyncExitStack() as entered:
        with status("Starting the stack ...") as tell:
            try:
                stack = await entered.enter_async_context(
                    running(data_dir, ports, overrides, tell, _PATIENCE if kept else 0.0)
                )
            except PortTakenError as error:
                raise PortTakenError(f"{error} {_remedy(data_dir, kept)}") from error
        keep_ports(data_dir, asdict(ports))
        env = stack.data_dir / "env"
        env.touch(0o600)
        env.chmod(0o600)
        env.write_text(exports(stack.data_dir, stack.environment, stack.settings))
        await entered.enter_async_context(stack.supervised(err.print))
        print_stack(stack)
        await asyncio.Event().wait()


def _remedy(data_dir: Path, kept: Mapping[str, int]) -> str:
    if not kept:
        return "--free-ports uses other ports"
    return (
        f"The ports of {data_dir} are kept in {ports_file(data_dir)}: "
        "stop the other process, or remove that file"
    )


async def until_interrupted(work: Coroutine[Any, Any, None]) -> bool:
    """Runs `work` to its end, or until SIGINT or SIGTERM, which lets its blocks clean up. Returns whether it
    ended."""
    async with stop_on_signals() as stop:
        task, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
        await asyncio.wait([task, stopped], return_when=asyncio.FIRST_COMPLETED)
        ended = task.done()
        if not ended:
            err.print("Stopping ...")
            task.cancel()
        stopped.cancel()
        await asyncio.gather(task, stopped, return_exceptions=True)
        if ended:
            await task
        return ended


def print_stack(stack: Stack, *, kept: bool = True) -> None:
    """A dozen aligned lines: the processes, their addresses, commands to try, and how to stop."""
    fate = "survives a restart; Kafka's topics do not" if kept else "removed at the end"
    rows = [(f"{child.name} {child.version}", child.url) for child in stack.servers.all()]
    services = stack.services
    leading = f". {stack.data_dir / 'env'} &&" if kept else f"BRIDGE_URL={services.bridge.url}"
    intelligence = (
        f"{services.intelligence.url}/docs"
        if services.has_intelligence
        else f"{stack.settings.intelligence_service_url} (your own)"
    )
    rows += [
        ("Bridge", f"{services.bridge.url}/docs"),
        ("Intelligence", intelligence),
        ("Ingress, worker", f"{services.ingress.url}/readyz  {services.worker.url}/readyz"),
        ("Data", f"{stack.data_dir} ({fate})"),
        ("Logs", str(stack.data_dir / "logs")),
        ("Temporal CLI", f"--address {stack.settings.temporal_address}"),
        ("Try", f"{leading} enrich ingest ."),
        ("Stop", "Ctrl-C; one of them: enrich stop NAME" if kept else "Ctrl-C"),
    ]
    table(f"Archon Enrichment {version('archon-enrichment')}", ("", ""), rows)
    out.print()
