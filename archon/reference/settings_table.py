"""In: the fields of the settings and who reads them. Out: the page of every setting."""

from collections.abc import Mapping
from typing import Final

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from archon.reference.environment import default_of
from archon.reference.readers import readers
from archon.runtime.settings import Settings

_HEAD: Final = """# Settings

Generated from [archon/runtime/settings.py](../archon/runtime/settings.py) by `make schemas`. Each is an
environment variable. Durations are in seconds; a boolean is `true` or `false`. *Read by* names the services
that load code which reads it, and `enrich`, the command line; a service takes no notice of the others.
[deploy/env.example](../deploy/env.example) has the same to copy from.

A secret may also stand in a file: set `NAME_FILE` to its path instead of `NAME`.
"""
_GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "Access": ("api_key", "allow_", "bridge_api_key", "http_tls_", "max_body"),
    "Kafka": ("kafka_",),
    "Temporal": ("temporal_",),
    "Stores": ("memgraph_", "qdrant_", "content_", "embedding_", "storage_"),
    "Intelligence service": ("intelligence_", "circuit_breaker_", "enable_circuit_breaker", "analysis_"),
    "Limits and retries": ("max_", "retry_", "outage_", "ingress_max"),
    "Alerts and metrics": ("alert_", "metrics_", "otel_"),
    "Every process": ("",),
}
"""Headings by how their settings' names begin; the first that fits has it."""


def page(fields: Mapping[str, FieldInfo] = Settings.model_fields) -> str:
    """Markdown: a table a group, in the order of their declaration."""
    read_by = readers()
    return _HEAD + "".join(
        f"\n## {group}\n\n| setting | default | meaning | read by |\n|---|---|---|---|\n"
        + "".join(_row(name, fields[name], read_by.get(name, [])) for name in fields if _group(name) == group)
        for group in _GROUPS
        if any(_group(name) == group for name in fields)
    )


def _group(name: str) -> str:
    return next(group for group, begins in _GROUPS.items() if name.startswith(begins))


def _row(name: str, field: FieldInfo, services: list[str]) -> str:
    variables = [name.upper()]
    if field.annotation is SecretStr:
        variables.append(f"{name.upper()}_FILE")
    default = default_of(field)
    cells = (
        ", ".join(f"`{variable}`" for variable in variables),
        f"`{default}`" if default else "",
        " ".join((field.description or "").split()).replace("|", "\\|"),
        ", ".join(services),
    )
    return f"| {' | '.join(cells)} |\n"
