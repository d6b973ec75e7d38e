"""In: the signals of one run. Out: submissions in order, and the reason that wakes a parked run.

Signals only change state here. Retries and discards are counted instead of flagged, so that a signal before
the parking still counts.
"""

from collections import deque
from enum import StrEnum
from typing import Final

from archon.contracts.events import EnrichmentRequest
from archon.contracts.workflow import Carried

_SEEN_LIMIT: Final = 1000


class Wake(StrEnum):
    """The reason that ended a parked run's wait, the strongest first."""

    SUPERSEDED = "superseded"
    DISCARD = "discard"
    RESUBMITTED = "resubmitted"
    RETRY = "retry"


class Mailbox:
    """`carried`: the state of the previous run of the chain."""

    def __init__(self, carried: Carried) -> None:
        self._submissions = deque(carried.submissions)
        self._seen = dict.fromkeys(carried.seen)
        self._wishes = {Wake.DISCARD: carried.discards, Wake.RETRY: carried.retries}
        self._taken = {Wake.DISCARD: 0, Wake.RETRY: 0}
        self.superseded_by = carried.superseded_by
        self.duplicates = 0
        self.letter_lost = False

    @property
    def waiting(self) -> bool:
        """Whether there are submissions not yet taken up."""
        return bool(self._submissions)

    @property
    def seen(self) -> int:
        """Number of known submissions, without redeliveries."""
        return len(self._seen)

    @property
    def retries(self) -> int:
        """Number of retries carried out."""
        return self._taken[Wake.RETRY]

    def submit(self, request: EnrichmentRequest) -> None:
        """Adds a submission; a known correlation id is a redelivery and only counted."""
        if request.correlation_id in self._seen:
            self.duplicates += 1
            return
        self._seen[request.correlation_id] = None
        if len(self._seen) > _SEEN_LIMIT:
            del self._seen[next(iter(self._seen))]
        self._submissions.append(request)

    def next(self) -> EnrichmentRequest:
        return self._submissions.popleft()

    def put_back(self, request: EnrichmentRequest) -> None:
        """Adds it again after the waiting ones."""
        self._submissions.append(request)

    def ask(self, wish: Wake) -> None:
        self._wishes[wish] += 1

    def wake(self, version: int) -> Wake | None:
        """Why a run parked at `version` should continue, or None."""
        if self.superseded_by > version:
            return Wake.SUPERSEDED
        if self._wishes[Wake.DISCARD] > self._taken[Wake.DISCARD]:
            return Wake.DISCARD
        if self._submissions:
            return Wake.RESUBMITTED
        if self._wishes[Wake.RETRY] > self._taken[Wake.RETRY]:
            return Wake.RETRY
        return None

    def carried(self) -> Carried:
        """The state for the next run of the chain."""
        return Carried(
            submissions=list(self._submissions),
            seen=list(self._seen),
            discards=self._wishes[Wake.DISCARD] - self._taken[Wake.DISCARD],
            retries=self._wishes[Wake.RETRY] - self._taken[Wake.RETRY],
            superseded_by=self.superseded_by,
        )

    def take(self, wake: Wake) -> None:
        """Marks all signals of this kind so far as carried out."""
        if wake in self._taken:
            self._taken[wake] = self._wishes[wake]
