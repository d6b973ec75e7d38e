"""In: environment variables. Out: one validated, typed `Settings` for every process.

Names are those of the platform and of Temporal where these have one.
"""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlencode

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    Json,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from archon.contracts import names
from archon.contracts.errors import ConfigurationError
from archon.runtime import addresses
from archon.runtime.reasons import wrong
from archon.runtime.secret_files import SecretFiles, for_a_header, variable

Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
HttpUrl = Annotated[str, AfterValidator(addresses.http())]
IntelligenceUrl = Annotated[str, AfterValidator(addresses.http("INTELLIGENCE_API_KEY"))]
QdrantUrl = Annotated[str, AfterValidator(addresses.http("QDRANT_API_KEY"))]
_LOGIN: Final = "MEMGRAPH_USER and MEMGRAPH_PASSWORD"
_BOLT: Final = ("bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc")
BoltUri = Annotated[str, AfterValidator(addresses.url(*_BOLT, example="bolt://host:7687", login=_LOGIN))]
HostPort = Annotated[str, AfterValidator(addresses.host_ports(several=False, example="host:7233"))]
HostPorts = Annotated[str, AfterValidator(addresses.host_ports(several=True, example="host:9092"))]
StoreUrl = Annotated[str, Field(pattern=r"^(file|memory|s3)://")]
ApiKey = Annotated[SecretStr, AfterValidator(for_a_header)]
LogLevel = Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(str.upper)]


class Settings(BaseSettings):
    """Every setting; its environment variable is its name in capitals. Durations are in seconds.

    A secret NAME may also be read from the file that NAME_FILE names.
    """

    model_config = SettingsConfigDict(
        case_sensitive=False, extra="ignore", use_attribute_docstrings=True, hide_input_in_errors=True
    )

    kafka_bootstrap_servers: HostPorts = "127.0.0.1:9092"
    """Brokers as host:port, separated by commas."""
    kafka_group_id: str = "archon-intelligence-enrichment-consumer-group"
    """Consumer group of the enrichment requests; that of the index topic adds `-index`."""
    kafka_index_topic: str = names.TOPIC_INDEX
    """Documents to index."""
    kafka_enrichment_topic: str = names.TOPIC_ENRICHMENT
    """Enrichment requests."""
    kafka_bulk_topic: str = names.TOPIC_BULK
    """Requests of low priority, and those beyond a project's share."""
    project_burst: Annotated[int, Field(ge=1)] = 200
    """Requests that a project may send at once; the rest go to the bulk topic."""
    project_rate: Annotated[float, Field(gt=0)] = 2
    """Requests a second by which PROJECT_BURST refills, in each process."""
    kafka_dlq_topic: str = names.TOPIC_DLQ
    """Dead letters. Compacted."""
    kafka_completed_topic: str = names.TOPIC_COMPLETED
    """Ends of submissions."""
    kafka_progress_topic: str = names.TOPIC_PROGRESS
    """Stages of runs."""
    kafka_enable_idempotence: bool = True
    """Off only for brokers without idempotent producers."""
    kafka_session_timeout: Seconds = 10
    """Time without heartbeat until the broker reassigns an ingress's partitions."""
    kafka_fetch_wait: Seconds = 0.5
    """How long the broker may hold a fetch that finds no request."""
    kafka_recreated_after: Seconds = 60
    """A partition that ends before our position for this long is read from its start."""
    kafka_publish_timeout: Seconds = 0.5
    """How long a request waits for Kafka's acknowledgement until its publication is deferred."""

    temporal_address: HostPort = "127.0.0.1:7233"
    """The Temporal frontend as host:port."""
    temporal_namespace: str = "default"
    """Keep its retention at least as long as the topics'."""
    temporal_deployment_name: str = "archon-enrichment"
    """Worker deployment of TEMPORAL_WORKER_BUILD_ID."""
    temporal_worker_build_id: str = ""
    """Version of this worker; runs stay on theirs. Empty: no versioning."""
    temporal_ui_url: HttpUrl = "http://127.0.0.1:8233"
    """Web UI, for links."""

    intelligence_service_url: IntelligenceUrl = "http://127.0.0.1:8053"
    """The reference service, or another with its API."""
    intelligence_timeout: Seconds = 120
    """How long a worker waits for one answer."""
    intelligence_workers: Annotated[int, Field(ge=0)] = 0
    """Processes of the reference service. 0: one per processor."""
    intelligence_time_limit: Seconds = 30
    """Processor time for a document; one that needs more is refused."""
    intelligence_memory_limit: Annotated[int, Field(ge=512 * 1024 * 1024)] = 768 * 1024 * 1024
    """Bytes of memory for a document; one that needs more is refused. Linux only."""
    intelligence_max_document_bytes: Annotated[int, Field(ge=1)] = 10 * 1024 * 1024
    """Largest document, as UTF-8. A body may be eight times as large."""
    intelligence_simulated_latency: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0
    """For load tests: delay before each analysis."""
    memgraph_uri: BoltUri = "bolt://127.0.0.1:7687"
    """Memgraph over Bolt."""
    memgraph_user: str = ""
    """Empty: no authentication."""
    memgraph_password: SecretStr = SecretStr("")
    """Empty: none."""
    memgraph_database: str = ""
    """Empty: the server's default."""
    qdrant_url: QdrantUrl = "http://127.0.0.1:6333"
    """Qdrant over HTTP."""
    qdrant_api_key: ApiKey = SecretStr("")
    """Empty: none."""
    embedding_service_url: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""
    """Another service with OpenAI's protocol, without `/embeddings`. Empty: the bundled model."""
    embedding_model: str = ""
    """Its model."""
    embedding_api_key: ApiKey = SecretStr("")
    """Empty: none."""
    embedding_dimensions: Annotated[int, Field(ge=1)] = 256
    """Length of the vectors. A collection keeps its length."""
    qdrant_collection: str = names.COLLECTION_DOCUMENTS
    """Documents. Created if missing."""
    qdrant_symbols_collection: str = names.COLLECTION_SYMBOLS
    """Chunks, for search. Created if missing."""
    content_store_url: StoreUrl = Field(default_factory=(Path.cwd() / ".archon" / "content").as_uri)
    """Texts and analyses: file:///path, memory:// or s3://bucket/prefix; by default .archon/content. Bridge
    and worker share it."""
    storage_directories: Json[dict[str, Path]] = Field(default="{}")  # type: ignore[arg-type]  # as it is written
    """Other data directories to watch for free space, as {"graph": "/var/lib/memgraph"}."""
    storage_min_free_bytes: Annotated[int, Field(ge=0)] = 256 * 1024 * 1024
    """Below this free space bridge and worker are not ready. 0: no limit."""

    max_concurrent_enrichments: Annotated[int, Field(ge=1)] = 10
    """Analyses that one worker runs at once."""
    max_processing_rate: Annotated[float, Field(ge=0)] = 0
    """Analyses a second that all workers together start. 0: no limit."""
    retry_max_attempts: Annotated[int, Field(ge=1)] = 3
    """Attempts of an analysis until the document is parked."""
    retry_backoff_base: Seconds = 2.0
    """Delay before the second attempt; doubles up to 60."""
    analysis_cache_all_projects: bool = False
    """Let equal content of different projects share one analysis."""
    outage_budget: Seconds = 3600
    """How long a store or service may be down until its documents are parked."""
    enable_circuit_breaker: bool = True
    """Spend no attempts while the intelligence service is down."""
    circuit_breaker_failure_threshold: Annotated[int, Field(ge=1)] = 5
    """Consecutive failures that open it."""
    circuit_breaker_recovery_timeout: Seconds = 60
    """How long it stays open until an analysis probes the service."""

    enable_async_enrichment: bool = True
    """Off: documents are enriched within their request."""
    async_enrichment_enabled_projects: str = ""
    """Projects, separated by commas, in the background at any percentage."""
    async_enrichment_rollout_percentage: Annotated[int, Field(ge=0, le=100)] = 100
    """Projects enriched in the background."""
    skip_intelligence_enrichment: bool = False
    """Index only. Overrides the three above."""
    enrichment_flags_file: str = ""
    """JSON with the four above in lower case. Overrides the environment; changes apply at once."""
    sync_enrichment_timeout: Seconds = 60
    """How long a request waits for its enrichment until it is answered with 202."""

    ingress_max_backlog: Annotated[int, Field(ge=0)] = 10_000
    """Waiting analyses at which the ingress stops reading the bulk topic, until half are done; it stops
    reading the other at ten times as many. 0: never."""
    ingress_shared_runs: Annotated[int, Field(ge=1)] = 10
    """Open runs at which projects above PROJECT_RATE start no more, while another one below it starts some.
    About MAX_CONCURRENT_ENRICHMENTS times workers."""
    ingress_revision_interval: Annotated[float, Field(ge=0, le=10)] = 1.0
    """Least time between two runs of a document; of the versions in between only the newest is enriched."""
    reconcile_interval: Annotated[float, Field(ge=0)] = 900
    """Time between reconciliations; the same for all workers. 0: none."""
    alert_webhook_url: SecretStr = SecretStr("")
    """Receives messages in Slack's JSON about dead letters of type data_quality and service_down."""
    alert_interval: Seconds = 300
    """Least time between two such messages."""

    max_streams: Annotated[int, Field(ge=1)] = 200
    """Open event streams of a bridge process."""
    max_stream_replays: Annotated[int, Field(ge=1)] = 8
    """Streams that replay missed events at once."""

    api_keys_file: str = ""
    """Callers' keys, from `enrich keys`. Changes apply at once. Empty: no keys."""
    api_keys_grace: Annotated[float, Field(ge=0)] = 300
    """How long the last keys remain valid while API_KEYS_FILE cannot be read."""
    allow_unauthenticated: bool = False
    """Let the bridge listen beyond loopback without API keys."""
    api_key_burst: Annotated[float, Field(ge=1)] = 400
    """Requests that a quiet key may make at once; a key with a rate of its own has those of a second."""
    api_key_rate: Annotated[float, Field(ge=0)] = 20
    """Requests a second per key and bridge process. Each document of a batch counts, each 64 KiB of a body or
    an answer, and each ten hits of a search. 0: no limit."""
    max_body_bytes: Annotated[int, Field(ge=1)] = 10 * 1024 * 1024
    """Largest request body of the bridge."""
    max_body_values: Annotated[int, Field(ge=1000)] = 20_000
    """Most values in a JSON body."""
    bridge_api_key: ApiKey = SecretStr("")
    """The key of the command line and the ingress; the ingress must write to every project."""
    intelligence_api_key: ApiKey = SecretStr("")
    """Bearer key of the intelligence service."""
    http_tls_certfile: str = ""
    """Certificate chain in PEM: our services then speak HTTPS only."""
    http_tls_keyfile: str = ""
    """Its key in PEM."""
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """Encryption and authentication."""
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """Authentication."""
    kafka_sasl_username: str = ""
    """For SASL."""
    kafka_sasl_password: SecretStr = SecretStr("")
    """For SASL."""
    kafka_ssl_cafile: str = ""
    """Authority of the brokers' certificates, in PEM. Empty: those of the system."""
    kafka_ssl_certfile: str = ""
    """Our certificate chain in PEM, if the brokers require one."""
    kafka_ssl_keyfile: str = ""
    """Its key in PEM."""
    kafka_ssl_password: SecretStr = SecretStr("")
    """Password of that key."""
    temporal_tls: bool = False
    """Encrypt the connection. Implied by TEMPORAL_API_KEY, a certificate or a server name."""
    temporal_tls_server_ca_cert_path: str = ""
    """Authority of Temporal's certificate, in PEM. Empty: those of the system."""
    temporal_tls_server_name: str = ""
    """Name in Temporal's certificate, if it is not the address."""
    temporal_tls_client_cert_path: str = ""
    """Our certificate in PEM, if Temporal requires one."""
    temporal_tls_client_key_path: str = ""
    """Its key in PEM."""
    temporal_api_key: ApiKey = SecretStr("")
    """For Temporal Cloud."""

    host: str = "127.0.0.1"
    """Listen address of every service."""
    allowed_hosts: str = ""
    """Host names besides loopback names, separated by commas, for services on loopback without API keys."""
    bridge_port: Port = 8054
    """Bridge."""
    intelligence_port: Port = 8053
    """Reference intelligence service."""
    ingress_port: Port = 8156
    """Ingress: health and metrics."""
    worker_port: Port = 8157
    """Worker: health and metrics."""
    bridge_url: HttpUrl = "http://127.0.0.1:8054"
    """Bridge."""
    ingress_url: HttpUrl = "http://127.0.0.1:8156"
    """Ingress, for its health."""
    worker_url: HttpUrl = "http://127.0.0.1:8157"
    """Worker, for its health."""
    metrics_interval: Seconds = 15
    """Time between counts of pending documents, lag and topic sizes."""
    log_level: LogLevel = "INFO"
    """DEBUG, INFO, WARNING, ERROR or CRITICAL."""
    log_format: Annotated[str, Field(pattern="^(auto|json|console)$")] = "auto"
    """json, console, or auto: console on a terminal."""
    shutdown_timeout: Seconds = 20
    """Time to finish open work."""

    @field_validator("qdrant_symbols_collection")
    @classmethod
    def _has_its_own(cls, name: str, info: ValidationInfo) -> str:
        if name == info.data.get("qdrant_collection"):
            raise ValueError(f"is {name}, as QDRANT_COLLECTION is; each needs a collection of its own")
        return name

    @classmethod
    def load(cls) -> Self:
        """From the environment. Raises ConfigurationError that names each variable that is wrong."""
        try:
            return cls()
        except ValidationError as error:
            reasons = [f"{variable(str(each['loc'][0]))}: {wrong(each)}" for each in error.errors()]
            raise ConfigurationError("; ".join(reasons)) from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the files that it names."""
        files = SecretFiles(settings_cls)
        return init_settings, env_settings, dotenv_settings, files, file_secret_settings

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

    def workflows_url(self, query: str) -> str:
        """Where the Web UI lists the workflows that a visibility query finds."""
        listed = f"{self.temporal_ui_url}/namespaces/{self.temporal_namespace}/workflows"
        return f"{listed}?{urlencode({'query': query})}"
