"""In: settings and a task queue. Out: the worker of the baseline, with the options of the product's own.

A process of its own, as `enrich worker` is; whoever has started it ends it.
"""

import logging
import sys

import uvloop
from temporalio.worker import Worker

from archon.cli.bench import bare
from archon.runtime import temporal
from archon.runtime.lifecycle import stop_on_signals
from archon.runtime.settings import Settings
from worker import workflow_runner


async def run(settings: Settings, queue: str) -> None:
    """Work until SIGTERM. The options are those that worker.build_workers gives, but for the interceptor that
    logs and counts: a bare worker has none."""
    client = await temporal.connect(settings)
    store = Worker(
        client,
        task_queue=queue,
        workflows=[bare.Bare],
        activities=[
            bare.claim,
            bare.write_vectors,
            bare.write_graph,
            bare.publish_progress,
            bare.publish_completed,
        ],
        workflow_runner=workflow_runner(),
        max_concurrent_activities=50,
    )
    analysis = Worker(
        client,
        task_queue=bare.analysis_queue(queue),
        activities=[bare.analyse],
        max_concurrent_activities=settings.max_concurrent_enrichments,
        disable_eager_activity_execution=True,
    )
    async with stop_on_signals() as stop, store, analysis:
        await stop.wait()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    uvloop.run(run(Settings.load(), sys.argv[1]))
