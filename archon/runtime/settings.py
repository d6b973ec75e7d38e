"""In: environment variables. Out: one validated, typed `Settings` for every process.

Names are the platform's where it has one, Temporal's own for Temporal, ours beside.
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
    """Every setting, its environment variable being its name in capitals. Durations are in seconds.

    A secret NAME may be in a file instead, which NAME_FILE names.
    """

    model_config = SettingsConfigDict(
        case_sensitive=False, extra="ignore", use_attribute_docstrings=True, hide_input_in_errors=True
    )

    kafka_bootstrap_servers: HostPorts = "127.0.0.1:9092"
    """Brokers to begin with: host:port, several with commas."""
    kafka_group_id: str = "archon-intelligence-enrichment-consumer-group"
    """Consumer group of the enrichment requests; that of the index topic has `-index` behind it."""
    kafka_index_topic: str = names.TOPIC_INDEX
    """Documents to be indexed, as the bridge would be sent them."""
    kafka_enrichment_topic: str = names.TOPIC_ENRICHMENT
    """Requests to enrich."""
    kafka_bulk_topic: str = names.TOPIC_BULK
    """Requests to enrich that have time: of low priority, and what a project sends beyond its share."""
    project_burst: Annotated[int, Field(ge=1)] = 200
    """Requests to enrich of one project that go ahead of bulk at once ..."""
    project_rate: Annotated[float, Field(gt=0)] = 2
    """... and in a second from then on; each bridge counts for itself."""
    kafka_dlq_topic: str = names.TOPIC_DLQ
    """Dead letters; compacted, so that it reads as a table."""
    kafka_completed_topic: str = names.TOPIC_COMPLETED
    """The ends of runs."""
    kafka_progress_topic: str = names.TOPIC_PROGRESS
    """The stages of runs."""
    kafka_enable_idempotence: bool = True
    """aiokafka's idempotent producer; off only for a broker that lacks it."""
    kafka_session_timeout: Seconds = 10
    """How long the broker waits for a sign of life before it gives an ingress's partitions to another."""
    kafka_fetch_wait: Seconds = 0.5
    """How long an ingress lets the broker wait for requests before it asks again. Kafka answers as soon as
    there is one, so that less is of use for a broker alone that does not."""
    kafka_recreated_after: Seconds = 60
    """How long a partition must have ended before our position to be taken for a new one, and read from its
    start; a new leader may not know its end for a while."""
    kafka_publish_timeout: Seconds = 0.5
    """How long a request waits for Kafka's acknowledgement before it is deferred."""

    temporal_address: HostPort = "127.0.0.1:7233"
    """host:port of the Temporal frontend."""
    temporal_namespace: str = "default"
    """Its retention should not be shorter than the topics'."""
    temporal_deployment_name: str = "archon-enrichment"
    """The worker deployment that TEMPORAL_WORKER_BUILD_ID is a version of."""
    temporal_worker_build_id: str = ""
    """Version of this worker, for Worker Versioning: a run stays with the version that it began on. Empty: no
    versioning, and every worker takes every run."""
    temporal_ui_url: HttpUrl = "http://127.0.0.1:8233"
    """Where links into the Web UI lead."""

    intelligence_service_url: IntelligenceUrl = "http://127.0.0.1:8053"
    """The reference service, or one of your own with its API."""
    intelligence_timeout: Seconds = 120
    """How long a worker waits for one answer."""
    intelligence_workers: Annotated[int, Field(ge=0)] = 0
    """Processes of the reference service; 0: one a processor."""
    intelligence_time_limit: Seconds = 30
    """Processor time of the reference service for one document, which it then refuses."""
    intelligence_memory_limit: Annotated[int, Field(ge=512 * 1024 * 1024)] = 768 * 1024 * 1024
    """Bytes of memory that each analysis process may have of its own; a document that needs more is refused.
    Linux alone."""
    intelligence_max_document_bytes: Annotated[int, Field(ge=1)] = 10 * 1024 * 1024
    """The largest document, in UTF-8, that the reference service takes; eight times as much is the largest
    request body."""
    intelligence_simulated_latency: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0
    """For load tests: how long the reference service waits before it analyses, as if it were a slower one;
    `/health` and `/version` tell of it."""
    memgraph_uri: BoltUri = "bolt://127.0.0.1:7687"
    """Bolt address of the graph: Memgraph, or another that speaks its Cypher."""
    memgraph_user: str = ""
    """Empty: no authentication."""
    memgraph_password: SecretStr = SecretStr("")
    """Password of MEMGRAPH_USER."""
    memgraph_database: str = ""
    """Empty: the server's default."""
    qdrant_url: QdrantUrl = "http://127.0.0.1:6333"
    """HTTP address of Qdrant."""
    qdrant_api_key: ApiKey = SecretStr("")
    """Empty: none is sent."""
    embedding_service_url: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""
    """Who embeds for the reference intelligence service, by OpenAI's protocol: what is before `/embeddings`.
    Empty: the bundled model."""
    embedding_model: str = ""
    """The model that is asked for there."""
    embedding_api_key: ApiKey = SecretStr("")
    """Bearer key shown there. Empty: none is sent."""
    embedding_dimensions: Annotated[int, Field(ge=1)] = 256
    """Length of the vectors the intelligence service returns; fixed when the collection is created."""
    qdrant_collection: str = names.COLLECTION_DOCUMENTS
    """Documents. Made where it is missing; another name is another, empty collection."""
    qdrant_symbols_collection: str = names.COLLECTION_SYMBOLS
    """What search finds: symbols, sections, and what is none. As above; not the same collection."""
    content_store_url: StoreUrl = Field(default_factory=(Path.cwd() / ".archon" / "content").as_uri)
    """Where texts and analyses are kept: file:///path, memory:// or s3://bucket/prefix; by default
    .archon/content in the working directory. Bridge and worker must see the same."""
    storage_directories: Json[dict[str, Path]] = Field(default="{}")  # type: ignore[arg-type]  # as it is written
    """Where servers of this machine have their data, as {"graph": "/var/lib/memgraph"}: free space is watched
    there as it is where the content store has its files."""
    storage_min_free_bytes: Annotated[int, Field(ge=0)] = 256 * 1024 * 1024
    """Free space of each of these below which bridge and worker are not ready; 0: however little is left."""

    max_concurrent_enrichments: Annotated[int, Field(ge=1)] = 10
    """Analyses that one worker runs at once."""
    max_processing_rate: Annotated[float, Field(ge=0)] = 0
    """Analyses a second that all workers together begin, kept by Temporal; 0: no limit."""
    retry_max_attempts: Annotated[int, Field(ge=1)] = 3
    """Analyses of a document before it is parked, the first one counted."""
    retry_backoff_base: Seconds = 2.0
    """Before the second attempt; each later delay is twice the one before, at most 60."""
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

    enable_async_enrichment: bool = True
    """Enrich in the background. Off: every project is enriched within the request."""
    async_enrichment_enabled_projects: str = ""
    """Projects that are enriched in the background whatever the percentage says, with commas."""
    async_enrichment_rollout_percentage: Annotated[int, Field(ge=0, le=100)] = 100
    """How many of a hundred projects are enriched in the background; which, their names decide."""
    skip_intelligence_enrichment: bool = False
    """Index alone; it goes before the three above."""
    enrichment_flags_file: str = ""
    """A JSON file with any of the four above, in small letters, which goes before the environment; a change
    is taken up at once."""
    sync_enrichment_timeout: Seconds = 60
    """How long a request waits for an enrichment that is not in the background; then it is answered with 202,
    and the enrichment goes on."""

    ingress_max_backlog: Annotated[int, Field(ge=0)] = 10_000
    """Analyses waiting in Temporal at which the ingress pauses, until half of them are done; 0: never."""
    ingress_revision_interval: Annotated[float, Field(ge=0, le=10)] = 1.0
    """How long after a version of a document the ingress submits the next one; of those that come meanwhile
    the newest is enriched, and the others end as superseded without a run; 0: each has its run."""
    reconcile_interval: Annotated[float, Field(ge=0)] = 900
    """How often the stores are compared, document by document, and put right; 0: only when somebody asks. All
    workers must agree: the schedule is Temporal's, and the last one that starts sets it."""
    alert_webhook_url: SecretStr = SecretStr("")
    """Told of dead letters of type data_quality and service_down, in JSON that Slack also takes."""
    alert_interval: Seconds = 300
    """What happens within this time is told in one message."""

    max_streams: Annotated[int, Field(ge=1)] = 200
    """Event streams that one bridge process has open at once."""
    max_stream_replays: Annotated[int, Field(ge=1)] = 8
    """Streams that at once read from Kafka what their clients have missed."""

    api_keys_file: str = ""
    """Who may call the bridge, in JSON as `enrich keys` writes it; a change is taken up at once. Empty:
    everybody who reaches it."""
    api_keys_grace: Annotated[float, Field(ge=0)] = 300
    """Seconds for which the keys stay in force that were last read, while API_KEYS_FILE cannot be read."""
    allow_unauthenticated: bool = False
    """Let the bridge listen beyond loopback without API keys."""
    api_key_burst: Annotated[float, Field(ge=1)] = 400
    """Requests that a key without a rate of its own may make at once after a quiet while; one with a rate of
    its own has those of a second."""
    api_key_rate: Annotated[float, Field(ge=0)] = 20
    """Requests a second that one key may make of one bridge process, each document of a batch being one, and
    each 64 KiB of a body one more. 0: no limit. A key may have its own."""
    max_body_bytes: Annotated[int, Field(ge=1)] = 10 * 1024 * 1024
    """The largest request body that the bridge takes."""
    max_body_values: Annotated[int, Field(ge=1000)] = 20_000
    """How many values, nested ones too, a JSON body may have that the bridge takes."""
    bridge_api_key: ApiKey = SecretStr("")
    """The key that the command line and the ingress show the bridge; the ingress needs one that may write
    to every project."""
    intelligence_api_key: ApiKey = SecretStr("")
    """Bearer key shown to the intelligence service; the reference service demands it where it is set."""
    http_tls_certfile: str = ""
    """Certificate chain in PEM; where it is set, each service of ours speaks HTTPS alone."""
    http_tls_keyfile: str = ""
    """Its private key, in PEM."""
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How brokers are spoken to; SSL encrypts, SASL logs in."""
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How SASL logs in."""
    kafka_sasl_username: str = ""
    """Who logs in."""
    kafka_sasl_password: SecretStr = SecretStr("")
    """Password of KAFKA_SASL_USERNAME."""
    kafka_ssl_cafile: str = ""
    """Who has signed the brokers' certificates, in PEM; empty: the system's authorities."""
    kafka_ssl_certfile: str = ""
    """Our own certificate chain in PEM, where the brokers ask for one."""
    kafka_ssl_keyfile: str = ""
    """Its private key, in PEM."""
    kafka_ssl_password: SecretStr = SecretStr("")
    """Of KAFKA_SSL_KEYFILE, where that is encrypted."""
    temporal_tls: bool = False
    """Encrypt the connection to Temporal. Also on where an API key or one of the files below is set."""
    temporal_tls_server_ca_cert_path: str = ""
    """Who has signed Temporal's certificate, in PEM; empty: the system's authorities."""
    temporal_tls_server_name: str = ""
    """The name in that certificate, where it is not the address's."""
    temporal_tls_client_cert_path: str = ""
    """Our own certificate in PEM, where Temporal asks for one."""
    temporal_tls_client_key_path: str = ""
    """Its private key, in PEM."""
    temporal_api_key: ApiKey = SecretStr("")
    """Shown to Temporal, as Temporal Cloud wants it."""

    host: str = "127.0.0.1"
    """Address that every service listens on."""
    allowed_hosts: str = ""
    """Names, with commas, by which services on loopback are reached beside those of loopback, as behind a
    proxy; a request by another name is refused, unless it needs an API key."""
    bridge_port: Port = 8054
    """Of the bridge."""
    intelligence_port: Port = 8053
    """Of the reference intelligence service."""
    ingress_port: Port = 8156
    """Of the ingress: health and metrics."""
    worker_port: Port = 8157
    """Of the worker: health and metrics."""
    bridge_url: HttpUrl = "http://127.0.0.1:8054"
    """Where the ingress and the command line find the bridge."""
    ingress_url: HttpUrl = "http://127.0.0.1:8156"
    """Where the bridge and the command line find an ingress, whose state they tell of."""
    worker_url: HttpUrl = "http://127.0.0.1:8157"
    """Where ingress, bridge and command line find a worker, whose circuit breaker and state they tell of."""
    metrics_interval: Seconds = 15
    """How often the estate is counted for the metrics: documents that wait, lag, sizes of topics."""
    log_level: LogLevel = "INFO"
    """DEBUG, INFO, WARNING, ERROR or CRITICAL."""
    log_format: Annotated[str, Field(pattern="^(auto|json|console)$")] = "auto"
    """json, console, or auto: console on a terminal, json elsewhere."""
    shutdown_timeout: Seconds = 20
    """How long a process may take to finish what it has begun."""

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
        """What is given in code, then the environment, then the files that it names."""
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
        """Where it lists those that a visibility query finds."""
        listed = f"{self.temporal_ui_url}/namespaces/{self.temporal_namespace}/workflows"
        return f"{listed}?{urlencode({'query': query})}"
