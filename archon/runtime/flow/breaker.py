"""In: the outcomes of calls to a service. Out: permission for the next call, or a wait until the service
answers again.

Closed: every call goes out. Open: callers wait. Half-open: one caller probes, the others wait for the result.
The states are those of M. Nygard, "Release It!", chapter 5; that callers wait is our own addition, so that an
outage spends no attempts.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, Self, TypeVar

from pydantic import BaseModel

from archon.contracts.errors import (
    IntelligenceAuthError,
    IntelligenceError,
    IntelligenceOutageError,
    IntelligenceUnavailableError,
)
from archon.runtime.logs import get_logger
from archon.runtime.settings import Settings
from archon.runtime.telemetry import metrics

Answer = TypeVar("Answer")
_log: Final = get_logger(__name__)


class BreakerState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class BreakerStatus(BaseModel):
    """`failure_count`: consecutive failures; `opened_at`: start of the outage, through all failed probes;
    `next_probe_at`: latest time of the next probe."""

    state: BreakerState
    failure_count: int
    last_failure: str | None = None
    last_failure_at: datetime | None = None
    opened_at: datetime | None = None
    next_probe_at: datetime | None = None


class CircuitBreaker:
    """One process's view of the intelligence service. Durations in seconds.

    `threshold`: consecutive failures that open it; `recovery`: wait before each probe; `budget`: how long it
    may be open before callers get an error.
    """

    def __init__(self, *, threshold: int, recovery: float, budget: float, enabled: bool = True) -> None:
        self._threshold = threshold
        self._recovery = recovery
        self._budget = budget
        self._enabled = enabled
        self._status = BreakerStatus(state=BreakerState.CLOSED, failure_count=0)
        self._waited_since: float | None = None
        """When the first caller started to wait in this outage."""
        self._probe_at = 0.0
        self._probing = False
        self._failed_probes = 0
        self._changed = asyncio.Event()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(
            threshold=settings.circuit_breaker_failure_threshold,
            recovery=settings.circuit_breaker_recovery_timeout,
            budget=settings.outage_budget,
            enabled=settings.enable_circuit_breaker,
        )

    @property
    def status(self) -> BreakerStatus:
        return self._status

    async def run(self, work: Callable[[], Awaitable[Answer]], *, evidence: bool = True) -> Answer:
        """The answer of `work`, when the service may be called. `evidence`: whether an answer proves that the
        service works; a cached answer does not.

        A failure that opens the breaker, or happens while it is open, is not raised: the caller waits and
        tries again. Raises other errors of `work`; IntelligenceOutageError after the budget, but only if a
        probe has failed since the call, so that a recovered service is noticed however late.
        """
        arrived = self._failed_probes
        while True:
            probing = await self._leave(arrived)
            try:
                answer = await work()
            except (IntelligenceUnavailableError, IntelligenceAuthError) as error:
                if not self._failed(error, probing=probing):
                    raise
            except IntelligenceError:
                self._answered(probing=probing)
                raise
            except BaseException:
                self._pass_on(probing=probing)
                raise
            else:
                if evidence:
                    self._answered(probing=probing)
                else:
                    self._pass_on(probing=probing)
                return answer

    def trip(self, error: IntelligenceError) -> bool:
        """Opens the breaker on other evidence than the count; False if it is disabled."""
        if self._enabled and self._status.state is BreakerState.CLOSED:
            self._note(error)
            self._open_first()
        return self._enabled

    async def watch(self, ping: Callable[[], Awaitable[object]], interval: float = 1.0) -> None:
        """While the breaker is open, probes as soon as `ping` answers again. Runs until cancelled.

        If the health check always succeeds but calls fail, the full wait applies.
        """
        silent = False
        while True:
            if self._status.state is BreakerState.CLOSED:
                silent = False
                await self._wait(None)
                continue
            try:
                await ping()
            except IntelligenceError:
                silent = True
            else:
                if silent:
                    silent, self._probe_at = False, 0.0
                    self._status.next_probe_at = datetime.now(UTC)
                    self._notify()
            await asyncio.sleep(interval)

    async def _leave(self, arrived: int) -> bool:
        """Waits until a call may go out; True if it is the probe. `arrived`: number of failures at the time
        of the call."""
        while self._status.state is not BreakerState.CLOSED:
            now = time.monotonic()
            if self._waited_since is None:
                self._waited_since = now
            due = self._waited_since + self._budget
            if now >= due and self._failed_probes > arrived:
                raise IntelligenceOutageError(self._status.last_failure or "the service does not answer")
            if not self._probing and now >= self._probe_at:
                self._probing = True
                self._become(BreakerState.HALF_OPEN)
                return True
            worth_a_look = ((due, now < due), (self._probe_at, not self._probing))
            await self._wait(min((moment for moment, ahead in worth_a_look if ahead), default=None))
        return False

    async def _wait(self, until: float | None) -> None:
        """Waits until a state change, or until that time."""
        changed = self._changed
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if until is None else max(0.0, until - time.monotonic())):
                await changed.wait()

    def _failed(self, error: IntelligenceError, *, probing: bool) -> bool:
        """Whether the caller must wait."""
        if not self._enabled:
            return False
        self._note(error)
        state = self._status.state
        if probing:
            self._probing = False
            self._failed_probes += 1
            metrics.BREAKER_PROBES.labels("failed").inc()
            self._open(self._status.opened_at or datetime.now(UTC))
        elif state is BreakerState.CLOSED:
            auth = isinstance(error, IntelligenceAuthError)
            if not auth and self._status.failure_count < self._threshold:
                return False
            self._open_first()
        return True

    def _answered(self, *, probing: bool) -> None:
        """An answer closes the breaker, unless its call began before the breaker opened."""
        if probing:
            metrics.BREAKER_PROBES.labels("answered").inc()
        if probing or self._status.state is BreakerState.CLOSED:
            self._probing = False
            self._status.failure_count = 0
            self._waited_since = None
            self._status.opened_at = self._status.next_probe_at = None
            self._become(BreakerState.CLOSED)

    def _pass_on(self, *, probing: bool) -> None:
        """Lets the next caller probe, because this one learned nothing about the service."""
        if probing:
            self._probing = False
            self._notify()

    def _note(self, error: IntelligenceError) -> None:
        self._status.failure_count += 1
        self._status.last_failure = f"{type(error).__name__}: {error}"
        self._status.last_failure_at = datetime.now(UTC)

    def _open_first(self) -> None:
        """The budget starts with the first waiting caller, and continues through failed probes."""
        self._waited_since = None
        self._open(datetime.now(UTC))

    def _open(self, opened_at: datetime) -> None:
        self._status.opened_at = opened_at
        self._probe_at = time.monotonic() + self._recovery
        self._status.next_probe_at = datetime.now(UTC) + timedelta(seconds=self._recovery)
        self._become(BreakerState.OPEN)

    def _become(self, state: BreakerState) -> None:
        if state is not self._status.state:
            _log.warning(
                "circuit_breaker",
                state=str(state),
                was=str(self._status.state),
                failure_count=self._status.failure_count,
                last_failure=self._status.last_failure,
            )
            self._status.state = state
            metrics.BREAKER_STATE.set(list(BreakerState).index(state))
        self._notify()

    def _notify(self) -> None:
        """Wakes every waiting caller; each checks the state itself."""
        self._changed.set()
        self._changed = asyncio.Event()
