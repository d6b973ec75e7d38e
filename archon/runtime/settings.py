"""In: environment variables. Out: one validated, typed `Settings` for every process.

Names are the platform's where it has one, Temporal's own for Temporal, ours beside.
"""

from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from archon.contracts import names

Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0)]


class Settings(BaseSettings):
    """Every setting, its environment variable being its name in capitals. Durations are in seconds."""

    model_config = SettingsConfigDict(case_sensitive=False, extra="ignore", use_attribute_docstrings=True)

    kafka_bootstrap_servers: str = "127.0.0.1:9092"
    kafka_group_id: str = "archon-intelligence-enrichment-consumer-group"
    kafka_index_topic: str = names.TOPIC_INDEX
    kafka_enrichment_topic: str = names.TOPIC_ENRICHMENT
    kafka_dlq_topic: str = names.TOPIC_DLQ
    kafka_completed_topic: str = names.TOPIC_COMPLETED
    kafka_progress_topic: str = names.TOPIC_PROGRESS
    kafka_enable_idempotence: bool = True
    """aiokafka's idempotent producer; off only for a broker that lacks it."""
    kafka_session_timeout: Seconds = 10
    """How long the broker waits for a sign of life before it gives an ingress's partitions to another."""
    kafka_recreated_after: Seconds = 60
    """How long a partition must have ended before our position to be taken for a new one, and read from its
    start; a new leader may not know its end for a while."""
    kafka_publish_timeout: Seconds = 0.5
    """How long a request waits for Kafka's acknowledgement before it is deferred."""

    temporal_address: str = "127.0.0.1:7233"
    temporal_namespace: str = "default"
    temporal_ui_url: str = "http://127.0.0.1:8233"

    intelligence_service_url: str = "http://127.0.0.1:8053"
    intelligence_timeout: Seconds = 120
    intelligence_workers: Annotated[int, Field(ge=0)] = 0
    """Processes of the reference service; 0: one a processor."""
    intelligence_time_limit: Seconds = 30
    """How long the reference service works on one document."""
    memgraph_uri: str = "bolt://127.0.0.1:7687"
    memgraph_user: str = ""
    memgraph_password: SecretStr = SecretStr("")
    memgraph_database: str = ""
    """Empty: the server's default."""
    qdrant_url: str = "http://127.0.0.1:6333"
    qdrant_api_key: SecretStr = SecretStr("")
    embedding_dimensions: Annotated[int, Field(ge=1)] = 256
    """Length of the vectors the intelligence service returns; fixed when the collection is created."""
    qdrant_collection: str = names.COLLECTION_DOCUMENTS
    content_store_url: str = Field(default_factory=(Path.cwd() / ".archon" / "content").as_uri)
    """Where texts and analyses are kept: file:///path, memory:// or s3://bucket/prefix."""

    max_concurrent_enrichments: Annotated[int, Field(ge=1)] = 10
    """Analyses that one worker runs at once."""
    max_processing_rate: Annotated[float, Field(ge=0)] = 0
    """Analyses a second that all workers together begin, kept by Temporal; 0: no limit."""
    retry_max_attempts: Annotated[int, Field(ge=1)] = 3
    retry_backoff_base: Seconds = 2.0
    analysis_cache_all_projects: bool = False
    """Let equal content of different projects share one analysis."""
    outage_budget: Seconds = 3600
    """How long a store or service may be down before its documents are dead-lettered."""
    enable_circuit_breaker: bool = True
    """Wait for an intelligence service that is down, instead of spending attempts on it."""
    circuit_breaker_failure_threshold: Annotated[int, Field(ge=1)] = 5
    """Failures in a row that open it."""
    circuit_breaker_recovery_timeout: Seconds = 60
    """How long it stays open before one analysis probes the service."""

    ingress_max_backlog: Annotated[int, Field(ge=0)] = 10_000
    """Analyses waiting in Temporal at which the ingress pauses, until half of them are done; 0: never."""
    alert_webhook_url: SecretStr = SecretStr("")
    """Told of dead letters of type data_quality and service_down, in JSON that Slack also takes."""
    alert_interval: Seconds = 300
    """What happens within this time is told in one message."""

    host: str = "127.0.0.1"
    bridge_port: Port = 8054
    intelligence_port: Port = 8053
    ingress_port: Port = 8156
    worker_port: Port = 8157
    bridge_url: str = "http://127.0.0.1:8054"
    metrics_interval: Seconds = 15
    """How often the estate is counted for the metrics: documents that wait, lag, sizes of topics."""
    log_level: str = "INFO"
    log_format: Annotated[str, Field(pattern="^(auto|json|console)$")] = "auto"
    """json, console, or auto: console on a terminal, json elsewhere."""
    shutdown_timeout: Seconds = 20
    """How long a process may take to finish what it has begun."""

    @property
    def kafka_index_group_id(self) -> str:
        """The group that reads the ingest topic."""
        return f"{self.kafka_group_id}-index"

    @cached_property
    def graph_database(self) -> str | None:
        return self.memgraph_database or None

    def workflow_url(self, workflow_id: str) -> str:
        """Where the Temporal Web UI shows a workflow."""
        return f"{self.temporal_ui_url}/namespaces/{self.temporal_namespace}/workflows/{workflow_id}"
