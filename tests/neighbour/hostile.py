"""In: a bridge, and the key of one project. Out: everything that its owner can do to others, concurrently.

In a separate process with low priority: a real neighbour has another machine, and ours is measured.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

BRIDGE = "/api/bridge"
KEY = "HOSTILE_KEY"
NICENESS = 10
ATTACKS = {"flood": 16, "revisions": 2, "big_bodies": 2, "half_sent": 100, "streams": 40, "listings": 4}
"""How many at once of each."""
_BIG = json.dumps(
    {"project_id": "p", "source_path": "a", "full_text": "x", **{f"k{n}": 0 for n in range(700_000)}}
)
"""Nine megabytes of unknown fields."""


class Hostile:
    """`answers`: by attack and answer."""

    def __init__(self, url: str, project: str, key: str, attacks: Collection[str] = ATTACKS) -> None:
        self._attacks = attacks
        self._url, self._project, self._key = url, project, key
        self._http = httpx.AsyncClient(
            base_url=url, headers={"x-api-key": key}, timeout=60, limits=httpx.Limits(max_connections=None)
        )
        self.answers: Counter[str] = Counter()

    async def run(self) -> None:
        """Until cancelled."""
        async with self._http, asyncio.TaskGroup() as tasks:
            for name, at_once in ATTACKS.items():
                for _ in range(at_once if name in self._attacks else 0):
                    tasks.create_task(self._again(getattr(self, f"_{name}")))

    async def _again(self, attack: Callable[[], Awaitable[object]]) -> None:
        name = attack.__name__.strip("_")
        while True:
            try:
                answered = await attack()
            except (httpx.HTTPError, OSError) as error:
                answered = type(error).__name__
            self.answers[f"{name}: {answered}"] += 1
            await asyncio.sleep(0.05 if answered in {429, 503} else 0)

    async def _flood(self) -> int:
        return await self._post("document", self._document(f"src/{uuid4().hex}.py"))

    async def _revisions(self) -> int:
        documents = [self._document("src/same.py") for _ in range(200)]
        return await self._post("documents", {"documents": documents})

    async def _big_bodies(self) -> int:
        headers = {"content-type": "application/json"}
        return (await self._http.post(f"{BRIDGE}/document", content=_BIG, headers=headers)).status_code

    async def _half_sent(self) -> str:
        """A request that never ends."""
        address = urlsplit(self._url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            writer.write(
                f"POST {BRIDGE}/document HTTP/1.1\r\nhost: {address.netloc}\r\nx-api-key: {self._key}\r\n"
                "content-type: application/json\r\ncontent-length: 1000000\r\n\r\n{".encode()
            )
            return (await reader.readline()).decode().strip()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _streams(self) -> int:
        headers = {"last-event-id": "progress:0:0"}
        url = f"{BRIDGE}/projects/{self._project}/events"
        async with self._http.stream("GET", url, headers=headers) as stream:
            async for _ in stream.aiter_bytes():
                await asyncio.sleep(1)
            return stream.status_code

    async def _listings(self) -> int:
        await self._http.get(f"{BRIDGE}/dead-letters")
        await self._http.get(f"{BRIDGE}/documents", params={"limit": 1000})
        return (
            await self._http.get(f"{BRIDGE}/search", params={"q": "def total value", "limit": 100})
        ).status_code

    async def _post(self, path: str, body: object) -> int:
        return (await self._http.post(f"{BRIDGE}/{path}", json=body)).status_code

    def _document(self, path: str) -> dict[str, str]:
        text = f"def total(value):\n    return value  # {uuid4()}\n"
        return {"project_id": self._project, "source_path": path, "full_text": text}


@contextlib.asynccontextmanager
async def hostile(
    url: str, project: str, key: str, answers: dict[str, int], attacks: Collection[str]
) -> AsyncIterator[None]:
    """Active during the block; afterwards `answers` has the number of each answer."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.neighbour.hostile", url, project, *attacks),
        env={**os.environ, KEY: key},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield
    finally:
        process.terminate()
        printed, _ = await process.communicate()
        answers.update(json.loads(printed))


async def _until_terminated(url: str, project: str, *attacks: str) -> None:
    one = Hostile(url, project, os.environ[KEY], attacks)
    attacking = asyncio.create_task(one.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, attacking.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await attacking
    json.dump(dict(sorted(one.answers.items())), sys.stdout)


if __name__ == "__main__":
    os.nice(NICENESS)
    asyncio.run(_until_terminated(*sys.argv[1:]))
