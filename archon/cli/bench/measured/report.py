"""In: the measurements of a load test. Out: its report, which programs read and later reports are compared
with."""

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
    """The parameters of the run. `rate`: documents per second, 0 as fast as `concurrency` clients can;
    `size`: mean bytes of a document; `intelligence_latency`: artificial delay of the intelligence service in
    seconds; `running`: on an existing stack."""

    documents: int
    concurrency: int
    rate: float
    size: int
    intelligence_latency: float
    priority: Priority
    project: str
    running: bool


class Machine(Model):
    """The machine that sent the load; for a stack of bench's own also the machine of the stack.
    `load_average`: over one minute before the start."""

    platform: str
    python: str
    cpus: int
    memory_bytes: int | None
    load_average: float
    versions: dict[str, str]


class Phase(Model):
    """Number of documents in a phase, and the seconds from the start of the first to the end of the last."""

    documents: int
    seconds: float
    per_second: float

    @classmethod
    def of(cls, documents: int, seconds: float) -> Self:
        rate = documents / seconds if seconds > 0 else 0.0
        return cls(documents=documents, seconds=round(seconds, 3), per_second=round(rate, 2))


class Latency(Model):
    """Milliseconds, nearest rank, of `count` documents; None without documents."""

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
    """One process with its children, from before the first document to after the last. `source`: `proc`
    covers a whole process group, `metrics` only the process that answers `/metrics`."""

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
    """Bare workflows with the same activities, which do nothing, on the same server. `others_share`: like the
    report's, but during the baseline. If the two differ a lot, other processes influence the ratio."""

    workflows: int
    seconds: float
    per_second: float
    history: History
    others_share: float | None = None


class AtRest(Model):
    """Documents sent one at a time on an idle stack. Milliseconds: `enriched`, by the times in the graph,
    like `accept_to_enriched_ms`; `ended`, from sending a document until its run ended, by the sender's
    clock."""

    enriched: Latency
    ended: Latency


class Tenth(Model):
    """A tenth of a run's documents. `accept_p95_ms` covers a tenth in the order of sending, at that number of
    stored documents; all other figures cover a tenth in the order of enrichment, and the time between its
    first and last document."""

    documents: int
    per_second: float
    accept_p95_ms: float | None
    searches: int
    search_p95_ms: float | None
    cpu_ms_per_document: dict[str, float]
    peak_rss_bytes: dict[str, int]


class Growth(Model):
    """The figures over time. `last_to_first`: figures of the last tenth divided by those of the first."""

    tenths: list[Tenth]
    last_to_first: dict[str, float | None]


LIMITS_MS: Final = {"callers": 50, "impact": 250, "search": 100}
"""Limits of p95 for answers about code: to callers, to an impact of three steps, and to a search."""


class QuestionTimes(Model):
    """Answer times of questions, one at a time, during indexing. `documents`, `symbols`: of the project;
    `first_ms`: the first question, which reads the project's index."""

    documents: int
    symbols: int
    first_ms: float
    times: dict[str, Latency]

    @property
    def slow(self) -> list[str]:
        """The questions over their limit."""
        limits = LIMITS_MS.items()
        return [name for name, limit in limits if (p95 := self.times[name].p95) is None or p95 >= limit]


class Validation(Model):
    """The state of the accepted documents. `skipped`: not to be enriched; `lost`: missing, or neither
    enriched nor parked nor skipped at the end."""

    submitted: int
    enriched: int
    parked: int
    skipped: int
    lost: int
    lost_ids: list[str] = Field(default_factory=list)
    drift: dict[str, int] | None = None
    """The result of `enrich validate --against` for the same list: number of documents that drift, are
    missing or changed, by kind; None if it failed."""


class BenchReport(Model):
    """The complete report. Latencies in milliseconds.

    `simulated_latency`: artificial delay that the intelligence service reports, in seconds; None if it
    reports none. `settings`: limits of the services, known only for a stack of bench's own. `answers`: the
    bridge's, by status. `latest_start_ms`: the longest delay of a start behind its schedule. `others_share`:
    share of the processors that other processes used on the machine of an own stack, 0 to 1; it makes every
    figure worse. `not_told`: processes without measurements. `ratio`: rate of enrichment divided by that of
    the baseline. `submitted`: the list for `validate --against`, if kept. `notes`: deviations from the plan.
    `peak_rss_bytes`: maximum of all stack processes together. `at_rest`, `growth`, `questions`: if requested.
    """

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
    questions: QuestionTimes | None = None


def check_path(path: Path | None) -> None:
    """Raises InvalidInputError if no report can be written; checked before the load, not after hours."""
    if path is not None and not path.absolute().parent.is_dir():
        raise InvalidInputError("--report", f"{path.parent} is not a directory")
    if path is not None and path.is_dir():
        raise InvalidInputError("--report", f"{path} is a directory")


def write(report: BaseModel, path: Path) -> None:
    """The file is complete or absent."""
    unfinished = path.with_name(f".{path.name}.{uuid4().hex[:8]}")
    try:
        unfinished.write_text(report.model_dump_json(indent=2) + "\n")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


class _Versioned(BaseModel):
    schema_version: int


def read(path: Path) -> BenchReport:
    """Raises InvalidInputError, which names the file; OSError if it is unreadable."""
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
            str(path), f"is not a report of `enrich bench`: {where}: {wrong(first)}"
        ) from error
