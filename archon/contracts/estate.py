"""In: what was asked of each service and server. Out: how each is, and what documents wait for."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from pydantic import Field

from archon.contracts.types import EnrichmentStatus, Model, Timestamp

CLOCKS_APART: Final = 5.0
"""Seconds from which on two clocks are not set to the same time. Versions do not depend on clocks, but ages,
timeouts and tokens do."""


class PartName(StrEnum):
    """The services and servers of an installation, causes before what they cause: a part waits for those in
    front of it alone. Room for files (`storage`) and an `operator` are waited for too."""

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
        """As a sentence names it."""
        return _TITLES.get(self, f"the {self}")


_TITLES: Final[Mapping[PartName, str]] = {
    PartName.STORAGE: "room on a disk",
    PartName.TEMPORAL: "Temporal",
    PartName.KAFKA: "Kafka",
    PartName.QDRANT: "Qdrant",
    PartName.CONTENT: "the content store",
    PartName.INTELLIGENCE: "the intelligence service",
    PartName.OPERATOR: "an operator",
}


class PartStatus(StrEnum):
    """`waiting`: it answers, and cannot do all of its work without what it waits for; `unfit`: it answers,
    and is not set up as is wanted; `down`: it does not answer."""

    UP = "up"
    WAITING = "waiting"
    UNFIT = "unfit"
    DOWN = "down"


class WaitingFor(Model):
    """What something waits for. `reason`: why it does not come, in words; `since`: for how long, as far as it
    is known; `next_try`: when it is tried again by itself, None where that is not known beforehand."""

    service: PartName
    reason: str
    since: Timestamp | None = None
    next_try: Timestamp | None = None


class Part(Model):
    """One service or server as it was last asked.

    `since`: when it came into its status, `last_seen`: when it last answered; both as far as the asker knows,
    who may have begun later. `reason`: why it is down or unfit. `working`: whether it takes work; a worker
    that starts answers before it does. `clock_ahead`: by how many seconds its clock is ahead of the asker's,
    where it says what time it is.
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
        """Whether its clock and the asker's are not set to the same time."""
        return self.clock_ahead is not None and abs(self.clock_ahead) > CLOCKS_APART


class Cause(WaitingFor):
    """Documents that wait for the same. `estimated`: their number was reckoned from a part of the runs."""

    documents: int
    status: EnrichmentStatus
    estimated: bool = False


class EstateStatus(Model):
    """Answer of `GET /api/bridge/status`: every part, and how many documents wait for what. `problem`: why
    the documents could not be counted."""

    parts: list[Part]
    waiting: list[Cause]
    problem: str | None = None
