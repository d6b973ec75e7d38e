"""The load test's bare workflows on a real Temporal server; their cost is read from that server."""

import asyncio
from pathlib import Path

import pytest

from archon.cli.bench.bare.baseline import baseline
from archon.cli.bench.bare.workflow import WORKFLOW
from archon.cli.bench.load.documents import generate
from archon.runtime.settings import Settings
from archon.runtime.temporal import client as temporal
from tests.eventually import eventually
from tests.stacks import TestServers


async def test_an_interrupted_baseline_leaves_no_workflow_open(
    servers: TestServers, settings: Settings, tmp_path: Path
) -> None:
    await servers.start("temporal")
    client = await temporal.connect(settings)
    done: list[int] = []
    documents = list(generate("seed", 100, 1024))
    running = asyncio.create_task(
        baseline(client, servers.environment, tmp_path, documents, concurrency=4, progress=done.append)
    )

    async def under_way() -> bool:
        return bool(done) or running.done()

    await eventually(under_way)
    assert not running.done()
    assert 0 < done[-1] < len(documents)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    async def ended() -> bool:
        of_ours = f"WorkflowType='{WORKFLOW}' AND ExecutionStatus"
        left = (await client.count_workflows(f"{of_ours}='Running'")).count
        terminated = (await client.count_workflows(f"{of_ours}='Terminated'")).count
        return left == 0 and terminated > 0

    await eventually(ended)
