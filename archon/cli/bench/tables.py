"""In: a report, or two compared. Out: the tables people read."""

from typing import Final

from rich.markup import escape

from archon.cli.bench.comparison import Comparison
from archon.cli.bench.report import Baseline, BenchReport, History, Latency, Phase, Validation
from archon.cli.output import err, out, table

_LONG_MS: Final = 10_000


def print_report(report: BenchReport) -> None:
    """One figure a line, then one process a line."""
    rows = [
        ("Indexed", _phase(report.indexing)),
        ("Enriched", _phase(report.enrichment)),
        ("Accept", _latency(report.accept_ms)),
        ("Accept to enriched", _latency(report.accept_to_enriched_ms)),
        ("Errors", _counted(report.errors) or "none"),
        ("Lost", _validation(report.validation)),
        ("Simulated latency", _simulated(report.simulated_latency)),
        ("History", _history(report.history)),
        ("Bare workflow", _baseline(report.baseline, report.ratio)),
        ("Other processes", _others(report)),
    ]
    if set(report.answers) - {"indexed"}:
        rows.insert(4, ("Answers", _counted(report.answers)))
    if report.parameters.rate:
        rows.insert(4, ("Furthest behind", f"{report.latest_start_ms:g} ms"))
    table(_title(report), ("", ""), rows)
    out.print()
    processes: list[tuple[object, ...]] = [
        (each.name, each.cpu_ms_per_document, each.cpu_seconds, round(each.peak_rss_bytes / 1e6), each.source)
        for each in report.processes
    ]
    processes += [(name, "not told", "", "", "") for name in report.not_told]
    table("", ("process", "CPU ms/document", "CPU s", "peak MB", "by"), processes)
    for note in report.notes:
        err.print(f"[yellow]note:[/yellow] {escape(note)}")


def print_comparison(found: Comparison) -> None:
    """One figure a line; what was not alike comes first, on stderr."""
    if not found.comparable:
        err.print("[yellow]Not comparable:[/yellow] the two runs were not alike in")
        for name, (a, b) in found.differences.items():
            err.print(f"  {name}: {a}, {b}", markup=False)
    rows = [
        (each.name, each.unit, each.a, each.b, "" if each.ratio is None else f"{each.ratio:.2f}")
        for each in found.figures
    ]
    table("", ("figure", "unit", "A", "B", "B/A"), rows)


def _title(report: BenchReport) -> str:
    asked = report.parameters
    rate = f"{asked.rate:g} documents/s" if asked.rate else "as fast as they are answered"
    return (
        f"Project {asked.project}: {asked.documents} documents of {asked.size} bytes (mean), "
        f"{asked.concurrency} clients, {rate}; {report.machine.cpus} processors"
    )


def _phase(phase: Phase) -> str:
    return f"{phase.documents} in {phase.seconds:.1f} s · {phase.per_second:.1f} documents/s"


def _latency(found: Latency) -> str:
    ranks = [(name, getattr(found, name)) for name in ("p50", "p95", "p99", "max")]
    return " · ".join(f"{name} {_time(value)}" for name, value in ranks if value is not None) or "none"


def _time(milliseconds: float) -> str:
    return f"{milliseconds:g} ms" if milliseconds < _LONG_MS else f"{milliseconds / 1000:.1f} s"


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _validation(found: Validation) -> str:
    skipped = f", {found.skipped} skipped" if found.skipped else ""
    fates = f"{found.enriched} enriched, {found.parked} parked{skipped}"
    drift = ", ".join(f"{count} {kind}" for kind, count in (found.drift or {}).items())
    told = "validation failed" if found.drift is None else f"drift: {drift or 'none'}"
    return f"{found.lost} of {found.submitted} accepted ({fates}; {told})"


def _simulated(seconds: float | None) -> str:
    if seconds is None:
        return "not told by the intelligence service"
    return f"{seconds:g} s an analysis: the intelligence service waits that long" if seconds else "none"


def _history(found: History | None) -> str:
    if found is None:
        return "not told"
    return (
        f"{found.events:g} events · {found.state_transitions:g} state transitions a document "
        f"(mean of {found.sampled})"
    )


def _others(report: BenchReport) -> str:
    if report.others_share is None:
        return "not told"
    told = f"took {report.others_share:.0%} of the processors during the load"
    if report.baseline is None or report.baseline.others_share is None:
        return told
    return f"{told}, {report.baseline.others_share:.0%} during the bare workflows"


def _baseline(found: Baseline | None, ratio: float | None) -> str:
    if found is None:
        return "not run"
    told = (
        f"{found.per_second:.1f}/s ({found.workflows} in {found.seconds:.1f} s, "
        f"{found.history.events:g} events, {found.history.state_transitions:g} state transitions)"
    )
    return f"{told} · enrichment runs at {ratio:.2f} of it" if ratio is not None else told
