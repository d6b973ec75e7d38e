"""In: an installation with a problem. Out: the sources that show it to an operator, and how soon."""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from archon.devstack.process import ChildProcess
from tests.incidents.estate import Estate

SOON: Final = 60.0
"""Seconds within which a cause must be named."""
_AGAIN: Final = 3.0
"""Seconds between two checks: a command takes seconds of a processor, which the failing part also needs."""
_LEVELS: Final = {"warning", "error", "critical"}


@dataclass
class Signals:
    """`named`: seconds after which each source named the cause; sources that did not are missing."""

    named: dict[str, float] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)
    """The last output of each."""


@dataclass(frozen=True)
class _Log:
    """The log lines of a service since then."""

    service: ChildProcess
    start: int

    def read(self) -> str:
        with self.service.log.open("rb") as file:
            file.seek(self.start)
            lines = file.read().decode(errors="replace").splitlines()
        return "\n".join(line for line in lines if _is_bad(line))


def _is_bad(line: str) -> bool:
    try:
        found: Any = json.loads(line)
    except ValueError:
        return False
    return isinstance(found, dict) and found.get("level") in _LEVELS


class Watch:
    """The sources, from its construction on."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._began = time.monotonic()
        self._logs = [
            _Log(service, service.log.stat().st_size if service.log.exists() else 0)
            for service in estate.stack.services.all()
        ]

    async def until_named(self, cause: str) -> Signals:
        """Checks every source until it names `cause` (a regular expression), for at most SOON seconds."""
        found = Signals()
        sources: Mapping[str, Callable[[], Awaitable[str]]] = {
            "log": self._log,
            "health": self._health,
            "status": lambda: self._command("status"),
            "doctor": lambda: self._command("doctor"),
        }
        async with asyncio.TaskGroup() as group:
            for name, read in sources.items():
                group.create_task(self._asked(name, read, re.compile(cause, re.IGNORECASE), found))
        return found

    async def _asked(
        self, name: str, read: Callable[[], Awaitable[str]], cause: re.Pattern[str], found: Signals
    ) -> None:
        while (passed := time.monotonic() - self._began) < SOON:
            found.last[name] = await read()
            if cause.search(found.last[name]):
                found.named[name] = round(time.monotonic() - self._began, 1)
                return
            await asyncio.sleep(min(_AGAIN, max(0.0, SOON - passed)))

    async def _log(self) -> str:
        return "\n".join(log.read() for log in self._logs)

    async def _health(self) -> str:
        """The unhealthy parts."""
        services = self._estate.stack.services
        paths = [
            *((each, "/readyz") for each in services.all()),
            *((each, "/health") for each in (services.worker, services.ingress, services.intelligence)),
            (services.bridge, "/health/enrichment"),
        ]
        async with httpx.AsyncClient(timeout=10) as http:
            return "\n".join(await asyncio.gather(*(_unwell(http, each, path) for each, path in paths)))

    async def _command(self, name: str) -> str:
        finished = await self._estate.enrich(name)
        return f"{finished.out}\n{finished.err}"


async def _unwell(http: httpx.AsyncClient, service: ChildProcess, path: str) -> str:
    try:
        answer = await http.get(f"{service.url}{path}")
    except httpx.TransportError as error:
        return f"{service.name} does not answer: {type(error).__name__}"
    return answer.text if not answer.is_success or '"degraded"' in answer.text else ""
