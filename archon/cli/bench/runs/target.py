"""In: a plan. Out: its report, from a temporary stack of its own, or from an existing one."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from archon.cli.bench.measured.report import BenchReport, Parameters
from archon.cli.bench.runs.run import Plan, Target, bench
from archon.cli.stack.own_stack import own_directory, unless_failed
from archon.cli.terminal.output import err
from archon.devstack.stack import Ports, Stack, running
from archon.runtime.settings import Settings


async def measured(plan: Plan) -> BenchReport:
    """The report of one run. Raises ServerFailedError if a process of an own stack ends first."""
    if plan.parameters.running:
        with tempfile.TemporaryDirectory(prefix="archon-bench-") as directory:
            return await bench(plan, Target(Settings.load(), {}, Path(directory)))
    with own_directory(None, "archon-bench-") as directory:
        async with _started(plan.parameters, directory) as stack:
            return await unless_failed(asyncio.create_task(bench(plan, _own(stack))), stack)


@asynccontextmanager
async def _started(parameters: Parameters, directory: Path) -> AsyncIterator[Stack]:
    # Set even if it is 0: this process's environment must not silently slow the stack.
    overrides = {"INTELLIGENCE_SIMULATED_LATENCY": str(parameters.intelligence_latency)}
    starting = err.status("Starting the stack ...")
    starting.start()
    try:
        async with running(directory, Ports.free(), overrides) as stack:
            starting.stop()
            yield stack
    finally:
        starting.stop()


def _own(stack: Stack) -> Target:
    """The process groups of a stack, each with the guard of its child as leader."""
    processes = [*stack.servers.all(), *stack.services.all()]
    return Target(
        settings=stack.settings,
        environment=stack.environment,
        directory=stack.data_dir,
        leaders={each.name: each.pid for each in processes if each.pid is not None},
        versions={each.name: each.version for each in stack.servers.all()},
    )
