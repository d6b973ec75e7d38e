"""Wrong addresses are refused with the value, except its secret, and the setting's name."""

from pathlib import Path

import pytest

from archon.contracts.errors import ConfigurationError
from archon.runtime.settings import Settings


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("MEMGRAPH_URI", "bolt://user:secret@graph:7687", "bolt://graph:7687"),
        ("INTELLIGENCE_SERVICE_URL", "http://user:secret@service:8053", "http://service:8053"),
        ("QDRANT_URL", "ftp://user:secret@qdrant:6333", "ftp://qdrant:6333"),
        ("MEMGRAPH_URI", "bolt://graph:99999", "bolt://graph:99999"),
        ("MEMGRAPH_URI", "graph:7687", "graph:7687"),
        ("QDRANT_URL", "grpc://qdrant:6334", "grpc://qdrant:6334"),
        ("QDRANT_URL", "http://", "http:"),
        ("INTELLIGENCE_SERVICE_URL", "http://:8053", "http://:8053"),
        ("TEMPORAL_ADDRESS", "http://temporal:7233", "http://temporal:7233"),
        ("TEMPORAL_ADDRESS", "temporal:port", "temporal:port"),
        ("KAFKA_BOOTSTRAP_SERVERS", "kafka://broker:9092", "kafka://broker:9092"),
        ("KAFKA_BOOTSTRAP_SERVERS", "one:9092,two:0", "one:9092,two:0"),
    ],
)
def test_a_wrong_address_is_shown_without_its_secret(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, shown: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as raised:
        Settings.load()
    assert str(raised.value).startswith(f"{name}: '{shown}")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MEMGRAPH_URI", "neo4j+s://graph.example.org"),
        ("MEMGRAPH_URI", "bolt://[::1]:7687"),
        ("QDRANT_URL", "https://qdrant.example.org/prefix"),
        ("KAFKA_BOOTSTRAP_SERVERS", "one:9092, two:9092,three"),
        ("TEMPORAL_ADDRESS", "namespace.account.tmprl.cloud:7233"),
    ],
)
def test_a_correct_address_is_kept_unchanged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert getattr(Settings.load(), name.lower()) == value
