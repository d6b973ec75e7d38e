"""In: facts about an installation. Out: problems with cause and next step, causes first.

A part that waits for another one is listed as a consequence: repairing the cause repairs both.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pydantic import BaseModel, Field

from archon.cli.estate.shown import apart, bare
from archon.cli.terminal.output import counted
from archon.contracts.estate import CLOCKS_APART, Cause, Part, PartName, PartStatus, WaitingFor
from archon.runtime.misspelt import Misspelt

_SETTINGS: Final[Mapping[PartName, str]] = {
    PartName.TEMPORAL: "TEMPORAL_ADDRESS",
    PartName.KAFKA: "KAFKA_BOOTSTRAP_SERVERS",
    PartName.GRAPH: "MEMGRAPH_URI, MEMGRAPH_USER and MEMGRAPH_PASSWORD",
    PartName.QDRANT: "QDRANT_URL and QDRANT_API_KEY",
    PartName.CONTENT: "CONTENT_STORE_URL",
    PartName.INTELLIGENCE: "INTELLIGENCE_SERVICE_URL",
    PartName.WORKER: "WORKER_URL",
    PartName.INGRESS: "INGRESS_URL",
    PartName.BRIDGE: "BRIDGE_URL",
}


_DIMENSIONS: Final = "EMBEDDING_DIMENSIONS"
_NO_ROOM: Final = re.compile(r"\bspace\b|\bdisk\b|takes no writes", re.IGNORECASE)
"""Servers' own messages about missing disk space."""
_REFUSED: Final = re.compile(r"\b([A-Z_]+(?: or [A-Z_]+)?) is missing or wrong")
"""Our message about a server that answers, but refuses a password or key."""


class OwnPart(BaseModel):
    """A part that `enrich up` runs. `service`: its name in `enrich ps`; `stopped`: by `enrich stop`."""

    service: str
    stopped: bool


class Facts(BaseModel):
    """The known facts; None is unknown.

    `lag`: requests in Kafka that no ingress has taken; `clocks`: seconds by which each is ahead of ours;
    `dimensions`: vector length of the intelligence service, `wanted_dimensions`: of the stored vectors.
    `own`: the parts that `enrich up` runs, if the installation is its stack.
    """

    parts: list[Part]
    waiting: list[Cause] = Field(default_factory=list)
    misspelt: list[Misspelt] = Field(default_factory=list)
    lag: int | None = None
    clocks: dict[PartName, float] = Field(default_factory=dict)
    dimensions: int | None = None
    wanted_dimensions: int | None = None
    own: dict[PartName, OwnPart] = Field(default_factory=dict)


class Finding(BaseModel):
    """`consequence_of`: the parts that explain the finding; empty if it is a cause."""

    part: PartName | None
    what: str
    why: str
    next: str
    consequence_of: list[PartName] = Field(default_factory=list)


def diagnose(facts: Facts) -> list[Finding]:
    """Empty if nothing is wrong."""
    found = [*_of_settings(facts), *_of_parts(facts), *_of_documents(facts), *_of_clocks(facts.clocks)]
    return sorted(found, key=lambda finding: bool(finding.consequence_of))


def _of_settings(facts: Facts) -> Iterator[Finding]:
    for each in facts.misspelt:
        yield Finding(
            part=None,
            what=f"{each.name} is set, but is not a setting",
            why="a variable with another name is ignored, and the setting keeps its default",
            next=f"Set {each.meant} instead" if each.meant else "docs/settings.md lists every setting",
        )
    if facts.dimensions is not None and facts.dimensions != facts.wanted_dimensions:
        yield Finding(
            part=PartName.INTELLIGENCE,
            what="the intelligence service returns vectors of another length than the stored ones",
            why=f"they have {facts.dimensions} numbers; EMBEDDING_DIMENSIONS is {facts.wanted_dimensions}",
            next="Set EMBEDDING_DIMENSIONS and new collections: docs/operations.md#another-embedding",
        )


def _of_parts(facts: Facts) -> Iterator[Finding]:
    ill = {
        each.name
        for each in facts.parts
        if each.status in {PartStatus.DOWN, PartStatus.UNFIT} and not _REFUSED.search(each.reason or "")
    }
    if full := _full(facts.parts):
        # A server with a full disk refuses writes, with a message of its own.
        ill |= {PartName.STORAGE, PartName.GRAPH, PartName.CONTENT}
        yield full
    for part in sorted(facts.parts, key=lambda each: list(PartName).index(each.name)):
        match part.status:
            case PartStatus.DOWN if full and _NO_ROOM.search(part.reason or ""):
                yield _consequence(part, [PartName.STORAGE])
            case PartStatus.DOWN:
                yield _down(part, facts.waiting, facts.own.get(part.name))
            case PartStatus.UNFIT:
                yield Finding(
                    part=part.name,
                    what=f"{part.name.spoken} is not set up correctly",
                    why=part.reason or "",
                    next="`enrich setup` creates what is missing, and names what it may not change",
                )
            case PartStatus.WAITING:
                # A server that refuses this part answers it, whatever it does from here.
                own = [each for each in part.waiting_for if _REFUSED.search(each.reason)]
                explained = [
                    each.service for each in part.waiting_for if each.service in ill and each not in own
                ]
                rest = [each for each in part.waiting_for if each.service not in ill or each in own]
                yield from (_waits(part, each) for each in rest if not _has_its_own(each, facts.parts))
                if explained:
                    yield _consequence(part, explained)


def _full(parts: Sequence[Part]) -> Finding | None:
    """A full or almost full disk; all parts that see it give the same reason."""
    reasons = {each.reason for part in parts for each in part.waiting_for if each.service is PartName.STORAGE}
    if not reasons:
        return None
    return Finding(
        part=PartName.STORAGE,
        what="a disk is full, or nearly so",
        why="; ".join(sorted(reasons)),
        next="Free some space: docs/runbooks.md#storagefilling. The parts then continue by themselves",
    )


def _down(part: Part, waiting: Sequence[Cause], own: OwnPart | None) -> Finding:
    if (refused := _REFUSED.search(part.reason or "")) is not None:
        return Finding(
            part=part.name,
            what=f"{part.name.spoken} answers, but refuses the settings here",
            why=bare(part.name, part.reason),
            next=f"Correct {refused[1]}",
        )
    documents = sum(each.documents for each in waiting if each.service is part.name)
    held = f"; {counted(documents, 'document waits', 'documents wait')} for it" if documents else ""
    nobody = ": its task queues have no worker" if part.name is PartName.WORKER else ""
    why = bare(part.name, part.reason) or "it is not reachable"
    if own is not None and own.stopped:
        why, step = f"it was stopped by `enrich stop {own.service}`", f"`enrich start {own.service}`"
    elif "no answer" in why:
        command = f"`enrich restart {own.service}`" if own is not None else "Restart it"
        step = f"{command}: it runs, but hangs; or correct {_SETTINGS[part.name]}"
    elif own is not None:
        step = f"`enrich up` restarts it by itself; `enrich logs {own.service}` shows why it ended"
    elif part.name is PartName.CONTENT:
        step = f"Check that the place in {_SETTINGS[part.name]} exists, has space, and is writable"
    else:
        step = f"Start it, restart it if it hangs, or correct {_SETTINGS[part.name]}; see its own log"
    return Finding(
        part=part.name, what=f"{part.name.spoken} does not answer{nobody}{held}", why=why, next=step
    )


def _has_its_own(waiting: WaitingFor, parts: Sequence[Part]) -> bool:
    """Whether the part that is waited for waits itself, and therefore has its own finding."""
    return any(each.name is waiting.service and each.status is PartStatus.WAITING for each in parts)


def _waits(part: Part, waiting: WaitingFor) -> Finding:
    """A part waits for another one that answers from here."""
    if part.name is PartName.WORKER and waiting.service is PartName.INTELLIGENCE:
        return Finding(
            part=part.name,
            what="the worker's circuit breaker is open: analyses wait",
            why=waiting.reason,
            next="Read the log of the intelligence service: it answers, but fails on documents",
        )
    if part.name is PartName.INGRESS and waiting.service is PartName.WORKER:
        return Finding(
            part=part.name,
            what="the ingress currently takes no requests",
            why=waiting.reason,
            next="Nothing, if analyses make progress; otherwise scale up: docs/operations.md#scale",
        )
    if (refused := _REFUSED.search(waiting.reason)) is not None:
        return Finding(
            part=part.name,
            what=f"{waiting.service.spoken} answers, but refuses {part.name.spoken}",
            why=waiting.reason,
            next=f"Correct {refused[1]} of the service",
        )
    setting = _SETTINGS.get(waiting.service, "the settings")
    step = f"Compare {setting} of the service with the value here"
    if _DIMENSIONS in waiting.reason:
        step = f"Set {_DIMENSIONS} of the service to the stored length; other vectors need new collections"
    return Finding(
        part=part.name,
        what=f"{part.name.spoken} waits for {waiting.service.spoken}, which answers here",
        why=waiting.reason,
        next=step,
    )


def _consequence(part: Part, of: list[PartName]) -> Finding:
    named = ", ".join(each.spoken for each in of)
    return Finding(
        part=part.name,
        what=f"{part.name.spoken} waits for {named}",
        why=f"it needs {named}",
        next="Nothing: it continues by itself",
        consequence_of=of,
    )


def _of_documents(facts: Facts) -> Iterator[Finding]:
    ingress = next((each for each in facts.parts if each.name is PartName.INGRESS), None)
    if facts.lag and ingress is not None and not ingress.working:
        yield Finding(
            part=PartName.INGRESS,
            what=counted(facts.lag, "request waits", "requests wait")
            + " in Kafka, and no ingress takes them",
            why=ingress.reason or "; ".join(each.reason for each in ingress.waiting_for),
            next="Nothing: an ingress will take them",
            consequence_of=[PartName.INGRESS],
        )
    for cause in facts.waiting:
        if cause.service is PartName.OPERATOR:
            yield Finding(
                part=None,
                what=counted(cause.documents, "document is parked", "documents are parked"),
                why=cause.reason,
                next="Fix the cause that `enrich dlq list` shows, then `enrich dlq retry --all --canary`",
            )


def _of_clocks(clocks: Mapping[PartName, float]) -> Iterator[Finding]:
    for name, ahead in clocks.items():
        if abs(ahead) > CLOCKS_APART:
            yield Finding(
                part=name,
                what=f"the clock of {name.spoken} is {apart(ahead)}",
                why="compared with the local clock, by the Date header of an answer",
                next="Use a time service on both machines",
            )
