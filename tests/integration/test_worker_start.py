"""A worker whose servers are all away: it says so, waits, and stops when it is told to."""

import asyncio
import signal
import sys
from pathlib import Path

import httpx

from archon.devstack.stack import Ports, environment
from archon.runtime.ports import HOST
from tests.eventually import eventually


async def test_a_worker_without_its_servers_is_alive_not_ready_and_stops_at_once(tmp_path: Path) -> None:
    ports = Ports.free()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "archon.cli.main", "worker"),
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
        process.send_signal(signal.SIGTERM)
        _, err = await asyncio.wait_for(process.communicate(), 30)
        assert process.returncode == 0, err.decode()
    finally:
        if process.returncode is None:
            process.kill()
