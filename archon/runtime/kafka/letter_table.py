"""In: the dead-letter topic. Out: which documents have a dead letter of which run, kept current during a
comparison. Holds no letter completely."""

import asyncio
import heapq

from archon.contracts.errors import TopicUnavailableError
from archon.contracts.operations.parked import Letter
from archon.runtime.kafka.dead_letters import DeadLetterTopic, parsed


class LetterTable:
    """Letters of runs by document id, at the last reading. `known` is False if the topic could not be read:
    then a missing entry means nothing."""

    def __init__(self, topic: DeadLetterTopic) -> None:
        self._topic = topic
        self._letters: dict[str, Letter] = {}
        self._positions: dict[int, int] = {}
        self._reading = asyncio.Lock()
        self.known: bool | None = None

    async def read(self, *, anew: bool = False) -> bool:
        """Reads new records, the first time all; returns whether the topic could be read."""
        async with self._reading:
            if anew:
                self.forget()
            try:
                async with self._topic.records(self._positions) as records:
                    async for key, value in records:
                        self._take(key, value)
            except TopicUnavailableError:
                self.known = False
            else:
                self.known = True
            return self.known

    def of(self, document_id: str) -> Letter | None:
        return self._letters.get(document_id)

    def after(self, document_id: str, limit: int) -> list[str]:
        """The first ids after the given one, in order."""
        return heapq.nsmallest(limit, (each for each in self._letters if each > document_id))

    def forget(self) -> None:
        """Frees the memory."""
        self._letters, self._positions, self.known = {}, {}, None

    def _take(self, key: str, value: bytes | None) -> None:
        letter = Letter.of(parsed(value))
        if letter is None:
            self._letters.pop(key, None)
        else:
            self._letters[key] = letter
