"""In: the measurements of a run. Out: the report with all computed figures."""

from dataclasses import dataclass, field
from datetime import datetime

from archon.cli.bench.load.reading import Row
from archon.cli.bench.load.sending import Load
from archon.cli.bench.load.watch import Rows
from archon.cli.bench.measured.processes import Recording
from archon.cli.bench.measured.report import (
    AtRest,
    Baseline,
    BenchReport,
    Growth,
    History,
    Latency,
    Machine,
    Parameters,
    Phase,
    QuestionTimes,
)
from archon.cli.bench.runs.checking import check
from archon.cli.bench.runs.growth import Searches, growth
from archon.contracts.types import EnrichmentStatus


@dataclass
class Findings:
    """The collected measurements. `rows`: the bridge's listing at the end, by document id."""

    started_at: datetime
    machine: Machine
    simulated_latency: float | None
    settings: dict[str, int | float]
    load: Load
    rows: Rows
    recording: Recording
    history: History | None = None
    drift: dict[str, int] | None = None
    baseline: Baseline | None = None
    at_rest: AtRest | None = None
    searches: Searches | None = None
    questions: QuestionTimes | None = None
    notes: list[str] = field(default_factory=list)


def compose(parameters: Parameters, found: Findings, submitted: str | None) -> BenchReport:
    """`submitted`: path of the list of accepted documents."""
    accepted = found.load.accepted
    rows = [found.rows[each.document_id] for each in accepted if each.document_id in found.rows]
    enrichment = _enrichment(rows)
    bare = found.baseline
    return BenchReport(
        started_at=found.started_at,
        parameters=parameters,
        simulated_latency=found.simulated_latency,
        settings=found.settings,
        machine=found.machine,
        indexing=Phase.of(len(accepted), found.load.seconds),
        enrichment=enrichment,
        accept_ms=Latency.of(found.load.accept_ms),
        accept_to_enriched_ms=Latency.of([each for row in rows if (each := _age_ms(row)) is not None]),
        answers=found.load.answers,
        errors=found.load.errors,
        latest_start_ms=round(found.load.latest_start_ms, 1),
        processes=found.recording.usages(enrichment.documents),
        others_share=found.recording.others_share(),
        not_told=found.recording.not_told(),
        history=found.history,
        baseline=bare,
        ratio=round(enrichment.per_second / bare.per_second, 3) if bare is not None else None,
        validation=check(accepted, found.rows).model_copy(update={"drift": found.drift}),
        submitted=submitted,
        notes=found.notes,
        peak_rss_bytes=found.recording.peak(),
        at_rest=found.at_rest,
        growth=_growth(found, rows),
        questions=found.questions,
    )


def _enrichment(rows: list[Row]) -> Phase:
    """From the first accepted to the last enriched document: enrichment overlaps with indexing."""
    ends = [end for row in rows if (end := _enriched_at(row)) is not None]
    if not ends:
        return Phase.of(0, 0.0)
    return Phase.of(len(ends), (max(ends) - min(row.indexed_at for row in rows)).total_seconds())


def _growth(found: Findings, rows: list[Row]) -> Growth | None:
    if found.searches is None or not rows:
        return None
    ends = [end for row in rows if (end := _enriched_at(row)) is not None]
    start = min(row.indexed_at for row in rows)
    return growth(found.load.accept_ms, start, ends, found.searches, found.recording)


def _age_ms(row: Row) -> float | None:
    end = _enriched_at(row)
    return None if end is None else (end - row.indexed_at).total_seconds() * 1000


def _enriched_at(row: Row) -> datetime | None:
    return row.enriched_at if row.enrichment_status == EnrichmentStatus.COMPLETED else None
