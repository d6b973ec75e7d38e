"""A worker without any server: it reports that, waits, and stops on request."""

import asyncio
import signal
from pathlib import Path

import httpx
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

from archon.contracts import names
from archon.devstack.stack import Ports, environment
from archon.runtime.local_ports import HOST, free_ports
from archon.runtime.settings import Settings
from archon.runtime.temporal import client as temporal
from tests.eventually import eventually
from tests.forking import forking
from tests.pages import dependencies
from tests.stacks import TestServers


async def test_a_worker_works_as_soon_as_graph_vectors_and_temporal_are_there(
    servers: TestServers, settings: Settings
) -> None:
    """Kafka and the intelligence service may come later."""
    await servers.start("temporal", "graph", "vectors")
    kafka, intelligence, own = free_ports(3)
    away = {
        "KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{kafka}",
        "INTELLIGENCE_SERVICE_URL": f"http://{HOST}:{intelligence}",
        "WORKER_PORT": str(own),
        "RECONCILE_INTERVAL": "0",
    }
    client = await temporal.connect(settings)
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=names.QUEUE_ENRICHMENT),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )

    async def pollers() -> set[str]:
        found = await client.workflow_service.describe_task_queue(request)
        return {each.identity for each in found.pollers}

    before = await pollers()
    process = await asyncio.create_subprocess_exec(
        *forking().command("worker"),
        env=servers.environment_of(settings, **away),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:

        async def polls() -> bool:
            return bool(await pollers() - before)

        await eventually(polls)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0
    finally:
        if process.returncode is None:
            process.kill()


async def test_a_worker_without_its_servers_is_alive_not_ready_and_stops_at_once(tmp_path: Path) -> None:
    ports = Ports.free()
    process = await asyncio.create_subprocess_exec(
        *forking().command("worker"),
        env=environment(tmp_path, ports),
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://{HOST}:{ports.worker}") as http:

            async def alive() -> bool:
                try:
                    return (await http.get("/livez")).is_success
                except httpx.TransportError:
                    return False

            await eventually(alive)
            ready = await http.get("/readyz", timeout=30)
        assert ready.status_code == 503
        assert {state["status"] for state in ready.json()["dependencies"].values()} >= {"unhealthy"}
        assert set(ready.json()["dependencies"]) == dependencies("worker")
        process.send_signal(signal.SIGTERM)
        _, err = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == 0, err.decode()
    finally:
        if process.returncode is None:
            process.kill()
