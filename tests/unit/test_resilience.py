"""The protection of a document from failures: breaker, retry delays, atomic writes, translated errors."""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from types import SimpleNamespace

import httpx
import pytest
from obstore import exceptions as obstore_errors
from qdrant_client.common import client_exceptions
from qdrant_client.http import exceptions as qdrant_errors
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import failures
from activities.failures import as_application_errors, treatment_of
from activities.heartbeat import unbroken
from archon.clients import intelligence
from archon.contracts import errors
from archon.contracts.types import FailureType
from archon.contracts.workflow import RetrySettings
from archon.runtime.flow import breaker as breaker_module
from archon.runtime.flow.breaker import BreakerState, CircuitBreaker
from archon.stores import content
from archon.stores.vectors import store as vectors
from tests.eventually import eventually

DOWN = errors.IntelligenceUnavailableError("503")


class Service:
    """Gives scripted answers, and counts."""

    def __init__(self, answer: Exception | str = "fine") -> None:
        self.answer = answer
        self.calls = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self) -> str:
        self.calls += 1
        await self.gate.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def breaker(threshold: int = 2, recovery: float = 0.05, budget: float = 60) -> CircuitBreaker:
    return CircuitBreaker(threshold=threshold, recovery=recovery, budget=budget)


async def test_failures_below_the_threshold_are_the_callers() -> None:
    own, service = breaker(threshold=3), Service(DOWN)
    for _ in range(2):
        with pytest.raises(errors.IntelligenceUnavailableError):
            await own.run(service)
    service.answer = "fine"
    assert await own.run(service) == "fine"
    assert (own.status.state, own.status.failure_count) == (BreakerState.CLOSED, 0)


async def test_a_caller_whose_failure_opens_it_waits_for_the_service_and_gets_its_answer() -> None:
    own, service = breaker(threshold=1), Service(DOWN)
    waiting = asyncio.create_task(own.run(service))

    async def probed_twice() -> bool:
        return service.calls >= 3

    await eventually(probed_twice)
    assert own.status.opened_at is not None
    assert own.status.last_failure == "IntelligenceUnavailableError: 503"
    service.answer = "fine"
    assert await waiting == "fine"
    assert own.status.opened_at is None


async def test_one_caller_probes_and_the_others_wait() -> None:
    own, service = breaker(threshold=1), Service(DOWN)
    own.trip(DOWN)
    service.answer = "fine"
    service.gate.clear()
    callers = [asyncio.create_task(own.run(service)) for _ in range(20)]

    async def half_open() -> bool:
        return own.status.state is BreakerState.HALF_OPEN and service.calls > 0

    await eventually(half_open)
    await asyncio.sleep(0.1)
    assert service.calls == 1
    service.gate.set()
    assert await asyncio.gather(*callers) == ["fine"] * 20
    assert service.calls == 20


@contextlib.asynccontextmanager
async def watched(own: CircuitBreaker, health: Service) -> AsyncIterator[None]:
    task = asyncio.create_task(own.watch(health, interval=0.01))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def looked_at(health: Service) -> None:
    """Waits for a few health checks."""

    async def was_called() -> bool:
        return health.calls > 2

    await eventually(was_called)


async def test_a_recovered_service_is_probed_at_once() -> None:
    own, service, health = breaker(recovery=3600), Service(), Service(DOWN)
    async with watched(own, health):
        own.trip(DOWN)
        waiting = asyncio.create_task(own.run(service))
        await looked_at(health)
        assert service.calls == 0
        health.answer = "fine"
        assert await waiting == "fine"


async def test_a_healthy_service_gets_its_full_pause() -> None:
    own, service, health = breaker(recovery=3600), Service(), Service()
    async with watched(own, health):
        own.trip(DOWN)
        waiting = asyncio.create_task(own.run(service))
        await looked_at(health)
        assert service.calls == 0
        waiting.cancel()


async def test_a_cancelled_probe_leaves_the_probe_to_another() -> None:
    own, service = breaker(), Service()
    own.trip(DOWN)
    service.gate.clear()
    first = asyncio.create_task(own.run(service))

    async def probing() -> bool:
        return service.calls == 1

    await eventually(probing)
    second = asyncio.create_task(own.run(service))
    first.cancel()
    service.gate.set()
    assert await second == "fine"


async def test_a_wrong_key_opens_it_at_once_and_a_refused_document_does_not() -> None:
    own, service = breaker(threshold=5), Service(errors.IntelligenceRejectedError("400"))
    for _ in range(10):
        with pytest.raises(errors.IntelligenceRejectedError):
            await own.run(service)
    assert own.status.state is BreakerState.CLOSED
    service.answer = errors.IntelligenceAuthError("401")
    waiting = asyncio.create_task(own.run(service))

    async def is_open() -> bool:
        return own.status.state is not BreakerState.CLOSED

    await eventually(is_open)
    service.answer = "fine"
    assert await waiting == "fine"


async def test_a_breaker_that_opened_while_nobody_waited_has_its_whole_budget(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = breaker(threshold=1, recovery=0.02, budget=60)
    assert own.trip(errors.IntelligenceUnavailableError("down"))
    later = SimpleNamespace(monotonic=lambda: time.monotonic() + 61)
    monkeypatch.setattr(breaker_module, "time", later)  # no call during the whole budget
    service = Service(DOWN)
    waiting = asyncio.create_task(own.run(service))

    async def has_failed_twice() -> bool:
        return own.status.failure_count >= 3

    await eventually(has_failed_twice)
    service.answer = "fine"
    assert await waiting == "fine"


async def test_the_budget_counts_from_the_first_that_waits_through_failed_probes() -> None:
    own = breaker(threshold=1, recovery=0.02, budget=0.3)
    with pytest.raises(errors.IntelligenceOutageError, match="503"):
        await own.run(Service(DOWN))
    assert treatment_of(errors.IntelligenceOutageError()).failure_type is FailureType.SERVICE_DOWN
    with pytest.raises(errors.IntelligenceOutageError):
        await own.run(Service(DOWN))
    assert await own.run(Service("back, however late")) == "back, however late"
    assert own.status.state is BreakerState.CLOSED


async def test_a_disabled_breaker_raises_every_failure() -> None:
    own = CircuitBreaker(threshold=1, recovery=1, budget=1, enabled=False)
    for _ in range(3):
        with pytest.raises(errors.IntelligenceUnavailableError):
            await own.run(Service(DOWN))
    assert not own.trip(DOWN)


def activity_at(attempt: int, policy: RetryPolicy) -> ActivityEnvironment:
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, attempt=attempt, retry_policy=policy)
    return environment


def translated(error: Exception, attempt: int = 1, policy: RetryPolicy | None = None) -> ApplicationError:
    def raising() -> None:
        with as_application_errors():
            raise error

    with pytest.raises(ApplicationError) as raised:
        activity_at(attempt, policy or RetryPolicy()).run(raising)
    return raised.value


def test_temporal_receives_type_and_whether_to_retry() -> None:
    error = translated(errors.IntelligenceThrottledError("busy", 7))
    assert (error.type, error.non_retryable) == ("IntelligenceThrottledError", False)
    assert error.details == ("transient",)
    assert error.next_retry_delay == timedelta(seconds=7)
    assert translated(errors.IntelligenceThrottledError("busy", 1e9)).next_retry_delay == timedelta(hours=1)
    assert translated(errors.ContentMissingError("gone")).non_retryable
    assert treatment_of(errors.ArchonError("?")).failure_type is FailureType.PERMANENT


def test_a_fault_of_ours_is_permanent_and_named() -> None:
    error = translated(KeyError("x"))
    assert (error.type, error.non_retryable, error.details) == ("KeyError", True, ("permanent",))


def test_delays_double_up_to_a_limit_and_are_spread() -> None:
    policy = RetryPolicy(initial_interval=timedelta(seconds=2), maximum_interval=timedelta(seconds=60))
    for attempt, seconds in ((1, 2), (2, 4), (3, 8), (6, 60), (1000, 60)):
        delays = {translated(DOWN, attempt, policy).next_retry_delay for _ in range(20)}
        assert len(delays) > 10
        for delay in delays:
            assert delay is not None
            assert 0.8 * seconds <= delay.total_seconds() <= 1.2 * seconds


class Writer:
    """A store step that ends on command."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.gate = asyncio.Event()

    @unbroken
    async def write(self, what: str) -> str:
        self.begun.set()
        await self.gate.wait()
        return what


@pytest.mark.parametrize(
    ("attempt", "failed", "final"), [(1, 0, False), (7, 0, False), (7, 1, False), (3, 2, True)]
)
async def test_an_attempt_that_was_lost_with_its_worker_is_not_counted(
    attempt: int, failed: int, final: bool
) -> None:
    """The failed attempts pass the count on, in the details of their last heartbeats."""
    environment, heartbeats = activity_at(attempt, failures.counted(RetrySettings(max_attempts=3))), []
    environment.info = dataclasses.replace(
        environment.info, heartbeat_details=[None, failed] if failed else [None, 0][: attempt - 1]
    )
    environment.on_heartbeat = lambda *details: heartbeats.append(details)

    async def step() -> None:
        with failures.Attempts(3).counted(), as_application_errors():
            raise DOWN

    with pytest.raises(ApplicationError) as caught:
        await environment.run(step)
    assert caught.value.non_retryable is final
    assert caught.value.type == "IntelligenceUnavailableError"
    assert heartbeats == ([] if final else [(None, failed + 1)])


async def test_a_store_step_is_cancelled_only_once_it_has_ended() -> None:
    writer, environment = Writer(), ActivityEnvironment()
    running = asyncio.create_task(environment.run(writer.write, "written"))
    await writer.begun.wait()
    for _ in range(3):
        environment.cancel()
        await asyncio.sleep(0)
    assert not running.done()
    writer.gate.set()
    assert await running == "written"


async def test_a_store_step_heartbeats_while_it_lasts() -> None:
    writer, environment = Writer(), ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, heartbeat_timeout=timedelta(seconds=0.02))
    beats: list[object] = []
    environment.on_heartbeat = lambda *details: beats.append(details)
    running = asyncio.create_task(environment.run(writer.write, "written"))

    async def beaten() -> bool:
        return len(beats) >= 2

    await eventually(beaten)
    writer.gate.set()
    assert await running == "written"


async def test_a_store_that_is_down_spends_no_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "PATIENT", RetryPolicy(initial_interval=timedelta(milliseconds=5)))
    down = errors.StoreUnavailableError("content", "no route")
    answers: list[Exception | str] = [down, errors.StoreConflictError("graph", "lost"), down, "read"]

    async def read() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert await failures.patiently(read, 60) == "read"
    answers.append(errors.StoreRejectedError("graph", "no"))
    with pytest.raises(errors.StoreRejectedError):
        await failures.patiently(read, 60)
    answers.extend([down] * 3)
    with pytest.raises(errors.StoreOutageError, match="no route"):
        await failures.patiently(read, 0)
    assert treatment_of(errors.StoreOutageError("content", "")).again is failures.Again.NEVER


def _errors_of(*modules: object, base: type[Exception]) -> list[Exception]:
    classes = [each for module in modules for each in vars(module).values()]
    found = {each for each in classes if isinstance(each, type) and issubclass(each, base)}
    return [each.__new__(each) for each in sorted(found, key=lambda each: each.__name__)]


def _refused(status: int) -> qdrant_errors.UnexpectedResponse:
    return qdrant_errors.UnexpectedResponse(status, "", b"", httpx.Headers())


QDRANT = [
    *(_refused(status) for status in (400, 401, 403, 404, 409, 422, 429, 500, 503)),
    qdrant_errors.ResponseHandlingException(httpx.ConnectError("refused")),
    *_errors_of(client_exceptions, base=client_exceptions.QdrantException),
    ValueError("a vector of the wrong length"),
    OSError("no route"),
]
OBSTORE = [*_errors_of(obstore_errors, base=obstore_errors.BaseError), OSError("disk full")]
HTTPX = _errors_of(httpx, base=httpx.RequestError)


@pytest.mark.parametrize(
    ("translated", "base", "error"),
    [(vectors.translated, errors.StoreError, error) for error in QDRANT]
    + [(content.translated, errors.StoreError, error) for error in OBSTORE]
    + [(intelligence.translated, errors.IntelligenceError, error) for error in HTTPX],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_no_driver_error_escapes(
    translated: Callable[[], contextlib.AbstractContextManager[None]],
    base: type[Exception],
    error: Exception,
) -> None:
    with pytest.raises(base), translated():
        raise error
