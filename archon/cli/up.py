"""In: a data directory and ports. Out: the whole stack in the foreground until Ctrl-C."""

import asyncio
import sys
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from importlib.metadata import version
from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import typer

from archon.cli.output import err, exit_codes, out, status, table
from archon.devstack.stack import Ports, Stack, running
from archon.runtime.lifecycle import stop_on_signals

DataDir = Annotated[Path, typer.Option(help="Where everything is kept; Kafka's topics alone are not.")]
FreePorts = Annotated[
    bool, typer.Option("--free-ports", help="Use any free ports instead of the usual ones.")
]


def up(data_dir: DataDir = Path(".archon"), free_ports: FreePorts = False) -> None:
    """Run everything: servers and services, until Ctrl-C. What ends by itself is started again."""
    with exit_codes():
        asyncio.run(until_interrupted(_up(data_dir.resolve(), Ports.free() if free_ports else Ports())))


async def _up(data_dir: Path, ports: Ports) -> None:
    async with AsyncExitStack() as entered:
        with status("Starting the stack ..."):
            stack = await entered.enter_async_context(running(data_dir, ports))
        exports = [f"export {name}={quote(value)}\n" for name, value in stack.environment.items()]
        tools = f'export PATH={quote(str(Path(sys.executable).parent))}:"$PATH"\n'
        (stack.data_dir / "env").write_text("".join([*exports, tools]))
        print_stack(stack)
        await stack.supervised(err.print)


async def until_interrupted(work: Coroutine[Any, Any, None]) -> bool:
    """Run `work` to its end, or until SIGINT or SIGTERM, which lets its blocks clean up; whether it ended."""
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
    """A dozen aligned lines: what runs, where, what to try, and how to stop."""
    fate = "survives a restart; Kafka's topics do not" if kept else "removed at the end"
    rows = [(f"{child.name} {child.version}", child.url) for child in stack.servers.all()]
    services = stack.services
    leading = f". {stack.data_dir / 'env'} &&" if kept else f"BRIDGE_URL={services.bridge.url}"
    rows += [
        ("Bridge", f"{services.bridge.url}/docs"),
        ("Intelligence", f"{services.intelligence.url}/docs"),
        ("Ingress, worker", f"{services.ingress.url}/readyz  {services.worker.url}/readyz"),
        ("Data", f"{stack.data_dir} ({fate})"),
        ("Logs", str(stack.data_dir / "logs")),
        ("Temporal CLI", f"--address {stack.settings.temporal_address}"),
        ("Try", f"{leading} enrich ingest ."),
        ("Stop", "Ctrl-C"),
    ]
    table(f"Archon Enrichment {version('archon-enrichment')}", ("", ""), rows)
    out.print()
