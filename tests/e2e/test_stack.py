"""`enrich up` for an operator: commands to its services, its addresses, its settings, and its end."""

import asyncio
import os
import shlex
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from archon.devstack.data_directory import ports_file
from archon.runtime.local_ports import free_ports
from tests.e2e.command import enrich, start_up
from tests.e2e.faulty import FaultyIntelligence
from tests.eventually import eventually
from tests.forking import forking
from tests.processes import alive, below

pytestmark = pytest.mark.timeout(400)  # minutes on a busy machine
NAMES = ["temporal", "kafka", "graph", "vectors", "intelligence", "bridge", "ingress", "worker"]
PLAIN = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "TMPDIR", "LANG"}}


@dataclass
class Up:
    """A started `enrich up`."""

    process: asyncio.subprocess.Process
    data_dir: Path
    said: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a shell that has sourced its `env`."""
        words = [shlex.split(line) for line in (self.data_dir / "env").read_text().splitlines()]
        pairs = (word[1].partition("=") for word in words)
        return PLAIN | {name: value for name, _, value in pairs if name != "PATH"}

    async def enrich(self, *arguments: str) -> Any:
        return await enrich(*arguments, "--data-dir", str(self.data_dir), environment=PLAIN)

    async def services(self) -> dict[str, dict[str, Any]]:
        listed = await self.enrich("ps", "-o", "json")
        assert listed.code == 0, listed.err
        return {each["service"]: each for each in listed.json()}

    async def end(self) -> None:
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
        await self.process.wait()


GIVEN = {"SHUTDOWN_TIMEOUT": "3", "KAFKA_SESSION_TIMEOUT": "7", "KAFKA_RECREATED_AFTER": "4"}


async def start(data_dir: Path, **environment: str) -> Up:
    own = {**PLAIN, "INTELLIGENCE_WORKERS": "1", **environment}
    process, said = await start_up(data_dir, 120, own)
    return Up(process, data_dir, said)


@pytest.fixture(scope="module")
async def up(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Up]:
    started = await start(tmp_path_factory.mktemp("up"), **GIVEN)
    yield started
    await started.end()


async def all_gone(pids: set[int]) -> None:
    async def gone() -> bool:
        return not any(map(alive, pids))

    await eventually(gone, seconds=10)


async def test_its_services_are_listed_with_all_that_leads_to_them(up: Up) -> None:
    found = await up.services()
    assert list(found) == NAMES
    for name, service in found.items():
        assert (service["state"], service["restarts"]) == ("running", 0)
        assert alive(service["pid"])
        assert Path(service["log"]) == up.data_dir / "logs" / f"{name}.log"
    assert found["bridge"]["address"] == up.environment["BRIDGE_URL"]
    table = (await up.enrich("ps")).out
    assert all(f"\n{name} " in table for name in NAMES)


async def test_one_that_is_stopped_is_away_until_it_is_started(up: Up) -> None:
    before = (await up.services())["ingress"]
    stopped = await up.enrich("stop", "Ingress")
    assert (stopped.code, stopped.out) == (0, "ingress is stopped\n"), stopped.err
    await all_gone({before["pid"]})
    readyz = f"http://127.0.0.1:{up.environment['INGRESS_PORT']}/readyz"
    async with httpx.AsyncClient() as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(readyz)
        assert (await up.services())["ingress"]["state"] == "stopped"
        finished = await enrich("doctor", "-o", "json", environment=up.environment)
        finding = finished.json()["findings"][0]
        assert (finding["part"], finding["next"]) == ("ingress", "`enrich start ingress`")
        started = await up.enrich("start", "ingress")
        assert (started.code, started.out) == (0, "ingress is running\n"), started.err
        assert (await http.get(readyz)).is_success
    restarted = await up.enrich("restart", "ingress")
    assert restarted.code == 0, restarted.err
    assert (await up.services())["ingress"]["pid"] != before["pid"]


async def test_a_name_that_is_none_is_answered_with_those_that_are(up: Up) -> None:
    for verb in ("stop", "logs"):
        wrong = await up.enrich(verb, "memgraph")
        assert wrong.code == 2
        assert "there is no memgraph" in wrong.err
        assert all(name in wrong.err for name in NAMES)


async def test_where_no_stack_runs_commands_say_so(tmp_path: Path) -> None:
    for command in (("ps",), ("stop", "bridge"), ("logs", "bridge")):
        away = await enrich(*command, "--data-dir", str(tmp_path), environment=PLAIN)
        assert away.code == 3, away.err
        assert str(tmp_path) in away.err
        assert "`enrich up`" in away.err


async def test_a_log_is_shown_from_its_end_and_followed(up: Up) -> None:
    log = up.data_dir / "logs" / "worker.log"
    shown = await up.enrich("logs", "worker", "-n", "2")
    assert shown.code == 0, shown.err
    assert shown.out.splitlines() == log.read_text().splitlines()[-2:]
    process = await asyncio.create_subprocess_exec(
        *forking().command("logs", "worker", "-n", "0", "--follow", "--data-dir", str(up.data_dir)),
        env=PLAIN,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    added = asyncio.create_task(process.stdout.readline())
    while not added.done():
        with log.open("a") as file:
            file.write("a line of this test\n")
        await asyncio.wait([added], timeout=0.1)
    assert added.result() == b"a line of this test\n"
    process.terminate()
    await process.wait()


async def test_a_second_stack_on_the_directory_is_refused(up: Up) -> None:
    second = await up.enrich("up")
    assert second.code == 1
    assert f"{up.data_dir} is in use by another stack" in second.err


async def test_a_killed_intelligence_service_leaves_no_analysis_behind_and_is_back(up: Up) -> None:
    guard = (await up.services())["intelligence"]["pid"]
    (service,) = (each.pid for each in psutil.Process(guard).children())
    analysing = below(service)
    assert analysing
    os.kill(service, signal.SIGKILL)
    await all_gone({guard, service, *analysing})

    async def back() -> bool:
        found = (await up.services())["intelligence"]
        return found["state"] == "running" and found["restarts"] == 1

    await eventually(back)


@pytest.mark.full
async def test_every_process_that_is_killed_takes_its_own_with_it_and_is_back(up: Up) -> None:
    """Kills the guard, which would otherwise end the rest gently."""
    before = await up.services()
    processes = {pid for service in before.values() for pid in below(service["pid"])}
    assert len(processes) >= len(NAMES)
    for service in before.values():
        os.kill(service["pid"], signal.SIGKILL)
    await all_gone(processes)

    async def back() -> bool:
        found = await up.services()
        return all(
            found[name]["state"] == "running" and found[name]["restarts"] > before[name]["restarts"]
            for name in NAMES
        )

    await eventually(back, seconds=180)


@pytest.mark.full
async def test_an_ingest_says_what_it_waits_for(up: Up, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def a(): pass\n")
    assert (await up.enrich("stop", "intelligence")).code == 0
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "archon.cli.main", "ingest", str(tmp_path), "-p", "waits"),
        env=up.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    async with asyncio.timeout(60):
        line = (await process.stderr.readline()).decode()
    assert line.startswith("waiting for intelligence ("), await process.communicate()
    assert "nothing has changed for" in line
    assert (await up.enrich("stop", "bridge")).code == 0
    async with asyncio.timeout(60):
        while not (line := (await process.stderr.readline()).decode()).startswith("waiting for the bridge: "):
            assert line.startswith("waiting for intelligence (")
    assert up.environment["BRIDGE_URL"] in line
    for name in ("bridge", "intelligence"):
        assert (await up.enrich("start", name)).code == 0
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode() + out.decode()


async def test_free_space_is_told_by_readiness_health_and_metrics(up: Up) -> None:
    environment = up.environment
    async with httpx.AsyncClient() as http:
        for service in ("BRIDGE", "WORKER"):
            url = f"http://127.0.0.1:{environment[f'{service}_PORT']}"
            storage = (await http.get(f"{url}/readyz")).json()["dependencies"]["storage"]
            assert storage["status"] == "healthy"
            metrics = (await http.get(f"{url}/metrics")).text
            for store in ("content", "graph", "temporal", "vectors"):
                assert f"{store}: " in storage["detail"]
                for kind in ("free", "size"):
                    assert f'archon_storage_{kind}_bytes{{store="{store}"}}' in metrics
        health = (await http.get(f"http://127.0.0.1:{environment['WORKER_PORT']}/health")).json()
        assert 0 < health["storage"]["graph"]["free"] < health["storage"]["graph"]["size"]


@pytest.mark.full
async def test_nothing_outlives_a_kill_and_the_next_one_has_the_same_addresses(tmp_path: Path) -> None:
    """The last test, because it starts another stack, twice."""
    killed = await start(tmp_path)
    processes, before = below(killed.process.pid), (tmp_path / "env").read_text()
    assert len(processes) >= 2 * len(NAMES)
    killed.process.kill()
    await killed.process.wait()
    # At once: processes that are ending still hold their ports.
    again = await start(tmp_path)
    await all_gone(processes)
    assert (tmp_path / "env").read_text() == before
    # Also in a shell that has sourced it.
    await again.end()
    assert again.process.returncode == 0
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(again.environment["BRIDGE_PORT"])))
        taken.listen()
        refused = await enrich("up", "--data-dir", str(tmp_path), environment=again.environment)
    assert refused.code == 1
    assert f"port {again.environment['BRIDGE_PORT']}, wanted by bridge, is taken" in refused.err
    assert str(ports_file(tmp_path)) in refused.err


REFUSED = {
    "BRIDGE_URL": "http://127.0.0.1:1",
    "KAFKA_BOOTSTRAP_SERVERS": "broker:9092",
    "KAFKA_ENABLE_IDEMPOTENCE": "true",
    "KAFKA_SECURITY_PROTOCOL": "SSL",
    "HTTP_TLS_CERTFILE": "/certificate.pem",
    "MEMGRAPH_DATABASE": "mine",
    "MEMGRAPH_PASSWORD": "geheim",
    "QDRANT_API_KEY": "geheim",
    "MEMGRAPH_URI": "bolt://127.0.0.1:1",
    "MEMGRAPH_USER": "me",
    "QDRANT_URL": "http://127.0.0.1:1",
    "TEMPORAL_ADDRESS": "127.0.0.1:1",
    "TEMPORAL_API_KEY": "key",
    "TEMPORAL_NAMESPACE": "mine",
    "TEMPORAL_TLS": "true",
    "TEMPORAL_TLS_CLIENT_CERT_PATH": "/certificate.pem",
    "TEMPORAL_TLS_CLIENT_KEY_PATH": "/key.pem",
    "TEMPORAL_TLS_SERVER_CA_CERT_PATH": "/authority.pem",
    "TEMPORAL_UI_URL": "http://127.0.0.1:1",
    "WORKER_URL": "http://127.0.0.1:1",
    "CONTENT_STORE_URL": "memory://",
}


async def test_settings_that_the_stack_cannot_have_are_refused_by_name(tmp_path: Path) -> None:
    refused = await enrich("up", "--data-dir", str(tmp_path / "d"), environment={**PLAIN, **REFUSED})
    assert refused.code == 2
    assert [name for name in REFUSED if name not in refused.err] == []
    assert not (tmp_path / "d").exists()
    assert "geheim" not in refused.err


@pytest.mark.full
async def test_an_own_intelligence_service_content_store_and_port_are_kept(tmp_path: Path) -> None:
    intelligence_port, bridge_port = free_ports(2)
    intelligence = FaultyIntelligence(intelligence_port)
    given = {
        "INTELLIGENCE_SERVICE_URL": intelligence.url,
        "CONTENT_STORE_URL": (tmp_path / "elsewhere").as_uri(),
        "BRIDGE_PORT": str(bridge_port),
    }
    async with intelligence.serving():
        up = await start(tmp_path / "d", **given)
        try:
            assert up.environment.items() >= given.items()
            assert f"{intelligence.url} (your own)" in up.said
            assert list(await up.services()) == [name for name in NAMES if name != "intelligence"]
            await enriched(up)
            assert list((tmp_path / "elsewhere" / "content").iterdir())
        finally:
            await up.end()


async def enriched(up: Up) -> None:
    """Returns when it has enriched a document."""
    url = f"{up.environment['BRIDGE_URL']}/api/bridge/document"
    body = {"project_id": "own", "source_path": "a.py", "full_text": "a = 1\n"}
    async with httpx.AsyncClient(timeout=30) as http:
        accepted = (await http.post(url, json=body)).json()

        async def is_enriched() -> bool:
            found = (await http.get(f"{url}/{accepted['document_id']}")).json()
            return bool(found["enrichment_status"] == "completed")

        await eventually(is_enriched)


async def test_it_enriches_with_the_settings_it_was_given_and_ctrl_c_leaves_nothing_running(up: Up) -> None:
    """The last test, because it ends the stack."""
    assert up.environment.items() >= GIVEN.items()
    await enriched(up)
    processes = below(up.process.pid)
    assert len(processes) >= 2 * len(NAMES)
    await up.end()
    assert up.process.returncode == 0
    await all_gone(processes)
