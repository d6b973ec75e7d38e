"""In: a port and a data directory. Out: a server with Qdrant's REST API on Qdrant's own embedded engine."""

import sys
from importlib.metadata import version
from pathlib import Path

import httpx

from archon.devstack.process import ChildProcess
from archon.devstack.secrets import secret, secret_file
from archon.runtime.local_ports import HOST


def vectors(data_dir: Path, port: int) -> ChildProcess:
    """Persistent: points survive a restart."""
    url = f"http://{HOST}:{port}"

    async def ready() -> None:
        async with httpx.AsyncClient() as http:
            headers = {"api-key": secret(data_dir, "vectors")}
            (await http.get(f"{url}/collections", headers=headers)).raise_for_status()

    return ChildProcess(
        name="Vectors",
        version=f"Qdrant Edge {version('qdrant-edge-py')}",
        url=url,
        log=data_dir / "logs" / "vectors.log",
        ready=ready,
        command=[
            *(sys.executable, "-m", "archon.devstack.qdrant.server"),
            *("--port", str(port), "--path", str(data_dir / "vectors")),
            *("--key-file", str(secret_file(data_dir, "vectors"))),
        ],
    )
