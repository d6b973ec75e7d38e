"""In: what a load test has measured. Out: its report, as programs read it and as later ones compare it."""

from datetime import datetime
from pathlib import Path
from typing import Final, Literal, Self
from uuid import uuid4

from pydantic import BaseModel, Field, ValidationError

from archon.cli.ingest.tally import percentile
from archon.contracts.errors import InvalidInputError
from archon.contracts.types import Model, Priority
from archon.runtime.reasons import wrong

SCHEMA_VERSION: Final = 1


class Parameters(Model):
    """What was asked for. `rate`: documents a second, 0 as fast as `concurrency` clients can; `size`: mean
    bytes of a document; `intelligence_latency`: seconds by which to slow the intelligence service; `running`:
    on a stack that was there before."""

    documents: int
    concurrency: int
    rate: float
    size: int
    intelligence_latency: float
    priority: Priority
    project: str
    running: bool


class Machine(Model):
    """Where the load came from, and, for a stack of bench's own, where all of it ran. `load_average`: over
    one minute before the start."""

    platform: str
    python: str
    cpus: int
    memory_bytes: int | None
    load_average: float
    versions: dict[str, str]


class Phase(Model):
    """Documents that came through it, and the seconds from the first one's start to the last one's end."""

    documents: int
    seconds: float
    per_second: float

    @classmethod
    def of(cls, documents: int, seconds: float) -> Self:
        rate = documents / seconds if seconds > 0 else 0.0
        return cls(documents=documents, seconds=round(seconds, 3), per_second=round(rate, 2))


class Latency(Model):
    """Milliseconds, nearest rank, of `count` documents; None of nothing."""

    count: int
    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None

    @classmethod
    def of(cls, milliseconds: list[float]) -> Self:
        p50, p95, p99, longest = (percentile(milliseconds, percent) for percent in (50, 95, 99, 100))
        return cls(count=len(milliseconds), p50=p50, p95=p95, p99=p99, max=longest)


class ProcessUsage(Model):
    """One process and those it started, from before the first document to after the last. `source`:
    `proc` counts a whole process group, `metrics` the one process that answers `/metrics`."""

    name: str
    source: Literal["proc", "metrics"]
    cpu_seconds: float
    cpu_ms_per_document: float | None
    peak_rss_bytes: int


class History(Model):
    """Means over `sampled` workflows."""

    sampled: int
    events: float
    state_transitions: float


class Baseline(Model):
    """Bare workflows with the same activities, which do nothing, on the same server. `others_share`: as the
    report has it of the load. Where the two are far apart, the ratio tells of the others."""

    workflows: int
    seconds: float
    per_second: float
    history: History
    others_share: float | None = None


class AtRest(Model):
    """Documents sent one after the other with nothing else to do. Milliseconds: `enriched`, by the times that
    the graph has, as `accept_to_enriched_ms`; `ended`, from sending it until its run had ended, by the clock
    of who sent it."""

    enriched: Latency
    ended: Latency


class Tenth(Model):
    """A tenth of a run's documents. `accept_p95_ms` is of a tenth as they were sent, with so much stored; all
    else is of a tenth as they were enriched, and of the time between the first of them and the last."""

    documents: int
    per_second: float
    accept_p95_ms: float | None
    searches: int
    search_p95_ms: float | None
    cpu_ms_per_document: dict[str, float]
    peak_rss_bytes: dict[str, int]


class Growth(Model):
    """How a run went on. `last_to_first`: figures of the last tenth over those of the first."""

    tenths: list[Tenth]
    last_to_first: dict[str, float | None]


class Validation(Model):
    """What became of the documents that the bridge accepted. `skipped` ones were not to be enriched; `lost`
    ones are missing, or neither enriched nor parked nor skipped when bench ended."""

    submitted: int
    enriched: int
    parked: int
    skipped: int
    lost: int
    lost_ids: list[str] = Field(default_factory=list)
    drift: dict[str, int] | None = None
    """What `enrich validate --against` the same list says: how many documents drift, are missing or changed,
    by kind; None where it could not be asked."""


class BenchReport(Model):
    """Everything. Latencies in milliseconds. `simulated_latency`: seconds that the intelligence service says
    it waits; None where it does not say. `settings`: limits of the services, known for an own stack alone.
    `answers`: the bridge's, by their status. `latest_start_ms`: the furthest that a document was sent behind
    its time. `others_share`: what other processes took of the processors of an own stack's machine, 0 to 1,
    which makes every figure worse. `not_told`: processes of which nothing could be learnt. `ratio`:
    enrichment's rate to the baseline's. `submitted`: the list that `validate --against` reads, where it is
    kept. `notes`: what went otherwise than asked for. `peak_rss_bytes`: of the stack's processes
    together, when it was most. `at_rest`, `growth`: where they were asked for."""

    schema_version: Literal[1] = SCHEMA_VERSION
    started_at: datetime
    parameters: Parameters
    simulated_latency: float | None
    settings: dict[str, int | float]
    machine: Machine
    indexing: Phase
    enrichment: Phase
    accept_ms: Latency
    accept_to_enriched_ms: Latency
    answers: dict[str, int]
    errors: dict[str, int]
    latest_start_ms: float
    processes: list[ProcessUsage]
    others_share: float | None
    not_told: list[str]
    history: History | None
    baseline: Baseline | None
    ratio: float | None
    validation: Validation
    submitted: str | None
    notes: list[str] = Field(default_factory=list)
    peak_rss_bytes: int | None = None
    at_rest: AtRest | None = None
    growth: Growth | None = None


def check_path(path: Path | None) -> None:
    """Raises InvalidInputError where no report could be written: better before hours of load than after."""
    if path is not None and not path.absolute().parent.is_dir():
        raise InvalidInputError("--report", f"{path.parent} is no directory")
    if path is not None and path.is_dir():
        raise InvalidInputError("--report", f"{path} is a directory")


def write(report: BaseModel, path: Path) -> None:
    """Whole or not at all."""
    unfinished = path.with_name(f".{path.name}.{uuid4().hex[:8]}")
    try:
        unfinished.write_text(report.model_dump_json(indent=2) + "\n")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


class _Versioned(BaseModel):
    schema_version: int


def read(path: Path) -> BenchReport:
    """Raises InvalidInputError that names the file, OSError where it cannot be read."""
    text = path.read_text()
    try:
        version = _Versioned.model_validate_json(text).schema_version
        if version != SCHEMA_VERSION:
            raise InvalidInputError(
                str(path), f"schema_version {version}; this enrich reads {SCHEMA_VERSION}"
            )
        return BenchReport.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "text"
        raise InvalidInputError(
            str(path), f"is no report of `enrich bench`: {where}: {wrong(first)}"
        ) from error
