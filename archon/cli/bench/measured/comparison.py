"""In: two reports. Out: each figure of both with its ratio, and the differences between the two runs."""

from collections.abc import Iterator

from archon.cli.bench.measured.processes import BENCH
from archon.cli.bench.measured.report import BenchReport, Latency
from archon.contracts.types import Model

Value = float | None


class Figure(Model):
    """One figure of two runs; `ratio` is b / a, None if undefined."""

    name: str
    unit: str
    a: Value
    b: Value
    ratio: Value


class Comparison(Model):
    """`differences`: parameters and facts that differ, with both values. If there are any, the ratios also
    reflect them, and `comparable` is False."""

    comparable: bool
    differences: dict[str, tuple[str, str]]
    figures: list[Figure]


def compare(a: BenchReport, b: BenchReport) -> Comparison:
    """All figures that at least one report has."""
    of_a, of_b = dict(figures_of(a)), dict(figures_of(b))
    figures = [
        Figure(name=name, unit=unit, a=of_a.get((name, unit)), b=(of_b.get((name, unit))), ratio=None)
        for name, unit in dict.fromkeys([*of_a, *of_b])
    ]
    for figure in figures:
        if figure.a and figure.b is not None:
            figure.ratio = round(figure.b / figure.a, 3)
    differences = _differences(a, b)
    return Comparison(comparable=not differences, differences=differences, figures=figures)


def _differences(a: BenchReport, b: BenchReport) -> dict[str, tuple[str, str]]:
    """Ignores the project's name and the load average: they are not parameters of a run."""
    left, right = dict(_circumstances(a)), dict(_circumstances(b))
    return {
        name: (left.get(name, "unknown"), right.get(name, "unknown"))
        for name in dict.fromkeys([*left, *right])
        if left.get(name) != right.get(name)
    }


def _circumstances(report: BenchReport) -> Iterator[tuple[str, str]]:
    for name, value in report.parameters.model_dump(mode="json", exclude={"project"}).items():
        yield name, str(value)
    yield "simulated_latency", str(report.simulated_latency)
    for name, value in report.settings.items():
        yield name, str(value)
    for name, value in report.machine.model_dump(exclude={"load_average", "versions"}).items():
        yield name, str(value)
    servers = {name: each for name, each in report.machine.versions.items() if name != "archon-enrichment"}
    for name, value in servers.items():
        yield f"version of {name}", value


def figures_of(report: BenchReport) -> Iterator[tuple[tuple[str, str], Value]]:
    yield ("indexed", "documents/s"), report.indexing.per_second
    yield ("enriched", "documents/s"), report.enrichment.per_second
    yield from _latencies("accept", report.accept_ms)
    yield from _latencies("accept to enriched", report.accept_to_enriched_ms)
    if report.at_rest is not None:
        yield from _latencies("at rest", report.at_rest.enriched)
        yield from _latencies("at rest until its run ends", report.at_rest.ended)
    for name, times in report.questions.times.items() if report.questions is not None else ():
        yield from _latencies(f"{name} during indexing", times)
    yield ("errors", ""), float(sum(report.errors.values()))
    yield ("parked", ""), float(report.validation.parked)
    yield ("lost", ""), float(report.validation.lost)
    if report.history is not None:
        yield ("history events", "/document"), report.history.events
        yield ("state transitions", "/document"), report.history.state_transitions
    if report.baseline is not None:
        yield ("bare workflows", "/s"), report.baseline.per_second
        yield ("enriched to bare", ""), report.ratio
        yield ("others' share during the bare", "of the processors"), report.baseline.others_share
    yield ("others' share during the load", "of the processors"), report.others_share
    yield from _of_processes(report)


def _of_processes(report: BenchReport) -> Iterator[tuple[tuple[str, str], Value]]:
    """`all` is the stack without the process that sends the load."""
    if report.peak_rss_bytes is not None:
        spent = [each.cpu_ms_per_document or 0.0 for each in report.processes if each.name != BENCH]
        yield ("CPU of all", "ms/document"), round(sum(spent), 2)
        yield ("peak memory of all", "MB"), round(report.peak_rss_bytes / 1e6, 1)
    for each in sorted(report.processes, key=lambda each: each.name):
        yield (f"CPU of {each.name}", "ms/document"), each.cpu_ms_per_document
        yield (f"peak memory of {each.name}", "MB"), round(each.peak_rss_bytes / 1e6, 1)


def _latencies(name: str, found: Latency) -> Iterator[tuple[tuple[str, str], Value]]:
    for rank in ("p50", "p95", "p99", "max"):
        yield (f"{name} {rank}", "ms"), getattr(found, rank)
