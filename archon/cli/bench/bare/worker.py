"""In: settings and a task queue. Out: the baseline's worker, with the same options as the product's.

A separate process, like `enrich worker`; its starter ends it.
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
    """Works until SIGTERM, without the interceptor for logs and metrics."""
    client = await temporal.connect(settings)
    served = Served(queue, bare.analysis_queue(queue), workflows=[bare.Bare], interceptors=())
    async with stop_on_signals() as stop, AsyncExitStack() as working:
        for each in build_workers(client, settings, bare.STORE, [bare.analyse], served):
            await working.enter_async_context(each)
        await stop.wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    uvloop.run(run(Settings.load(), sys.argv[1]))
