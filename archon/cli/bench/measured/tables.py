"""In: a report, or the comparison of two. Out: tables for people."""

from collections.abc import Mapping
from typing import Final

from rich.markup import escape

from archon.cli.bench.measured.comparison import Comparison
from archon.cli.bench.measured.report import (
    LIMITS_MS,
    AtRest,
    Baseline,
    BenchReport,
    Growth,
    History,
    Latency,
    Phase,
    QuestionTimes,
    Validation,
)
from archon.cli.terminal.output import err, out, table

_LONG_MS: Final = 10_000


def print_report(report: BenchReport) -> None:
    """One figure per line, then one process per line."""
    rows = [
        ("Indexed", _phase(report.indexing)),
        ("Enriched", _phase(report.enrichment)),
        ("Accept", _latency(report.accept_ms)),
        ("Accept to enriched", _latency(report.accept_to_enriched_ms)),
        ("At rest", _at_rest(report.at_rest)),
        ("Errors", _counted(report.errors) or "none"),
        ("Lost", _validation(report.validation)),
        ("Simulated latency", _simulated(report.simulated_latency)),
        ("History", _history(report.history)),
        ("Bare workflow", _baseline(report.baseline, report.ratio)),
        ("Other processes", _others(report)),
    ]
    if set(report.answers) - {"indexed"}:
        rows.insert(5, ("Answers", _counted(report.answers)))
    if report.parameters.rate:
        rows.insert(5, ("Furthest behind", f"{report.latest_start_ms:g} ms"))
    table(_title(report), ("", ""), rows)
    out.print()
    processes: list[tuple[object, ...]] = [
        (each.name, each.cpu_ms_per_document, each.cpu_seconds, round(each.peak_rss_bytes / 1e6), each.source)
        for each in report.processes
    ]
    processes += [(name, "unknown", "", "", "") for name in report.not_told]
    table("", ("process", "CPU ms/document", "CPU s", "peak MB", "by"), processes)
    if report.growth is not None:
        _print_growth(report.growth)
    if report.questions is not None:
        _print_questions(report.questions)
    for note in report.notes:
        err.print(f"[yellow]note:[/yellow] {escape(note)}")


def _print_growth(found: Growth) -> None:
    """One tenth per line, and below it the last divided by the first."""
    columns = ("tenth", "documents/s", "accept p95 ms", "search p95 ms", "CPU ms/document", "memory MB")
    rows: list[tuple[object, ...]] = [
        (
            number,
            each.per_second,
            each.accept_p95_ms,
            each.search_p95_ms,
            _by_process(each.cpu_ms_per_document, 1),
            _by_process(each.peak_rss_bytes, 1e6),
        )
        for number, each in enumerate(found.tenths, 1)
    ]
    out.print()
    table("", columns, [*rows, ("last/first", *found.last_to_first.values())])


def _print_questions(found: QuestionTimes) -> None:
    """One kind of question per line, with its limit."""
    rows: list[tuple[object, ...]] = [
        (name, each.count, each.p50, each.p95, LIMITS_MS[name], "over" if name in found.slow else "")
        for name, each in found.times.items()
    ]
    out.print()
    title = f"Questions during indexing: {found.documents} documents, {found.symbols} symbols"
    table(f"{title}; the first {found.first_ms:g} ms", ("question", "times", "p50", "p95", "limit", ""), rows)


def _by_process(values: Mapping[str, float], unit: float) -> str:
    """The total, and the largest shares."""
    largest = sorted(values.items(), key=lambda item: -item[1])[:4]
    shares = " ".join(f"{name} {value / unit:.0f}" for name, value in largest)
    return f"{sum(values.values()) / unit:.0f} ({shares})"


def print_comparison(found: Comparison) -> None:
    """One figure per line; differences between the runs come first, on stderr."""
    if not found.comparable:
        err.print("[yellow]Not comparable:[/yellow] the two runs differ in")
        for name, (a, b) in found.differences.items():
            err.print(f"  {name}: {a}, {b}", markup=False)
    rows = [
        (each.name, each.unit, each.a, each.b, "" if each.ratio is None else f"{each.ratio:.2f}")
        for each in found.figures
    ]
    table("", ("figure", "unit", "A", "B", "B/A"), rows)


def _title(report: BenchReport) -> str:
    parameters = report.parameters
    rate = f"{parameters.rate:g} documents/s" if parameters.rate else "as fast as they are answered"
    return (
        f"Project {parameters.project}: {parameters.documents} documents of {parameters.size} bytes (mean), "
        f"{parameters.concurrency} clients, {rate}; {report.machine.cpus} processors"
    )


def _phase(phase: Phase) -> str:
    return f"{phase.documents} in {phase.seconds:.1f} s · {phase.per_second:.1f} documents/s"


def _latency(found: Latency) -> str:
    ranks = [(name, getattr(found, name)) for name in ("p50", "p95", "p99", "max")]
    return " · ".join(f"{name} {_time(value)}" for name, value in ranks if value is not None) or "none"


def _at_rest(found: AtRest | None) -> str:
    if found is None:
        return "not measured"
    return f"{_latency(found.enriched)} (of {found.enriched.count}, one at a time)"


def _time(milliseconds: float) -> str:
    return f"{milliseconds:g} ms" if milliseconds < _LONG_MS else f"{milliseconds / 1000:.1f} s"


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _validation(found: Validation) -> str:
    skipped = f", {found.skipped} skipped" if found.skipped else ""
    fates = f"{found.enriched} enriched, {found.parked} parked{skipped}"
    drift = ", ".join(f"{count} {kind}" for kind, count in (found.drift or {}).items())
    text = "validation failed" if found.drift is None else f"drift: {drift or 'none'}"
    return f"{found.lost} of {found.submitted} accepted ({fates}; {text})"


def _simulated(seconds: float | None) -> str:
    if seconds is None:
        return "not reported by the intelligence service"
    return f"{seconds:g} s per analysis, added by the intelligence service" if seconds else "none"


def _history(found: History | None) -> str:
    if found is None:
        return "unknown"
    return (
        f"{found.events:g} events · {found.state_transitions:g} state transitions a document "
        f"(mean of {found.sampled})"
    )


def _others(report: BenchReport) -> str:
    if report.others_share is None:
        return "unknown"
    text = f"took {report.others_share:.0%} of the processors during the load"
    if report.baseline is None or report.baseline.others_share is None:
        return text
    return f"{text}, {report.baseline.others_share:.0%} during the bare workflows"


def _baseline(found: Baseline | None, ratio: float | None) -> str:
    if found is None:
        return "not run"
    text = (
        f"{found.per_second:.1f}/s ({found.workflows} in {found.seconds:.1f} s, "
        f"{found.history.events:g} events, {found.history.state_transitions:g} state transitions)"
    )
    return f"{text} · enrichment runs at {ratio:.2f} of it" if ratio is not None else text
