"""In: an ingest's report and the bridge's statistics. Out: the tables people read."""

from archon.cli.ingest import Report
from archon.cli.output import table
from archon.contracts.documents import SearchResults, Statistics


def print_report(report: Report) -> None:
    """What was ingested, one figure a line."""
    figures = report.as_json()
    rows = [
        ("Documents", figures["documents"]),
        ("Enriched", figures["enriched"]),
        ("Failed", figures["failed"]),
        ("Skipped", _counted(figures["skipped_by_reason"]) or 0),
        ("Time", f"{figures['seconds']} s · {figures['documents_per_second']} documents/s"),
        ("Indexing", _latency(figures["index_p50_ms"], figures["index_p95_ms"])),
        ("Accept to enriched", _latency(figures["enrich_p50_ms"], figures["enrich_p95_ms"])),
    ]
    table(f"Project {report.project}", ("", ""), [row for row in rows if row[1] is not None])
    for path, reason in list(report.rejected.items())[:20]:
        table("", ("",), [(f"refused {path}: {reason}",)])


def print_statistics(found: Statistics) -> None:
    """What was found, one kind a line."""
    quality = f"{found.mean_quality:.2f} (mean, 0 to 1)" if found.mean_quality is not None else "none yet"
    rows = [
        ("Documents", f"{found.documents} ({_counted(found.statuses)})"),
        ("Entities", found.entities),
        ("Languages", _counted(dict(list(found.languages.items())[:8]))),
        ("Quality", quality),
        ("Anti-patterns", _counted(dict(list(found.anti_patterns.items())[:5])) or "none"),
    ]
    table("", ("", ""), rows)


def print_hits(results: SearchResults) -> None:
    """The hits of one search, best first."""
    rows = [
        (f"{hit.score:.2f}", hit.project_name, hit.file_path, "" if hit.fresh else "stale")
        for hit in results.hits
    ]
    table(f'Search "{results.query}"', ("score", "project", "file", ""), rows)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _latency(p50: float | None, p95: float | None) -> str | None:
    return None if p50 is None else f"p50 {p50:g} ms · p95 {p95:g} ms"
