"""In: `python -m tests.fuzz_topics [--seconds S] [--seed N]`. Out: the results of hostile records.

Sends valid, mutated and random records on both topics to a whole stack. Each must end as an enriched
document, or as a dead letter that names its field. No log may have a traceback, no offset may stand still.
"""

import argparse
import asyncio
import contextlib
import random
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from aiokafka import AIOKafkaProducer
from pydantic import ValidationError

from archon.contracts import identity, json_values
from archon.contracts.documents import DocumentSubmission
from archon.contracts.errors import InvalidInputError
from archon.contracts.operations.dead_letters import DeadLetterFilter, DeadLetterRow
from archon.devstack.stack import Ports, Stack, running
from archon.runtime.kafka.brokers import connection
from archon.runtime.kafka.dead_letters import DeadLetterTopic
from archon.runtime.kafka.statistics import topic_statistics
from bridge.documents.normalise import normalise
from kafka_ingress.enrichment import parse
from tests import factories
from tests.eventually import eventually
from tests.hostile_records import mutated, uuid

ROUND: Final = 100
PATIENCE: Final = 180.0
"""Seconds within which a round must be consumed, and all documents must end."""
TEXT: Final = "def f():\n    return 1\n"
_NAMED: Final = re.compile(r"[^:\n]{1,200}: .", re.DOTALL)
_TRACEBACK: Final = re.compile(r"Traceback \(most recent call last\)|panicked at")
_PARKED: Final = "Completing activity as failed"
"""The SDK's message for a failure that parks its document and has a letter."""


@dataclass(frozen=True)
class Sent:
    """A record, its position, and its mutation."""

    topic: str
    place: str
    what: str
    value: bytes


@dataclass
class Findings:
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def blame(self, sent: Sent, why: str) -> None:
        self.wrong.append(f"{sent.place} ({sent.what}): {why}: {sent.value[:200]!r}")


class Fuzz:
    def __init__(self, stack: Stack, producer: AIOKafkaProducer, http: httpx.AsyncClient, seed: int) -> None:
        self._settings = stack.settings
        self._logs = stack.data_dir / "logs"
        self._producer = producer
        self._http = http
        self._chance = random.Random(seed)
        self._sent: list[Sent] = []
        self._text = ""

    async def send(self, seconds: float) -> None:
        """Rounds of records, each consumed before the next."""
        posted = await self._http.post(
            "/document", json={"project_id": "fuzz", "source_path": "first.py", "full_text": TEXT}
        )
        self._text = posted.raise_for_status().json()["content_hash"]
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await asyncio.gather(*(self._one(len(self._sent) + number) for number in range(ROUND)))
            await eventually(self._consumed, PATIENCE)

    async def _one(self, number: int) -> None:
        if self._chance.random() < 0.5:
            topic, record = self._settings.kafka_enrichment_topic, self._request(number)
        else:
            topic, record = self._settings.kafka_index_topic, self._submission(number)
        what, value = mutated(self._chance, record)
        key = uuid(self._chance).encode()
        at = await self._producer.send_and_wait(topic, value or None, key=key)
        self._sent.append(Sent(topic, f"{at.topic}:{at.partition}:{at.offset}", what, value))

    def _request(self, number: int) -> dict[str, Any]:
        ids = {name: uuid(self._chance) for name in ("document_id", "correlation_id")}
        given = factories.request("fuzz", file_path=f"{number}.py", content_hash=self._text, **ids)
        return given.model_dump(mode="json", exclude={"document_version"})

    def _submission(self, number: int) -> dict[str, Any]:
        own = {
            "source_path": f"{number}.py",
            "title": "t",
            "document_id": f"own {number}",
            "language": "python",
        }
        return {"project_id": "fuzz", "full_text": f"{TEXT}# {number}\n", "metadata": {}, **own}

    async def _consumed(self) -> bool:
        return not any((await topic_statistics(self._settings)).lag.values())

    async def findings(self) -> Findings:
        """The result of each record, after everything is at rest."""
        await eventually(self._settled, PATIENCE)
        rows = await DeadLetterTopic(self._settings).rows(DeadLetterFilter(), None)
        letters = {row.key: row for row in rows}
        found = Findings()
        for sent in self._sent:
            if (letter := letters.get(sent.place)) is not None:
                self._check_letter(found, sent, letter)
            else:
                await self._check_document(found, sent, letters)
        for log in sorted(self._logs.glob("*.log")):
            lines = [line for line in log.read_text(errors="replace").splitlines() if _TRACEBACK.search(line)]
            faults = [line for line in lines if _PARKED not in line]
            found.counts[f"tracebacks in {log.name}"] = len(faults)
            found.wrong += [f"{log.name}: {line[:1000]}" for line in faults]
        return found

    async def _settled(self) -> bool:
        statuses = (await self._http.get("/statistics")).raise_for_status().json()["statuses"]
        return not statuses.get("pending", 0) + statuses.get("processing", 0)

    def _check_letter(self, found: Findings, sent: Sent, letter: DeadLetterRow) -> None:
        found.counts[f"{letter.failure_type} letters"] += 1
        if letter.failure_type != "data_quality" or not _NAMED.match(letter.failure_reason):
            found.blame(sent, f"{letter.failure_type}, {letter.failure_reason[:300]!r}")

    async def _check_document(self, found: Findings, sent: Sent, letters: dict[str, DeadLetterRow]) -> None:
        try:
            document_id = self._document_id(sent)
        except (InvalidInputError, ValidationError) as error:
            found.blame(sent, f"neither accepted nor reported, although {error}")
            return
        answer = await self._http.get(f"/document/{document_id}")
        status = answer.json().get("enrichment_status") if answer.is_success else f"HTTP {answer.status_code}"
        found.counts[f"{status} documents"] += 1
        if status == "failed" and document_id in letters:
            self._check_letter(found, sent, letters[document_id])
        elif status != "completed":
            found.blame(sent, f"its document is {status}")

    def _document_id(self, sent: Sent) -> str:
        if sent.topic == self._settings.kafka_enrichment_topic:
            return parse(sent.value).document_id
        submission = DocumentSubmission.model_validate(json_values.read(sent.value))
        document = normalise(submission, submission.full_text or "")
        return identity.document_id(document.project_name, submission.document_id, document.file_path)[0]


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    given = parser.parse_args()
    async with contextlib.AsyncExitStack() as entered:
        directory = entered.enter_context(tempfile.TemporaryDirectory(prefix="archon-fuzz-topics-"))
        stack = await entered.enter_async_context(running(Path(directory), Ports.free()))
        producer = await entered.enter_async_context(
            AIOKafkaProducer(
                **connection(stack.settings), enable_idempotence=False, max_request_size=4_000_000
            )
        )
        http = await entered.enter_async_context(
            httpx.AsyncClient(base_url=f"{stack.settings.bridge_url}/api/bridge", timeout=30)
        )
        fuzz = Fuzz(stack, producer, http, given.seed)
        await fuzz.send(given.seconds)
        found = await fuzz.findings()
    print(
        f"seed {given.seed}", *(f"{count:6} {what}" for what, count in sorted(found.counts.items())), sep="\n"
    )
    print(*found.wrong[:50], f"{len(found.wrong)} wrong", sep="\n")
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
