"""In: a data directory and ports. Out: the whole stack in the foreground until Ctrl-C."""

import asyncio
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from archon.cli.output import err, exit_codes, out, table
from archon.devstack.stack import Ports, Stack, running
from archon.runtime.lifecycle import first_of, stop_on_signals

DataDir = Annotated[Path, typer.Option(help="Where everything is kept; Kafka's topics alone are not.")]
FreePorts = Annotated[
    bool, typer.Option("--free-ports", help="Use any free ports instead of the usual ones.")
]


def up(data_dir: DataDir = Path(".archon"), free_ports: FreePorts = False) -> None:
    """Run everything: servers and services, until Ctrl-C."""
    with exit_codes():
        asyncio.run(_up(data_dir.resolve(), Ports.free() if free_ports else Ports()))


async def _up(data_dir: Path, ports: Ports) -> None:
    async with stop_on_signals() as stop:
        with err.status("Starting ..."):
            starting = running(data_dir, ports)
            stack = await starting.__aenter__()
        try:
            print_stack(stack)
            await wait(stack, stop)
        finally:
            err.print("Stopping ...")
            await starting.__aexit__(None, None, None)


async def wait(stack: Stack, stop: asyncio.Event) -> None:
    """Until `stop`, or until a process of the stack ends, which is an error."""
    watching = asyncio.create_task(stack.failed())
    waiting = asyncio.create_task(stop.wait())
    try:
        await first_of(watching, waiting)
    finally:
        watching.cancel()
        waiting.cancel()
        await asyncio.gather(watching, waiting, return_exceptions=True)


def print_stack(stack: Stack) -> None:
    """A dozen aligned lines: what runs, where, what to try, and how to stop."""
    rows = [(f"{child.name} {child.version}", child.url) for child in stack.servers.all()]
    services = stack.services
    rows += [
        ("Bridge", f"{services.bridge.url}/docs"),
        ("Intelligence", f"{services.intelligence.url}/docs"),
        ("Ingress, worker", f"{services.ingress.url}/readyz  {services.worker.url}/readyz"),
        ("Data", f"{stack.data_dir} (survives a restart; Kafka's topics do not)"),
        ("Logs", str(stack.data_dir / "logs")),
        ("Try", f"BRIDGE_URL={services.bridge.url} enrich ingest ."),
        ("Stop", "Ctrl-C"),
    ]
    table(f"Archon Enrichment {version('archon-enrichment')}", ("", ""), rows)
    out.print()
