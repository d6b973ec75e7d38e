"""In: `pytest --record-servers FILE`. Out: FILE, the record of what passed on which servers.

A pytest plugin, which `tests.conftest` loads if the option is given. Tests that a filter leaves out are not
counted, so run whole modules.
"""

import os
import tempfile
from pathlib import Path
from typing import Final

import httpx
import pytest
from neo4j import GraphDatabase

from archon.devstack.stack import Ports, Servers
from tests.conftest import RECORD
from tests.servers.promises import Role
from tests.servers.records import Record

_BROKER: Final = "ARCHON_TEST_KAFKA_NAME"


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Recorder(config.getoption(RECORD), servers_of_run()))


def servers_of_run() -> dict[Role, str]:
    """Name and version of each server that this run's tests use. Raises UsageError."""
    with tempfile.TemporaryDirectory() as directory:
        embedded = Servers.on(Path(directory), Ports.free())
    names = {
        Role.KAFKA: embedded.kafka.version,
        Role.GRAPH: embedded.graph.version,
        Role.VECTORS: embedded.vectors.version,
        Role.TEMPORAL: f"Temporal {embedded.temporal.version}",
    }
    if "ARCHON_TEST_KAFKA" in os.environ:
        if _BROKER not in os.environ:
            raise pytest.UsageError(
                f"Kafka's protocol has no name: set {_BROKER}, as in 'Apache Kafka 4.1.0'"
            )
        names[Role.KAFKA] = os.environ[_BROKER]
    if uri := os.environ.get("ARCHON_TEST_GRAPH_URI"):
        names[Role.GRAPH] = _graph(uri)
    if url := os.environ.get("ARCHON_TEST_QDRANT_URL"):
        names[Role.VECTORS] = f"Qdrant {httpx.get(url).json()['version']}"
    return names


def _graph(uri: str) -> str:
    user = os.environ.get("ARCHON_TEST_GRAPH_USER", "")
    auth = (user, os.environ.get("ARCHON_TEST_GRAPH_PASSWORD", "")) if user else None
    with GraphDatabase.driver(uri, auth=auth) as driver:
        agent = driver.get_server_info().agent
        if "Memgraph" not in agent:
            return agent.replace("/", " ")
        return f"Memgraph {driver.execute_query('SHOW VERSION').records[0]['version']}"


class _Recorder:
    def __init__(self, file: Path, servers: dict[Role, str]) -> None:
        self._file = file
        self._servers = servers
        self._outcomes: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test counts as failed if one of its phases did, as passed if its call did."""
        if report.when == "call" or report.outcome != "passed":
            known = self._outcomes.get(report.nodeid)
            self._outcomes[report.nodeid] = (
                "failed" if "failed" in {known, report.outcome} else report.outcome
            )

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """An interrupted run has no record."""
        if exitstatus not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
            return
        record = Record.of(self._servers, self._outcomes).onto(self._file)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(record.model_dump_json(indent=2) + "\n")
