"""In: a publisher, and the topics that a service uses. Out: whether Kafka answers and has them."""

from archon.contracts.errors import SetupError
from archon.runtime.kafka.publisher import KafkaPublisher


class TopicCheck:
    """Topics stay, so they are looked for until all are found, and never again."""

    def __init__(self, publisher: KafkaPublisher, *names: str) -> None:
        self._publisher = publisher
        self._wanted = set(names)

    async def check(self) -> None:
        """Raises PublishError; SetupError, which names the topics that are missing."""
        await self._publisher.ping()
        if self._wanted:
            self._wanted -= set(await self._publisher.topics())
        if self._wanted:
            missing = ", ".join(sorted(self._wanted))
            raise SetupError(f"Kafka has no topic {missing}; `enrich setup` makes what is missing")
