"""In: the addresses of our services. Out: the state that each reports on its health routes."""

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from archon.contracts.errors import ArchonError, StoreUnavailableError
from archon.contracts.estate import PartName, WaitingFor
from archon.runtime.estate.parts import Answer
from archon.runtime.flow.breaker import BreakerState, BreakerStatus
from archon.runtime.http.health import Readiness
from archon.runtime.reasons import in_words, place
from archon.runtime.temporal.pollers import Pollers

RECENT: Final = 10.0
"""Maximum age in seconds of the last poll of a worker that counts as running although its health routes are
unreachable."""
_IDLE: Final = 60.0
"""Seconds between two polls of an idle worker: only a longer time without one says something."""
_NAMED: Final[Mapping[str, PartName]] = {
    "intelligence_service": PartName.INTELLIGENCE,
    "memgraph": PartName.GRAPH,
}
"""Readiness checks whose name differs from the name of the part."""
Shape = TypeVar("Shape", bound=BaseModel)


class _Consumer(BaseModel):
    state: str


class _IngressHealth(BaseModel):
    consumer: _Consumer


class _WorkerHealth(BaseModel):
    circuit_breaker: BreakerStatus
    polling: bool = True


class OurService:
    """A service of this product. Raises StoreUnavailableError if it does not answer."""

    def __init__(
        self, name: PartName, http: httpx.AsyncClient, url: str, setting: str, headers: Any = None
    ) -> None:
        self._name = name
        self._http = http
        self._url = url
        self._headers = headers
        self.address = place(url, setting)

    async def ready(self) -> Answer:
        """The failed readiness checks become the parts that it waits for."""
        response, ahead = await self._get("/readyz")
        found = self._parsed(response, Readiness)
        reasons: dict[PartName, list[str]] = {}
        for dependency, state in found.dependencies.items():
            if state.status == "unhealthy" and (name := _part(dependency, state.detail)) is not None:
                reasons.setdefault(name, []).append(state.detail or "unhealthy")
        waiting = {name: WaitingFor(service=name, reason="; ".join(each)) for name, each in reasons.items()}
        waiting.pop(self._name, None)
        return Answer(
            found.version,
            found.started_at,
            waiting_for=list(waiting.values()),
            clock_ahead=ahead,
        )

    async def read(self, path: str, model: type[Shape]) -> Shape:
        response, _ = await self._get(path)
        return self._parsed(response, model)

    async def _get(self, path: str) -> tuple[httpx.Response, float | None]:
        """The answer, and the seconds by which the service's clock is ahead."""
        sent = time.time()
        try:
            response = await self._http.get(f"{self._url}{path}", headers=self._headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise StoreUnavailableError(self._name, f"{self.address}: {in_words(error)}") from error
        return response, clock_ahead(response, sent)

    def _parsed(self, response: httpx.Response, model: type[Shape]) -> Shape:
        try:
            return model.model_validate_json(response.content)
        except ValidationError as error:
            path = response.request.url.path
            other = f"{self.address}: HTTP {response.status_code}, not our service's answer to {path}"
            raise StoreUnavailableError(self._name, other) from error


def clock_ahead(response: httpx.Response, sent: float) -> float | None:
    """Seconds by which the other clock is ahead of ours, if the answer to a request sent at `sent` has a Date
    header (RFC 9110, section 6.6.1; whole seconds)."""
    try:
        date = parsedate_to_datetime(response.headers["date"])
    except (KeyError, ValueError):
        return None
    return round(date.timestamp() - (sent + time.time()) / 2, 1)


def _part(dependency: str, detail: str | None) -> PartName | None:
    """The part that a readiness check is about. `schema` names the store at the start of its detail."""
    for name in (dependency, (detail or "").partition(":")[0]):
        if name in _NAMED:
            return _NAMED[name]
        if name in set(PartName):
            return PartName(name)
    return None


async def ask_ingress(service: OurService) -> Answer:
    """The ingress waits for Kafka or, if too many analyses wait, for the worker."""
    state = (await service.read("/health", _IngressHealth)).consumer.state
    ready = await _ready_if_quick(service)
    waiting = {each.service: each for each in ready.waiting_for}
    if state == "connecting":
        joins = WaitingFor(service=PartName.KAFKA, reason="its consumer has not joined the group yet")
        waiting.setdefault(PartName.KAFKA, joins)
    elif state == "paused":
        full = "paused: INGRESS_MAX_BACKLOG analyses wait in Temporal"
        waiting[PartName.WORKER] = WaitingFor(service=PartName.WORKER, reason=full)
    return replace(ready, working=state == "consuming", waiting_for=list(waiting.values()))


async def ask_worker(service: OurService, pollers: Pollers) -> Answer:
    """The worker's breaker describes the intelligence service better than a health check.

    If the health routes are unreachable, another worker may still poll: Temporal knows the last poll, and
    lists stopped workers for some minutes.
    """
    try:
        health = await service.read("/health", _WorkerHealth)
    except StoreUnavailableError as error:
        last = await _last_poll(pollers)
        if last is None:
            raise
        ago = (datetime.now(UTC) - last).total_seconds()
        if ago <= RECENT:
            return Answer()
        if ago <= _IDLE:
            raise
        unpolled = f"{_bare(error)}; no worker has polled for {ago:.0f} s"
        raise StoreUnavailableError(PartName.WORKER, unpolled) from error
    ready = await _ready_if_quick(service)
    waiting = {each.service: each for each in ready.waiting_for}
    if _holds_back(health.circuit_breaker):
        waiting[PartName.INTELLIGENCE] = _open(health.circuit_breaker)
    return replace(ready, working=health.polling, waiting_for=list(waiting.values()))


def _holds_back(breaker: BreakerStatus) -> bool:
    """Whether analyses wait. When a probe is due, the next analysis is the probe; without analyses the
    breaker stays open, but delays nothing."""
    due = breaker.next_probe_at
    probing = breaker.state is BreakerState.HALF_OPEN
    waits = breaker.state is BreakerState.OPEN and (due is None or due > datetime.now(UTC))
    return probing or waits


async def _ready_if_quick(service: OurService) -> Answer:
    """Any answer shows that the service runs. Its own readiness checks may take long on a busy machine."""
    try:
        return await service.ready()
    except StoreUnavailableError:
        return Answer()


async def _last_poll(pollers: Pollers) -> datetime | None:
    try:
        return await pollers.last()
    except ArchonError:  # Temporal is a part of its own
        return None


def _bare(error: StoreUnavailableError) -> str:
    return str(error).partition(": ")[2]


def _open(breaker: BreakerStatus) -> WaitingFor:
    """The failure text without its class name."""
    _, _, reason = (breaker.last_failure or "").partition(": ")
    return WaitingFor(
        service=PartName.INTELLIGENCE,
        reason=reason or "it does not answer",
        since=breaker.opened_at,
        next_try=breaker.next_probe_at,
    )
