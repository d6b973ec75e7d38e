"""In: settings. Out: the topics, created if missing, and the differences of existing ones from the plan.

Existing topics are never altered: a longer retention or more partitions may be the operator's choice.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from pydantic import BaseModel

from archon.contracts.errors import PublishError, SetupError
from archon.runtime.kafka.brokers import administering, kafka_at
from archon.runtime.reasons import in_words
from archon.runtime.settings import Settings

REPLICAS: Final = 3
"""The number of replicas, if there are enough brokers."""
_DAY_MS: Final = 24 * 3600 * 1000


@dataclass(frozen=True)
class Topic:
    """A topic's planned configuration. Retention in milliseconds."""

    name: str
    partitions: int
    retention_ms: int
    cleanup_policy: str = "delete"
    compression: str = "producer"

    @property
    def config(self) -> dict[str, str]:
        """The configuration in Kafka's names."""
        return {
            "retention.ms": str(self.retention_ms),
            "cleanup.policy": self.cleanup_policy,
            "compression.type": self.compression,
        }


def topics(settings: Settings) -> list[Topic]:
    """The six topics."""
    week = 7 * _DAY_MS
    return [
        Topic(settings.kafka_index_topic, 4, week),
        Topic(settings.kafka_enrichment_topic, 4, week, compression="snappy"),
        Topic(settings.kafka_bulk_topic, 4, week, compression="snappy"),
        Topic(settings.kafka_dlq_topic, 1, 30 * _DAY_MS, "compact,delete", "gzip"),
        Topic(settings.kafka_completed_topic, 4, week),
        Topic(settings.kafka_progress_topic, 4, _DAY_MS),
    ]


async def ensure_topics(settings: Settings, replication_factor: int = 1) -> list[str]:
    """Creates missing topics and returns their names. Raises PublishError; SetupError if the broker
    refuses."""
    async with _admin(settings) as admin:
        existing = set(await admin.list_topics())
        missing = [topic for topic in topics(settings) if topic.name not in existing]
        if missing:
            response = await admin.create_topics([_new_topic(topic, replication_factor) for topic in missing])
            refused = {
                name: for_code(code)
                for name, code, *_ in response.topic_errors
                if code and for_code(code) is not TopicAlreadyExistsError
            }
            if refused:
                reason = "; ".join(
                    f"cannot create topic {name}: {why.__name__}" for name, why in refused.items()
                )
                again = all(why.retriable for why in refused.values())
                raise PublishError(reason) if again else SetupError(reason)
    return [topic.name for topic in missing]


def _new_topic(topic: Topic, replication_factor: int) -> NewTopic:
    # An acknowledged record must survive the loss of one broker, if there are enough brokers to continue
    # without it.
    safe = {"min.insync.replicas": "2"} if replication_factor >= REPLICAS else {}
    return NewTopic(
        name=topic.name,
        num_partitions=topic.partitions,
        replication_factor=replication_factor,
        topic_configs={**topic.config, **safe},
    )


class TopicState(BaseModel):
    """The state of a topic, and its differences from the plan, e.g. `retention.ms: 86400000, planned
    604800000`."""

    name: str
    status: Literal["created", "exists", "differs", "missing"]
    partitions: int = 0
    replication_factor: int = 0
    differences: list[str] = []

    @property
    def detail(self) -> str:
        return "; ".join(self.differences)


async def create_topics(settings: Settings, replication_factor: int | None = None) -> list[TopicState]:
    """Creates missing topics with `replication_factor` replicas, by default one per broker, at most three.

    Raises PublishError if the broker does not answer, SetupError if it refuses.
    """
    copies = replication_factor or min(REPLICAS, await _brokers(settings))
    created = set(await ensure_topics(settings, copies))
    return [
        state.model_copy(update={"status": "created"}) if state.name in created else state
        for state in await describe_topics(settings)
    ]


async def describe_topics(settings: Settings) -> list[TopicState]:
    """The state of every planned topic. Raises PublishError."""
    planned = topics(settings)
    async with _admin(settings) as admin:
        # A request for a missing topic may create it.
        existing = set(await admin.list_topics())
        names = [topic.name for topic in planned if topic.name in existing]
        found = {topic["topic"]: topic for topic in await admin.describe_topics(names)} if names else {}
        configs = await _configs(admin, names) if names else {}
    return [_state(topic, found.get(topic.name), configs.get(topic.name, {})) for topic in planned]


def _state(topic: Topic, found: Mapping[str, Any] | None, config: Mapping[str, str]) -> TopicState:
    if found is None:
        return TopicState(name=topic.name, status="missing")
    partitions = found["partitions"]
    wanted = {"partitions": str(topic.partitions), **topic.config}
    actual = {"partitions": str(len(partitions)), **config}
    differences = [
        f"{key}: {actual[key]}, planned {value}"
        for key, value in wanted.items()
        if key in actual and _parts(actual[key]) != _parts(value)
    ]
    return TopicState(
        name=topic.name,
        status="differs" if differences else "exists",
        partitions=len(partitions),
        replication_factor=min((len(each["replicas"]) for each in partitions), default=0),
        differences=differences,
    )


def _parts(value: str) -> set[str]:
    """The order of a list, such as of clean-up policies, does not matter."""
    return {part.strip() for part in value.split(",")}


async def _configs(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    answers = [each for response in await admin.describe_configs(resources) for each in response.resources]
    for code, message, _, name, _ in answers:
        if code:
            raise PublishError(f"cannot describe topic {name}: {message or for_code(code).__name__}")
    return {name: {entry[0]: entry[1] or "" for entry in entries} for _, _, _, name, entries in answers}


async def _brokers(settings: Settings) -> int:
    async with _admin(settings) as admin:
        return len((await admin.describe_cluster())["brokers"])


@contextlib.asynccontextmanager
async def _admin(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    try:
        async with administering(settings) as admin:
            yield admin
    except (KafkaError, OSError) as error:
        raise PublishError(f"{kafka_at(settings)}: {in_words(error)}") from error
