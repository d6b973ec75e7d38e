"""In: an ingest's report and the bridge's statistics. Out: tables for people."""

from collections.abc import Iterable
from shlex import quote
from textwrap import dedent
from typing import Any, Final

from rich.markup import escape

from archon.cli.files.walk import HELD_BACK
from archon.cli.ingest.plan import Plan
from archon.cli.ingest.tally import SHOWN, Report
from archon.cli.terminal.output import Format, counted, err, out, print_json, printable, table
from archon.contracts.text.lines import lines_of
from archon.contracts.types import EnrichmentStatus
from archon.contracts.views import SearchResults, Statistics

SNIPPET_LINES: Final = 4
TAB = 4
"""Columns of a tab in shown lines."""


def print_ingest(report: Report, plan: Plan, output: Format) -> None:
    """The result of an ingest, or the preview of a dry run, which also shows the first paths of each kind."""
    if output is Format.TABLE:
        if plan.dry_run:
            _print_rehearsal(report, plan)
        else:
            print_report(report)
        _print_skipped(report, plan)
        _print_hints(report, plan)
    elif plan.dry_run:
        plan_of_it = {"dry_run": True, **report.plan_as_json(), "paths": report.paths}
        print_json({**plan_of_it, "refusal": report.refusal})
    else:
        print_json(report.as_json())


def print_report(report: Report) -> None:
    """One figure per line."""
    figures = report.as_json()
    optional = [
        ("Indexed only", figures["indexed_only"]),
        ("Discarded", figures["discarded"]),
        ("Pending", figures["pending"]),
        ("Missing", figures["missing"]),
        ("Pruned", figures["pruned"]),
        ("Gone", figures["gone"]),
        ("Encoding guessed", figures["guessed_encodings"]),
        ("Commit", figures["commit"]),
    ]
    rows = [
        ("Documents", f"{figures['documents']}{_changes(figures)}"),
        ("Enriched", figures["enriched"]),
        ("Failed", _failed(figures)),
        *[row for row in optional if row[1]],
        ("Skipped", _counted(figures["skipped_by_reason"]) or 0),
        ("Time", f"{figures['seconds']} s · {figures['documents_per_second']} documents/s"),
        ("Indexing", _latency(figures["index_p50_ms"], figures["index_p95_ms"])),
        ("Accept to enriched", _latency(figures["enrich_p50_ms"], figures["enrich_p95_ms"])),
    ]
    table(f"Project {report.project}", ("", ""), [row for row in rows if row[1] is not None])
    _print_lines(f"rejected {path}: {reason}" for path, reason in report.reasons.items())
    _print_guesses(report)
    if report.parked:
        err.print(f"Why, and how to retry: enrich dlq list -p {quote(report.project)}")


def _print_rehearsal(report: Report, plan: Plan) -> None:
    figures = report.plan_as_json()
    rows = [
        ("New", figures["new"]),
        ("Changed", figures["changed"]),
        ("Unchanged", figures["unchanged"]),
        ("Renamed", figures["renamed"] or None),
        *([("Pruned", figures["pruned"])] if plan.prune else [("Gone", figures["gone"] or None)]),
        *([("Encoding guessed", figures["guessed_encodings"])] if report.guessed else []),
        ("Skipped", _counted(figures["skipped_by_reason"]) or 0),
        ("Commit", figures["commit"]),
    ]
    table(
        f"Project {report.project}: nothing was sent", ("", ""), [row for row in rows if row[1] is not None]
    )
    _print_lines(f"renamed {old} to {new}" for new, old in sorted(report.renamed.items())[:SHOWN])
    if not plan.prune:
        _print_lines(f"gone {path}" for path in sorted(report.gone)[:SHOWN])
    for kind, paths in report.paths.items():
        _print_lines(f"{kind} {path}" for path in paths)
        if report.counts[kind] > len(paths):
            _print_lines([f"... and {report.counts[kind] - len(paths)} more"])
    _print_guesses(report)
    if report.refusal is not None:
        err.print(f"[yellow]Without --dry-run, refused:[/yellow] --prune: {escape(report.refusal)}")


def _print_skipped(report: Report, plan: Plan) -> None:
    """All skipped paths if requested; files with secrets always."""
    for path, reason in report.skipped.listed():
        if plan.show_skipped or reason.startswith(HELD_BACK):
            _print_lines([f"skipped {path}: {reason}"])


def _print_hints(report: Report, plan: Plan) -> None:
    """Hints about unusual results."""
    if any(reason.startswith(HELD_BACK) for reason in report.skipped.counts):
        err.print("Files that contain secrets were skipped; --include-secrets sends them.")
    for document_id in report.exposed[:SHOWN]:
        err.print(f"[yellow]One of them was sent before:[/yellow] enrich delete {document_id}")
    if report.gone and not plan.prune:
        err.print(
            f"{counted(len(report.gone), 'document has', 'documents have')} no file under "
            f"{escape(str(plan.path))} now; the same command with --prune deletes them."
        )
    if report.without_git is not None:
        why = escape(printable(report.without_git))
        err.print(
            f"[yellow]git could not list the ignored files:[/yellow] {why}; "
            "the .gitignore files were read directly, and tracked files that they match were skipped."
        )


def _print_guesses(report: Report) -> None:
    """A wrong guess garbles comments; a declared encoding avoids it."""
    _print_lines(f"read as {encoding}, a guess: {path}" for path, encoding in report.guessed.items())


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        out.print(escape(printable(line)))


def _changes(figures: dict[str, Any]) -> str:
    """Empty if all documents are new."""
    kinds = {kind: figures[kind] for kind in ("new", "changed", "renamed", "unchanged") if figures[kind]}
    return f" ({_counted(kinds)})" if set(kinds) - {"new"} else ""


def _failed(figures: dict[str, Any]) -> str | int:
    kinds = {"parked": figures["parked"], "rejected": figures["rejected_documents"]}
    return _counted({kind: count for kind, count in kinds.items() if count}) or 0


def print_statistics(found: Statistics) -> None:
    """One kind of result per line."""
    quality = f"{found.mean_quality:.2f} (mean, 0 to 1)" if found.mean_quality is not None else "none yet"
    rows = [
        ("Documents", _with_statuses(found)),
        *_parked(found),
        ("Entities", found.entities),
        ("Languages", _counted(dict(list(found.languages.items())[:8]))),
        ("Quality", quality),
        *([("Not understood", counted(found.not_understood, "line"))] if found.not_understood else []),
        ("Anti-patterns", _counted(dict(list(found.anti_patterns.items())[:5])) or "none"),
    ]
    table("", ("", ""), rows)


def _with_statuses(found: Statistics) -> str:
    return f"{found.documents} ({_counted(found.statuses)})" if found.statuses else f"{found.documents}"


def _parked(found: Statistics) -> list[tuple[str, str]]:
    """Shown if Temporal and the graph disagree on the number of parked documents."""
    failed = found.statuses.get(EnrichmentStatus.FAILED, 0)
    if found.parked is None:
        return [("Parked", "Temporal does not answer")]
    if found.parked == failed:
        return []
    waiting = counted(found.parked, "run waits", "runs wait")
    return [("Parked", f"{waiting} for a retry: enrich status --list failed lists them")]


def print_hits(results: SearchResults) -> None:
    """The hits of a search, best first, each with its first lines."""
    out.print(f'[bold]Search "{escape(printable(results.query))}"[/bold]')
    for hit in results.hits:
        where = f"{hit.file_path}:{hit.start_line}-{hit.end_line}"
        columns = (hit.project_name, where, hit.kind, hit.symbol or "")
        stale = "" if hit.fresh else "  [yellow]stale[/yellow]"
        others = hit.copies + hit.overloads
        more = f"  [dim]and {others} like it[/dim]" if others else ""
        out.print(f"{hit.score:.2f}  {escape('  '.join(map(printable, columns)).rstrip())}{more}{stale}")
        for line in lines_of(dedent(hit.snippet.expandtabs(TAB)))[:SNIPPET_LINES]:
            out.print(f"      [dim]{escape(printable(line))}[/dim]")
    if not results.hits:
        out.print("nothing found")


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _latency(p50: float | None, p95: float | None) -> str | None:
    return None if p50 is None else f"p50 {p50:g} ms · p95 {p95:g} ms"
