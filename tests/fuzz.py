"""In: `python -m tests.fuzz [--max-time SECONDS] [--service NAME]`. Out: Schemathesis' verdict on a service.

Sends everything that the service's OpenAPI document allows and forbids to a whole stack, with API keys in
force and a few documents and dead letters. A fault (5xx), an undocumented status or an answer that violates
its schema is a failure.
"""

import argparse
import asyncio
import contextlib
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import httpx
from aiokafka import AIOKafkaProducer

from archon.contracts.operations.api_keys import Access, ApiKey, mint
from archon.devstack.stack import Ports, Stack, running
from archon.runtime.http import api_keys
from archon.runtime.kafka.brokers import connection
from archon.runtime.settings import Settings
from tests import factories
from tests.eventually import eventually

SCHEMATHESIS = Path(sys.executable).parents[1] / "fuzz" / "bin" / "st"
CONFIG = Path(__file__).with_name("schemathesis.toml")
INTELLIGENCE_KEY = "fuzz"
SEEDS = 8


def key(file: Path) -> str:
    key_id, shown, sha256 = mint()
    api_keys.add(
        file,
        ApiKey(id=key_id, sha256=sha256, projects="*", access=Access.WRITE, created_at=datetime.now(UTC)),
    )
    return shown


async def seed(settings: Settings, headers: dict[str, str]) -> None:
    """Enriched documents, parked documents, and unreadable messages."""
    await park(settings)
    async with httpx.AsyncClient(base_url=settings.bridge_url, headers=headers, timeout=30) as http:
        for number in range(SEEDS):
            body = {"project_id": "p", "source_path": f"{number}.py", "full_text": f"def f{number}(): pass\n"}
            (await http.post("/api/bridge/document", json=body)).raise_for_status()

        async def are_listed() -> bool:
            answer = await http.get("/api/bridge/dead-letters")
            return bool(answer.json()["total"] == 2 * SEEDS)

        await eventually(are_listed)


async def park(settings: Settings) -> None:
    """Their ids and positions are those in schemathesis.toml."""
    async with AIOKafkaProducer(**connection(settings), enable_idempotence=False) as producer:
        for number in range(SEEDS):
            unknown = factories.request(document_id=str(UUID(int=number)), text="a text that nobody has")
            topic = settings.kafka_enrichment_topic
            await producer.send_and_wait(
                topic, unknown.model_dump_json(exclude_none=True).encode(), partition=1
            )
            await producer.send_and_wait(topic, b"no request", partition=0)


async def fuzz(stack: Stack, service: str, shown: str, options: list[str]) -> int:
    """Schemathesis' exit code."""
    headers = {"authorization": f"Bearer {shown if service == 'bridge' else INTELLIGENCE_KEY}"}
    url = getattr(stack.services, service).url
    if service == "bridge":
        await seed(stack.settings, headers)
    command = [
        *(str(SCHEMATHESIS), "--config-file", str(CONFIG), "run", f"{url}/openapi.json"),
        *("--header", f"Authorization:{headers['authorization']}"),
        # A stream does not end.
        *("--exclude-tag", "streams", "--request-timeout", "60", "--continue-on-failure"),
    ]
    process = await asyncio.create_subprocess_exec(*command, *options, cwd=stack.data_dir)
    return await process.wait()


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--max-time", default="300", help="seconds")
    parser.add_argument("--service", choices=("bridge", "intelligence"), default="bridge")
    given, rest = parser.parse_known_args()
    with contextlib.ExitStack() as entered:
        directory = Path(entered.enter_context(tempfile.TemporaryDirectory(prefix="archon-fuzz-")))
        keys = directory / "keys.json"
        shown = key(keys)
        overrides = {
            "API_KEYS_FILE": str(keys),
            "BRIDGE_API_KEY": shown,
            "INTELLIGENCE_API_KEY": INTELLIGENCE_KEY,
        }
        async with running(directory, Ports.free(), overrides) as stack:
            return await fuzz(stack, given.service, shown, ["--max-time", given.max_time, *rest])


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
