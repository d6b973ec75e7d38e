"""In: checks of each service and server. Out: the status of each, its start and the last answer.

A process that checks regularly remembers earlier answers; a single check only knows the current state.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from archon.contracts.errors import (
    ArchonError,
    SetupError,
    StoreMismatchError,
    StoreUnavailableError,
)
from archon.contracts.estate import Part, PartName, PartStatus, WaitingFor
from archon.runtime.http.health import HealthCheck
from archon.runtime.logs import get_logger

ASK_EVERY: Final = 5.0
"""Seconds between two looks at all parts while one of them is in trouble."""
CALM: Final = 10.0
"""The same while none is: each look costs every service some milliseconds of processor."""
_SECONDS: Final = 5.0
_FRESH: Final = 1.0
"""Maximum age of an answer that is used again."""
_UNFIT: Final = (SetupError, StoreMismatchError)
_log = get_logger(__name__)


@dataclass(frozen=True)
class Answer:
    """A part's answer. `since`: its start; the other fields as in Part."""

    version: str | None = None
    since: datetime | None = None
    working: bool = True
    waiting_for: Sequence[WaitingFor] = ()
    clock_ahead: float | None = None


@dataclass(frozen=True)
class PartCheck:
    """A part and its check. The check raises one of our errors if the part does not answer, or answers
    incorrectly."""

    name: PartName
    address: str
    ask: Callable[[], Awaitable[Answer]]


def by_check(name: PartName, address: str, check: HealthCheck) -> PartCheck:
    """A part whose check is a readiness check."""

    async def ask() -> Answer:
        found = await check()
        return Answer(version=found if isinstance(found, str) else None)

    return PartCheck(name, address, ask)


class Parts:
    """All parts of an installation, as one process sees them."""

    def __init__(self, checks: Sequence[PartCheck]) -> None:
        self._checks = checks
        self._known: dict[PartName, Part] = {}
        self._first: dict[PartName, datetime] = {}
        """When each was first seen in its current status."""
        self._changed: dict[PartName, datetime] = {}
        """The same, without those that have had no other status."""
        self._at: float | None = None
        """Time of the last check, by the monotonic clock."""
        self._lock = asyncio.Lock()

    @property
    def known(self) -> Mapping[PartName, Part]:
        """The last known states; empty before the first check."""
        return self._known

    async def watch(self) -> None:
        """Checks regularly until cancelled, and logs changes."""
        logged: dict[PartName, str] = {}
        while True:
            for part in await self.now():
                trouble = _trouble(part)
                if trouble != logged.get(part.name, ""):
                    _log_change(part)
                logged[part.name] = trouble
            await asyncio.sleep(ASK_EVERY if any(logged.values()) else CALM)

    async def now(self) -> list[Part]:
        """The current states. Checks all parts concurrently, each for at most five seconds, unless the last
        check is recent."""
        async with self._lock:
            if self._at is None or time.monotonic() - self._at > _FRESH:
                found = await asyncio.gather(*map(self._look, self._checks))
                self._known = {part.name: part for part in found}
                self._at = time.monotonic()
        return list(self._known.values())

    async def check(self, name: PartName) -> None:
        """For readiness. Raises StoreUnavailableError if a part did not work at its last check."""
        part = self._known.get(name)
        if part is not None and (part.status is PartStatus.DOWN or not part.working):
            reason = part.reason or "; ".join(f"waits for {each.service}" for each in part.waiting_for)
            raise StoreUnavailableError(name, reason or "it does not work")

    async def _look(self, check: PartCheck) -> Part:
        try:
            async with asyncio.timeout(_SECONDS):
                answer = await check.ask()
        except _UNFIT as error:
            return self._remembered(check, PartStatus.UNFIT, reason=str(error))
        except ArchonError as error:
            return self._remembered(check, PartStatus.DOWN, reason=str(error), working=False)
        except TimeoutError:
            silent = f"{check.address}: no answer within {_SECONDS:g} s"
            return self._remembered(check, PartStatus.DOWN, reason=silent, working=False)
        status = PartStatus.WAITING if answer.waiting_for else PartStatus.UP
        return self._remembered(check, status, answer, working=answer.working)

    def _remembered(
        self,
        check: PartCheck,
        status: PartStatus,
        answer: Answer = Answer(),
        *,
        reason: str | None = None,
        working: bool = True,
    ) -> Part:
        now, before = datetime.now(UTC), self._known.get(check.name)
        same = before is not None and before.status is status
        since = self._first.get(check.name) if same else now if before is not None else None
        if not same:
            self._first[check.name] = now
            self._changed |= {check.name: now} if before is not None else {}
        if status is PartStatus.UP and answer.since is not None:
            # The start of the process, unless it was ill since then.
            since = max(answer.since, self._changed.get(check.name, answer.since))
        seen = now if status is not PartStatus.DOWN else before.last_seen if before is not None else None
        return Part(
            name=check.name,
            status=status,
            address=check.address,
            version=answer.version or (before.version if before is not None else None),
            since=since,
            last_seen=seen,
            reason=reason,
            working=working,
            waiting_for=list(answer.waiting_for),
            clock_ahead=answer.clock_ahead,
        )


def _trouble(part: Part) -> str:
    """The problem of a part that justifies a log line when it changes; empty if there is none."""
    if part.status is PartStatus.UP:
        return "clock" if part.clock_is_off else ""
    return " ".join((part.status, *sorted({each.service for each in part.waiting_for})))


def _log_change(part: Part) -> None:
    about = {"part": part.name, "address": part.address}
    if part.status is PartStatus.WAITING:
        reason = "; ".join(f"{each.service}: {each.reason}" for each in part.waiting_for)
        _log.warning("part_waiting", **about, reason=reason)
    elif part.status is not PartStatus.UP:
        _log.warning(f"part_{part.status}", **about, reason=part.reason)
    elif part.clock_is_off:
        _log.warning("part_clock_off", **about, clock_ahead_seconds=part.clock_ahead)
    else:
        _log.info("part_up", **about, version=part.version)
