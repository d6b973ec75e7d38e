"""Settings with wrong addresses, or for a server that refuses us: each service and command names the setting
and the address, and never the secret."""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from archon.devstack.stack import Ports, environment
from tests.e2e import command
from tests.eventually import eventually
from tests.forking import forking
from tests.stacks import TestServers

NOWHERE = {
    "MEMGRAPH_URI": "bolt://nowhere.invalid:7687",
    "QDRANT_URL": "http://nowhere.invalid:6333",
    "INTELLIGENCE_SERVICE_URL": "http://nowhere.invalid:8053",
    "KAFKA_BOOTSTRAP_SERVERS": "nowhere.invalid:9092",
    "TEMPORAL_ADDRESS": "nowhere.invalid:7233",
    "KAFKA_BOOTSTRAP_SERVER": "broker:9092",
    "MEMGRAPH_PASSWORD": "geheim",
    "QDRANT_API_KEY": "geheim",
}


@contextlib.asynccontextmanager
async def logging(service: str, env: Mapping[str, str], directory: Path) -> AsyncIterator[Path]:
    """The log file of a running service."""
    file = directory / f"{service}.log"
    with file.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *forking().command(service),
            env={**os.environ, **env, "LOG_FORMAT": "json"},
            stderr=log,
        )
    try:
        yield file
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), 30)
        if process.returncode is None:
            process.kill()


async def until_logged(file: Path, **wanted: str) -> dict[str, Any]:
    """The first line that has each of `wanted` within the field with that name."""

    async def found() -> dict[str, Any] | None:
        lines = [json.loads(each) for each in file.read_text().splitlines() if each.endswith("}")]
        return next(
            (
                line
                for line in lines
                if all(text in str(line.get(field, "")) for field, text in wanted.items())
            ),
            None,
        )

    line: dict[str, Any] = await eventually(found)
    return line


@pytest.mark.parametrize(
    ("service", "logged"),
    [
        (
            "bridge",
            {"store_not_prepared": "nowhere.invalid:7687 (MEMGRAPH_URI): no such host"}
            | {"kafka_connect_failed": "nowhere.invalid:9092 (KAFKA_BOOTSTRAP_SERVERS): no such host"},
        ),
        (
            "worker",
            {"store_not_prepared": "http://nowhere.invalid:6333 (QDRANT_URL): no such host"}
            | {"kafka_connect_failed": "nowhere.invalid:9092 (KAFKA_BOOTSTRAP_SERVERS): no such host"},
        ),
        (
            "ingress",
            {"backlog_unknown": "nowhere.invalid:7233 (TEMPORAL_ADDRESS): no such host"}
            | {"kafka_connect_failed": "nowhere.invalid:9092 (KAFKA_BOOTSTRAP_SERVERS): no such host"},
        ),
    ],
)
async def test_a_service_logs_the_address_and_the_setting(
    service: str, logged: dict[str, str], tmp_path: Path
) -> None:
    env = {**environment(tmp_path, Ports.free()), **NOWHERE}
    async with logging(service, env, tmp_path) as file:
        for event, error in logged.items():
            await until_logged(file, event=event, error=error)
        await until_logged(file, event="setting_unknown", meant="KAFKA_BOOTSTRAP_SERVERS")
    assert "geheim" not in file.read_text()


async def test_a_wrong_password_is_named(servers: TestServers, tmp_path: Path) -> None:
    await servers.start("graph")
    right = servers.settings(tmp_path)
    env = {
        **environment(tmp_path, Ports.free()),
        "MEMGRAPH_URI": right.memgraph_uri,
        "MEMGRAPH_USER": right.memgraph_user,
        "MEMGRAPH_PASSWORD": "geheim",
    }
    named = f"{right.memgraph_uri} (MEMGRAPH_URI): MEMGRAPH_USER or MEMGRAPH_PASSWORD is missing or wrong"
    async with logging("bridge", env, tmp_path) as file:
        await until_logged(file, event="store_not_prepared", error=named)
    finished = await command.enrich("setup", environment={**os.environ, **env})
    assert (finished.code, named in " ".join(finished.err.split())) == (3, True), finished.err
    assert "geheim" not in file.read_text() + finished.err


@pytest.mark.parametrize(
    ("arguments", "setting"),
    [
        (("status",), "BRIDGE_URL"),
        (("search", "x"), "BRIDGE_URL"),
        (("dlq", "list"), "BRIDGE_URL"),
        (("validate",), "TEMPORAL_ADDRESS"),
        (("setup",), "MEMGRAPH_URI"),
        (("setup",), "QDRANT_URL"),
        (("reconcile",), "TEMPORAL_ADDRESS"),
        (("topics", "list"), "KAFKA_BOOTSTRAP_SERVERS"),
        (("backfill", "pause"), "TEMPORAL_ADDRESS"),
    ],
)
async def test_a_command_names_them_too(arguments: tuple[str, ...], setting: str) -> None:
    env = {**os.environ, **NOWHERE, "BRIDGE_URL": "http://user:geheim@nowhere.invalid:8054"}
    finished = await command.enrich(*arguments, environment=env)
    assert finished.code == 3, finished.err
    assert f"({setting})" in finished.err
    assert "no such host" in finished.err
    assert "geheim" not in finished.err + finished.out
    assert "\x1b" not in finished.err
