"""In: a loaded project. Out: answer times of questions about its code, and of searches, during indexing."""

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final

from archon.cli.bench.load.documents import Generated
from archon.cli.bench.load.reading import Reader
from archon.cli.bench.load.sending import body_of, client, post
from archon.cli.bench.measured.report import LIMITS_MS, Latency, QuestionTimes
from archon.contracts.types import Priority
from archon.runtime.settings import Settings
from archon.runtime.tasks import beside

ROUNDS: Final = 100
_EVERY: Final = 0.2
"""Seconds between the documents that are indexed meanwhile: a person who saves files, not a load."""
_CALLED: Final = 5
"""Symbols that each of these documents calls, besides the document before it."""
_FUNCTION: Final = re.compile(r"^(?:async )?def (\w+)", re.MULTILINE)
_DEPTH: Final = 3


async def questions(
    settings: Settings,
    reader: Reader,
    project: str,
    documents: Sequence[Generated],
    advance: Callable[[], None],
    rounds: int = ROUNDS,
) -> QuestionTimes:
    """One question at a time. Raises StoreUnavailableError, NotFoundError."""
    symbols = list(_symbols(documents))
    rng = random.Random(project)
    began = time.perf_counter()
    packages = (await reader.question("outline", project, limit=1000))["packages"]
    first = (time.perf_counter() - began) * 1000
    took: dict[str, list[float]] = {name: [] for name in LIMITS_MS}
    async with beside(_index(settings, project, symbols)):
        for _ in range(rounds):
            path, name = rng.choice(symbols)
            symbol = f"{path}:{name}"
            asked = reader.question("callers", project, symbol=symbol)
            took["callers"].append(await _timed(asked))
            asked = reader.question("impact", project, symbol=symbol, depth=_DEPTH)
            took["impact"].append(await _timed(asked))
            took["search"].append(await _timed(reader.search(name.replace("_", " "), project)))
            advance()
    return QuestionTimes(
        documents=sum(each["documents"] for each in packages),
        symbols=sum(each["symbols"] for each in packages),
        first_ms=round(first, 1),
        times={name: Latency.of(each) for name, each in took.items()},
    )


async def _timed(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return (time.perf_counter() - began) * 1000


async def _index(settings: Settings, project: str, symbols: Sequence[tuple[str, str]]) -> None:
    """Documents that import and call loaded symbols, at a steady pace, until cancelled."""
    rng = random.Random(f"{project} callers")
    number = 0
    async with client(settings, 1) as http:
        while True:
            number += 1
            await post(http, body_of(project, caller(number, rng.sample(symbols, _CALLED)), Priority.NORMAL))
            await asyncio.sleep(_EVERY)


def caller(number: int, called: Sequence[tuple[str, str]]) -> Generated:
    """A module that calls functions of other modules, and the module before it."""
    targets = [(path.removesuffix(".py").replace("/", "."), name) for path, name in called]
    if number > 1:
        targets.append((f"callers.caller_{number - 1}", f"use_{number - 1}"))
    imports = "".join(f"from {module} import {name} as f{at}\n" for at, (module, name) in enumerate(targets))
    calls = "".join(f"    f{at}(value)\n" for at in range(len(targets)))
    text = f"{imports}\n\ndef use_{number}(value):\n{calls}    return value\n"
    return Generated(f"callers/caller_{number}.py", "python", text)


def _symbols(documents: Sequence[Generated]) -> Iterator[tuple[str, str]]:
    """Path and name of the first function of each Python module that has one."""
    for each in documents:
        if each.language == "python" and (found := _FUNCTION.search(each.text)):
            yield each.path, found[1]
