"""In: the fields of the settings and who reads them. Out: the page of every setting."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from archon.reference.environment import default_of
from archon.reference.readers import readers
from archon.runtime.settings import Settings

_HEAD: Final = """# Settings

Generated from [archon/runtime/settings.py](../archon/runtime/settings.py) by `make schemas`. Each setting
is an environment variable; durations are in seconds. A section names the processes that read its settings,
where `enrich` is the command line; a row names other ones. A secret `NAME` can also be read from the file
that `NAME_FILE` names. [deploy/env.example](../deploy/env.example) is a file to copy from.
"""
_OF_THE_SERVICE: Final = (
    "workers",
    "time_limit",
    "memory_limit",
    "max_document_bytes",
    "simulated_latency",
    "port",
)
_GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "Bridge": ("api_key", "allow_una", "bridge_api_key", "bridge_port", "max_body", "max_stream"),
    "Ingress": (
        "kafka_session_",
        "kafka_fetch_",
        "kafka_group_",
        "ingress_max",
        "ingress_revision",
        "ingress_shared",
    ),
    "Kafka": ("kafka_", "project_"),
    "Temporal": ("temporal_",),
    "Graph": ("memgraph_",),
    "Vectors and content": ("qdrant_", "content_", "embedding_dimensions", "storage_"),
    "Reference intelligence service": ("embedding_", *(f"intelligence_{name}" for name in _OF_THE_SERVICE)),
    "Intelligence client": ("intelligence_", "circuit_breaker_", "enable_circuit_breaker", "outage_"),
    "Rollout": ("enable_async", "async_", "skip_", "enrichment_flags", "sync_"),
    "Worker": ("max_", "retry_", "reconcile_", "analysis_"),
    "Every process": ("",),
}
"""Headings by how their settings' names begin; the first that fits has it."""


def page(fields: Mapping[str, FieldInfo] = Settings.model_fields) -> str:
    """Markdown: a table a group, in the order of their declaration."""
    read_by = {name: ", ".join(services) for name, services in readers().items()}
    return _HEAD + "".join(
        _section(group, {name: fields[name] for name in fields if _group(name) == group}, read_by)
        for group in _GROUPS
        if any(_group(name) == group for name in fields)
    )


def _section(group: str, fields: Mapping[str, FieldInfo], read_by: Mapping[str, str]) -> str:
    """`read_by`: services by setting. The usual ones are named above the table."""
    usual = Counter(read_by.get(name, "") for name in fields).most_common(1)[0][0]
    head = f"\n## {group}\n\nRead by {usual}.\n\n| setting and default | meaning |\n|---|---|\n"
    others = {name: services for name, services in read_by.items() if services != usual}
    return head + "".join(_row(name, field, others.get(name, "")) for name, field in fields.items())


def _group(name: str) -> str:
    return next(group for group, begins in _GROUPS.items() if name.startswith(begins))


def _row(name: str, field: FieldInfo, services: str) -> str:
    """`services`: those that read it, if they are not the section's."""
    default = default_of(field)
    variables = [f"{name.upper()}={default}" if default else name.upper()]
    if field.annotation is SecretStr:
        variables.append(f"{name.upper()}_FILE")
    meaning = " ".join((field.description or "").split()).replace("|", "\\|")
    cells = (
        ", ".join(f"`{variable}`" for variable in variables),
        f"{meaning} ({services})" if services else meaning,
    )
    return f"| {' | '.join(cells)} |\n"
