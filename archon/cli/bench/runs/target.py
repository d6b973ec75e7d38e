"""In: a plan. Out: its report, from a stack of its own, which ends with it, or from one that was there."""

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
    """The report of one run. Raises ServerFailedError when a process of an own stack ends before it."""
    if plan.parameters.running:
        with tempfile.TemporaryDirectory(prefix="archon-bench-") as directory:
            return await bench(plan, Target(Settings.load(), {}, Path(directory)))
    with own_directory(None, "archon-bench-") as directory:
        async with _started(plan.parameters, directory) as stack:
            return await unless_failed(asyncio.create_task(bench(plan, _own(stack))), stack)


@asynccontextmanager
async def _started(asked: Parameters, directory: Path) -> AsyncIterator[Stack]:
    # Set even where it is 0: what this process's environment says must not slow it in silence.
    overrides = {"INTELLIGENCE_SIMULATED_LATENCY": str(asked.intelligence_latency)}
    starting = err.status("Starting the stack ...")
    starting.start()
    try:
        async with running(directory, Ports.free(), overrides) as stack:
            starting.stop()
            yield stack
    finally:
        starting.stop()


def _own(stack: Stack) -> Target:
    """The process groups of a stack, each led by the guard of its child."""
    processes = [*stack.servers.all(), *stack.services.all()]
    return Target(
        settings=stack.settings,
        environment=stack.environment,
        directory=stack.data_dir,
        leaders={each.name: each.pid for each in processes if each.pid is not None},
        versions={each.name: each.version for each in stack.servers.all()},
    )
