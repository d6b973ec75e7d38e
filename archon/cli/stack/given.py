"""In: settings from the user's environment. Out: those that `enrich up` honours, and the ports they set.

Settings that the embedded servers cannot fulfil, or that name their addresses, are refused: `enrich up` would
replace them silently.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from archon.contracts.errors import ConfigurationError
from archon.devstack.secrets import is_made, secret
from archon.devstack.stack import Ports
from archon.runtime.settings import Settings

HONOURED: Final = frozenset(
    {
        "CONTENT_STORE_URL",
        "INTELLIGENCE_SERVICE_URL",
        "KAFKA_FETCH_WAIT",
        "KAFKA_RECREATED_AFTER",
        "KAFKA_SESSION_TIMEOUT",
        "SHUTDOWN_TIMEOUT",
        "STORAGE_DIRECTORIES",
    }
)
"""Settings of the stack's environment that the user may override."""
_PORTS: Final = ("bridge", "intelligence", "ingress", "worker")
_SECRETS: Final = {"memgraph_password": "graph", "qdrant_api_key": "vectors"}
"""Owner of each secret, by setting."""
_NOT_OFFERED: Final = (
    "http_tls_certfile",
    "kafka_security_protocol",
    "temporal_api_key",
    "temporal_namespace",
    "temporal_tls",
    "temporal_tls_client_cert_path",
    "temporal_tls_client_key_path",
    "temporal_tls_server_ca_cert_path",
)
"""Encryption and names that the embedded servers do not support; the defaults apply."""


class Given:
    """`settings` as in the environment."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def ports(self, ports: Ports) -> Ports:
        """`ports` with those of our services that the environment sets."""
        named = {name: f"{name}_port" for name in _PORTS}
        given = {name: getattr(self._settings, field) for name, field in named.items() if self._has(field)}
        return replace(ports, **given)

    def overrides(self, own: Mapping[str, str], data_dir: Path) -> dict[str, str]:
        """The user's accepted overrides of the stack's `own` environment. The secrets are those of the data
        directory.

        Raises ConfigurationError, which names all conflicting settings.
        """
        here = Settings(**{name.lower(): value for name, value in own.items()})  # type: ignore[arg-type]
        other = {name: getattr(self._settings, name.lower()) for name in own if self._has(name.lower())}
        other = {name: value for name, value in other.items() if value != getattr(here, name.lower())}
        refused = [f"{name}={other[name]} (here {own[name]})" for name in sorted({*other} - HONOURED)]
        refused += [
            f"{name.upper()} (the embedded servers do not offer it)"
            for name in _NOT_OFFERED
            if getattr(self._settings, name) != Settings.model_fields[name].get_default()
        ]
        refused += [f"{name.upper()} (the stack has its own)" for name in self._other_secrets(data_dir)]
        if self._settings.content_store_url.startswith("memory:"):
            refused.append("CONTENT_STORE_URL=memory:// (bridge and worker must see the same)")
        if refused:
            raise ConfigurationError(f"unset what this stack decides itself: {', '.join(refused)}")
        written = {name.upper(): value for name, value in os.environ.items()}
        return {name: written[name] for name in other}

    def _other_secrets(self, data_dir: Path) -> Iterator[str]:
        """Secrets that differ from the stack's; a shell that has sourced the stack's `env` has the same
        ones."""
        for field, server in _SECRETS.items():
            if self._has(field):
                said = getattr(self._settings, field).get_secret_value()
                if not is_made(data_dir, server) or said != secret(data_dir, server):
                    yield field

    def _has(self, field: str) -> bool:
        return field in self._settings.model_fields_set
