"""In: the outcomes of calls to a service. Out: leave for the next call, or a wait until it answers again.

Closed: every call goes out. Open: callers wait. Half-open: one caller probes, the others wait for what it
learns. The states are those of M. Nygard, "Release It!", chapter 5; that callers wait is our own rule, so
that an outage spends no attempt.
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
    """`failure_count`: failures in a row; `opened_at`: since when there has been no answer, through every
    probe that failed; `next_probe_at`: when the service is asked again, at the latest."""

    state: BreakerState
    failure_count: int
    last_failure: str | None = None
    last_failure_at: datetime | None = None
    opened_at: datetime | None = None
    next_probe_at: datetime | None = None


class CircuitBreaker:
    """One process's view of the intelligence service. Durations in seconds.

    `threshold`: failures in a row that open it; `recovery`: wait before each probe; `budget`: how long it
    may be open before callers are told so.
    """

    def __init__(self, *, threshold: int, recovery: float, budget: float, enabled: bool = True) -> None:
        self._threshold = threshold
        self._recovery = recovery
        self._budget = budget
        self._enabled = enabled
        self._status = BreakerStatus(state=BreakerState.CLOSED, failure_count=0)
        self._waited_since: float | None = None
        """When the first caller began to wait since it opened."""
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
        """The answer of `work`, once the service may be asked. `evidence`: whether an answer shows that the
        service works; one that may be remembered does not.

        An outage that opens the breaker, or is noticed while it is open, is not raised: the caller waits and
        asks again. Raises what else `work` raises; IntelligenceOutageError when the budget has passed, and a
        probe has failed since the call: a service that is back is found out however late.
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
        """Open it on other evidence than a count; False where it is disabled."""
        if self._enabled and self._status.state is BreakerState.CLOSED:
            self._note(error)
            self._open_first()
        return self._enabled

    async def watch(self, ping: Callable[[], Awaitable[object]], interval: float = 1.0) -> None:
        """While it is open, probe as soon as `ping` answers again. Until it is cancelled.

        A service whose health is well all the time, and which fails all the same, has its wait in full.
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
        """Wait until a call may go out; True when it is the probe. `arrived`: how many had failed by then."""
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
        """Until something has changed, or until then."""
        changed = self._changed
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if until is None else max(0.0, until - time.monotonic())):
                await changed.wait()

    def _failed(self, error: IntelligenceError, *, probing: bool) -> bool:
        """Whether the caller is to wait."""
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
        """An answer closes it; one to a call from before it opened is no evidence."""
        if probing:
            metrics.BREAKER_PROBES.labels("answered").inc()
        if probing or self._status.state is BreakerState.CLOSED:
            self._probing = False
            self._status.failure_count = 0
            self._waited_since = None
            self._status.opened_at = self._status.next_probe_at = None
            self._become(BreakerState.CLOSED)

    def _pass_on(self, *, probing: bool) -> None:
        """Nothing was learnt of the service: let the next caller probe."""
        if probing:
            self._probing = False
            self._notify()

    def _note(self, error: IntelligenceError) -> None:
        self._status.failure_count += 1
        self._status.last_failure = f"{type(error).__name__}: {error}"
        self._status.last_failure_at = datetime.now(UTC)

    def _open_first(self) -> None:
        """The budget counts from the first caller that waits then, through every probe that fails."""
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
        """Wake every caller that waits; each looks for itself."""
        self._changed.set()
        self._changed = asyncio.Event()
