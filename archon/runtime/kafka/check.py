"""In: a publisher, and the topics that a service uses. Out: whether Kafka answers and has them."""

from archon.contracts.errors import SetupError
from archon.runtime.kafka.publisher import KafkaPublisher


class TopicCheck:
    """Checks for the topics until all are found, and then no more: topics are not deleted."""

    def __init__(self, publisher: KafkaPublisher, *names: str) -> None:
        self._publisher = publisher
        self._wanted = set(names)

    async def check(self) -> None:
        """Raises PublishError; SetupError, which names the missing topics."""
        await self._publisher.ping()
        if self._wanted:
            self._wanted -= set(await self._publisher.topics())
        if self._wanted:
            missing = ", ".join(sorted(self._wanted))
            raise SetupError(f"Kafka has no topic {missing}; `enrich setup` creates it")
