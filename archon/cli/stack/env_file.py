"""In: a stack's settings. Out: a file for a shell to source, so that the commands in our pages find that
stack."""

import sys
from collections.abc import Mapping
from pathlib import Path
from shlex import quote

from archon.runtime.local_ports import HOST
from archon.runtime.settings import Settings


def exported(data_dir: Path, environment: Mapping[str, str], settings: Settings) -> dict[str, str]:
    """The stack's environment, and other addresses and names that the pages' commands use."""
    return {
        **environment,
        "ARCHON_DATA_DIR": str(data_dir),
        "ARCHON_LOGS": str(data_dir / "logs"),
        "INGRESS_URL": f"http://{HOST}:{settings.ingress_port}",
        "KAFKA_DLQ_TOPIC": settings.kafka_dlq_topic,
        "KAFKA_ENRICHMENT_TOPIC": settings.kafka_enrichment_topic,
        "KAFKA_BULK_TOPIC": settings.kafka_bulk_topic,
        "KAFKA_GROUP_ID": settings.kafka_group_id,
        "QDRANT_COLLECTION": settings.qdrant_collection,
        "QDRANT_SYMBOLS_COLLECTION": settings.qdrant_symbols_collection,
        "TEMPORAL_NAMESPACE": settings.temporal_namespace,
    }


def exports(data_dir: Path, environment: Mapping[str, str], settings: Settings) -> str:
    """Lines of `export NAME=value`. PATH starts with this Python's scripts: `enrich`, `temporal`."""
    names = exported(data_dir, environment, settings)
    tools = f'export PATH={quote(str(Path(sys.executable).parent))}:"$PATH"\n'
    return "".join([*(f"export {name}={quote(value)}\n" for name, value in names.items()), tools])
