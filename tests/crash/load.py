"""In: a running stack. Out: documents submitted to it, and the submitter's own list of expected results.

The list is the reference: the graph's own data could hide a loss.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
from aiokafka import AIOKafkaProducer

from archon.contracts import identity
from archon.runtime.settings import Settings
from tests import factories
from tests.eventually import eventually

CONCURRENCY = 8


@dataclass(frozen=True)
class Expected:
    """The expected final state of a document. `functions`: those in its newest text."""

    content_hash: str
    version: int
    functions: frozenset[str]
    refused: bool = False


@dataclass
class Load:
    """One project's submissions. `expected` is the list, by document id."""

    settings: Settings
    project: str = field(default_factory=lambda: f"crash-{uuid4().hex[:10]}")
    expected: dict[str, Expected] = field(default_factory=dict)
    _texts: dict[int, str] = field(default_factory=dict)

    async def submit(self, numbers: range) -> None:
        """POSTs the documents with these numbers, each with new content, until the bridge has accepted
        them."""
        slots = asyncio.Semaphore(CONCURRENCY)

        async def one(number: int) -> None:
            async with slots:
                await self._post(number, _text(number))

        await asyncio.gather(*map(one, numbers))

    async def revert(self, numbers: range) -> None:
        """Changes each document's content and then changes it back: A -> B -> A."""
        for number in numbers:
            before = self._texts[number]
            await self._post(number, _text(number))
            await self._post(number, before)

    async def submit_unanswered(self, number: int) -> None:
        """POSTs once to a bridge that crashes on it: data written before must still be completed."""
        text = _text(number)
        async with httpx.AsyncClient(timeout=60) as http:
            try:
                await http.post(self._url, json=self._document(number, text))
            except httpx.TransportError:
                document_id, _ = identity.document_id(self.project, None, _path(number))
                known = self.expected.get(document_id)
                self._expect(document_id, known.version + 1 if known else 1, text)
                return
        raise AssertionError("the bridge has answered")

    async def submit_refused(self) -> None:
        """A request without a text anywhere: it must be parked."""
        request = factories.request(self.project, text=str(uuid4()), file_path="src/refused.py")
        producer = AIOKafkaProducer(
            bootstrap_servers=self.settings.kafka_bootstrap_servers,
            enable_idempotence=self.settings.kafka_enable_idempotence,
        )
        await producer.start()
        try:
            value = request.model_dump_json(exclude_none=True).encode()
            key = request.document_id.encode()
            await producer.send_and_wait(self.settings.kafka_enrichment_topic, value, key=key)
        finally:
            await producer.stop()
        self.expected[request.document_id] = Expected(request.content_hash, 1, frozenset(), refused=True)

    async def under_way(self) -> None:
        """Returns when some documents are enriched, and others are not."""

        async def some() -> bool:
            async with httpx.AsyncClient() as http:
                found = await http.get(
                    f"{self.settings.bridge_url}/api/bridge/statistics", params={"project": self.project}
                )
            return bool(found.json()["statuses"].get("completed", 0) >= 2)

        await eventually(some)

    @property
    def _url(self) -> str:
        return f"{self.settings.bridge_url}/api/bridge/document"

    def _document(self, number: int, text: str) -> dict[str, Any]:
        return {"project_id": self.project, "source_path": _path(number), "full_text": text}

    async def _post(self, number: int, text: str) -> None:
        async def taken() -> dict[str, Any] | None:
            async with httpx.AsyncClient(timeout=60) as http:
                try:
                    response = await http.post(self._url, json=self._document(number, text))
                except httpx.TransportError:
                    return None
            answer: dict[str, Any] = response.json()
            return answer if response.is_success else None

        answer = await eventually(taken)
        self._texts[number] = text
        self._expect(answer["document_id"], answer["document_version"], text)

    def _expect(self, document_id: str, version: int, text: str) -> None:
        functions = frozenset(line[4:].split("(")[0] for line in text.splitlines() if line.startswith("def "))
        self.expected[document_id] = Expected(identity.content_hash(text), version, functions)


def _path(number: int) -> str:
    return f"src/m{number}.py"


def _text(number: int) -> str:
    """A module of three functions that call each other and occur in no other text."""
    own = uuid4().hex[:8]
    calls = "".join(f"def f{step}_{own}():\n    return f{step - 1}_{own}()\n\n\n" for step in (1, 2))
    return f"import os\nimport json\n\n\ndef f0_{own}():\n    return {number}\n\n\n{calls}"
