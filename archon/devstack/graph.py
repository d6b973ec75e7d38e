"""In: a port and a data directory. Out: ArcadeDB with Bolt, on the Java runtime from its package."""

from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from neo4j import AsyncGraphDatabase

from archon.devstack.process import ChildProcess
from archon.devstack.secrets import is_made, secret_file
from archon.runtime.local_ports import HOST

USER: Final = "root"
DATABASE: Final = "archon"


def password_file(data_dir: Path) -> Path:
    """Contains the password of USER; created if necessary."""
    if not is_made(data_dir, "graph"):
        # Older data directories have a well-known password. Without this file, the users are created again.
        (data_dir / "graph" / "config" / "server-users.jsonl").unlink(missing_ok=True)
    return secret_file(data_dir, "graph")


def graph(data_dir: Path, port: int, http_port: int) -> ChildProcess:
    """Persistent: documents survive a restart. Its queries cannot read files or network addresses."""
    spec = find_spec("arcadedb_embedded")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    directory = data_dir / "graph"
    directory.mkdir(parents=True, exist_ok=True)
    settings = {
        "arcadedb.server.rootPath": directory,
        # Not the password itself: every user can read a process's arguments.
        "arcadedb.server.rootPasswordPath": password_file(data_dir).resolve(),
        "arcadedb.opencypher.loadCsv.allowFileUrls": "false",
        "arcadedb.opencypher.loadCsv.allowRemoteUrls": "false",
        "arcadedb.server.restoreImportAllowLocalUrls": "false",
        "arcadedb.polyglotEngineEnabled": "false",
        "arcadedb.server.plugins": "Bolt:com.arcadedb.bolt.BoltProtocolPlugin",
        "arcadedb.bolt.host": HOST,
        "arcadedb.bolt.port": port,
        "arcadedb.server.httpIncomingHost": HOST,
        "arcadedb.server.httpIncomingPort": http_port,
        # Transactions conflict by page, so documents are spread over several files. Each file makes key
        # lookups slower.
        "arcadedb.typeDefaultBuckets": 8,
        "arcadedb.server.defaultDatabases": f"{DATABASE}[{USER}]",
    }

    async def ready() -> None:
        # Without the driver's own retries, which would hide the reason.
        async with AsyncGraphDatabase.driver(
            f"bolt://{HOST}:{port}",
            auth=(USER, password_file(data_dir).read_text()),
            max_transaction_retry_time=0,
        ) as driver:
            await driver.execute_query("RETURN 1", database_=DATABASE)

    return ChildProcess(
        name="Graph",
        version=f"ArcadeDB {version('arcadedb-embedded')}",
        url=f"bolt://{HOST}:{port}",
        log=data_dir / "logs" / "graph.log",
        ready=ready,
        directory=directory,
        command=[
            *(str(package / "jre" / "bin" / "java"), "-Xmx1G"),
            # A short-lived server on few processors needs quick compilation more than peak speed.
            *("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),
            *("--add-opens", "java.base/java.nio.channels.spi=ALL-UNNAMED"),
            *("--add-opens", "java.base/java.lang=ALL-UNNAMED", "--add-modules", "jdk.incubator.vector"),
            *("-cp", str(package / "jars" / "*")),
            *(f"-D{name}={value}" for name, value in settings.items()),
            "com.arcadedb.server.ArcadeDBServer",
        ],
    )
