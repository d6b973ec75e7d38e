"""In: settings and a task queue. Out: the worker of the baseline, with the options of the product's own.

A process of its own, as `enrich worker` is; whoever has started it ends it.
"""

import logging
import sys
from contextlib import AsyncExitStack

import uvloop

from archon.cli.bench.bare import workflow as bare
from archon.runtime.settings import Settings
from archon.runtime.tasks import stop_on_signals
from archon.runtime.temporal import client as temporal
from worker import Served, build_workers


async def run(settings: Settings, queue: str) -> None:
    """Work until SIGTERM. The interceptor that logs and counts is not in it."""
    client = await temporal.connect(settings)
    served = Served(queue, bare.analysis_queue(queue), workflows=[bare.Bare], interceptors=())
    async with stop_on_signals() as stop, AsyncExitStack() as working:
        for each in build_workers(client, settings, bare.STORE, [bare.analyse], served):
            await working.enter_async_context(each)
        await stop.wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    uvloop.run(run(Settings.load(), sys.argv[1]))
