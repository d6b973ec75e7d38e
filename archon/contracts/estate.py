"""In: answers of each service and server. Out: the state of each, and what documents wait for."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from pydantic import Field

from archon.contracts.types import EnrichmentStatus, Model, Timestamp

CLOCKS_APART: Final = 5.0
"""Difference in seconds from which two clocks count as out of sync. Versions do not depend on clocks, but
ages, timeouts and tokens do."""


class PartName(StrEnum):
    """The services and servers of an installation. A part depends only on parts listed before it. Work may
    also wait for disk space (`storage`) or an `operator`."""

    STORAGE = "storage"
    TEMPORAL = "temporal"
    KAFKA = "kafka"
    GRAPH = "graph"
    QDRANT = "qdrant"
    CONTENT = "content"
    INTELLIGENCE = "intelligence"
    WORKER = "worker"
    INGRESS = "ingress"
    BRIDGE = "bridge"
    OPERATOR = "operator"

    @property
    def spoken(self) -> str:
        """The name within a sentence."""
        return _TITLES.get(self, f"the {self}")


_TITLES: Final[Mapping[PartName, str]] = {
    PartName.STORAGE: "disk space",
    PartName.TEMPORAL: "Temporal",
    PartName.KAFKA: "Kafka",
    PartName.QDRANT: "Qdrant",
    PartName.CONTENT: "the content store",
    PartName.INTELLIGENCE: "the intelligence service",
    PartName.OPERATOR: "an operator",
}


class PartStatus(StrEnum):
    """`waiting`: it answers, but part of its work waits for another part; `unfit`: it answers, but its set-up
    is wrong; `down`: it does not answer."""

    UP = "up"
    WAITING = "waiting"
    UNFIT = "unfit"
    DOWN = "down"


class WaitingFor(Model):
    """The service that a document or a part waits for.

    `reason`: a sentence; `since`: start of the wait, if known; `next_try`: time of the next automatic
    attempt, None if unknown.
    """

    service: PartName
    reason: str
    since: Timestamp | None = None
    next_try: Timestamp | None = None


class Part(Model):
    """The last known state of a service or server.

    `since`: start of the current status, `last_seen`: time of the last answer; both as far as the observer
    knows, which may have started later. `reason`: why it is down or unfit. `working`: whether it takes work;
    a starting worker answers before it does. `clock_ahead`: seconds by which its clock is ahead of the
    observer's, None if it does not send the time.
    """

    name: PartName
    status: PartStatus
    address: str | None = None
    version: str | None = None
    since: Timestamp | None = None
    last_seen: Timestamp | None = None
    reason: str | None = None
    working: bool = True
    waiting_for: list[WaitingFor] = Field(default_factory=list)
    clock_ahead: float | None = None

    @property
    def clock_is_off(self) -> bool:
        """Whether its clock and the observer's are out of sync."""
        return self.clock_ahead is not None and abs(self.clock_ahead) > CLOCKS_APART


class Cause(WaitingFor):
    """Documents that wait for the same part. `estimated`: `documents` is extrapolated from a sample of
    runs."""

    documents: int
    status: EnrichmentStatus
    estimated: bool = False


class EstateStatus(Model):
    """Answer of `GET /api/bridge/status`: every part, and how many documents wait for each. `problem`: why
    the documents could not be counted."""

    parts: list[Part]
    waiting: list[Cause]
    problem: str | None = None
