"""Variables that look like settings, and variables of other programs."""

import os
from pathlib import Path

import pytest
import yaml

from archon.runtime.misspelt import misspelt
from archon.runtime.settings import Settings


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("KAFKA_BOOTSTRAP_SERVER", "KAFKA_BOOTSTRAP_SERVERS"),
        ("KAKFA_BOOTSTRAP_SERVERS", "KAFKA_BOOTSTRAP_SERVERS"),
        ("MEMGRAPH_URL", "MEMGRAPH_URI"),
        ("memgraph_url", "MEMGRAPH_URI"),
        ("QDRANT_URI", "QDRANT_URL"),
        ("QDRANT_API_KEY_FILES", "QDRANT_API_KEY_FILE"),
        ("MAX_CONCURRENT_ENRICHMENT", "MAX_CONCURRENT_ENRICHMENTS"),
        ("TEMPORAL_ADRESS", "TEMPORAL_ADDRESS"),
        ("RETRY_MAX_ATTEMPT", "RETRY_MAX_ATTEMPTS"),
        ("INTELLIGENCE_URL", None),
        ("CIRCUIT_BREAKER_LIMIT", None),
    ],
)
def test_a_close_name_is_shown_with_the_meant_setting(name: str, meant: str | None) -> None:
    (found,) = misspelt([name])
    assert (found.name, found.meant) == (name, meant)
    assert name in str(found)


OTHERS = [
    *("KAFKA_HOME", "KAFKA_HEAP_OPTS", "KAFKA_CFG_NODE_ID", "KAFKA_ADVERTISED_LISTENERS", "KAFKA_BROKERS"),
    *("TEMPORAL_CLI_ADDRESS", "TEMPORAL_TLS_CA", "TEMPORAL_TLS_CLIENT_CERT_DATA", "TEMPORAL_PROFILE"),
    *("TEMPORAL_TLS_SERVER_CA_CERT_DATA", "TEMPORAL_TLS_CLIENT_KEY_DATA", "TEMPORAL_GRPC_META_KEY"),
    *("AWS_REGION", "AWS_ENDPOINT_URL", "OTEL_EXPORTER_OTLP_ENDPOINT", "ENRICH_DEBUG", "ARCHON_TEST_KAFKA"),
    *("BRIDGE_SERVICE_HOST", "BRIDGE_SERVICE_PORT", "BRIDGE_PORT_8054_TCP", "BRIDGE_PORT_8054_TCP_ADDR"),
    *("INTELLIGENCE_SERVICE_HOST", "INTELLIGENCE_SERVICE_PORT_HTTP", "MEMGRAPH_PORT", "QDRANT_PORT"),
    *("QDRANT__SERVICE__API_KEY", "MEMGRAPH_TELEMETRY", "RUST_LOG", "NPM_LOG_LEVEL", "HOSTNAME", "PATH"),
    *("HOSTS", "LOGNAME", "DOCKER_HOST", "PYTHONPATH", "POSTGRES_PASSWORD", "NEO4J_URI"),
]


@pytest.mark.parametrize("name", OTHERS)
def test_other_programs_variables_are_left_alone(name: str) -> None:
    assert misspelt([name]) == []


def test_our_own_settings_are_not_reported() -> None:
    assert misspelt(name.upper() for name in Settings.model_fields) == []
    assert misspelt(os.environ) == []


def test_settings_of_the_compose_file_are_not_reported() -> None:
    """Its interpolated variables are those of an .env file, which the containers do not see."""
    compose = yaml.safe_load((Path(__file__).parents[2] / "deploy" / "compose.yaml").read_text())
    for service in compose["services"].values():
        assert misspelt(service.get("environment", {})) == []
