"""In: a backfill's progress and the graph's counts. Out: two progress bars with an estimate, or figures."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from archon.cli.terminal.output import Exit, Format, err, json_text, print_json, table
from archon.contracts.operations.backfill import BackfillProgress, BackfillState
from archon.runtime.temporal.backfills import Backfill
from archon.stores.graph.unenriched import Unenriched

_EVERY: Final = 1.0


@dataclass(frozen=True)
class Standing:
    """`enriched`: documents among those counted at the start that need nothing now; `parked`: documents
    parked since. Both are None for a list, because the graph does not count its documents."""

    workflow_id: str
    progress: BackfillProgress
    enriched: int | None
    parked: int | None

    @property
    def to_request(self) -> int | None:
        """Number of documents that can be requested, as far as known."""
        done = self.progress
        if done.total is None:
            return None
        return max(
            done.requested, done.total - done.without_text - done.unusable - done.settled - done.unknown
        )

    @property
    def eta(self) -> timedelta | None:
        """Time until all are requested, at the pace so far; without one, at the maximum rate."""
        done = self.progress
        if done.state.ended or done.state is BackfillState.PAUSED or self.to_request is None:
            return None
        seconds = (datetime.now(UTC) - done.started_at).total_seconds()
        pace = done.requested / seconds if done.requested else done.rate
        return timedelta(seconds=round((self.to_request - done.requested) / pace)) if pace else None

    @property
    def finished(self) -> bool:
        """Whether the figures no longer change."""
        done = self.progress
        if done.state is not BackfillState.COMPLETED or self.enriched is None or done.dry_run:
            return done.state.ended
        return self.enriched + (self.parked or 0) >= done.requested

    def as_json(self) -> dict[str, Any]:
        return {
            "workflow_id": self.workflow_id,
            **self.progress.model_dump(mode="json"),
            "enriched": self.enriched,
            "parked": self.parked,
            "eta_seconds": None if self.eta is None else self.eta.total_seconds(),
        }


async def standing(backfill: Backfill, unenriched: Unenriched) -> Standing:
    """Raises NotFoundError if there was no such backfill."""
    progress = await backfill.progress()
    if progress.total is None or progress.of_list:
        return Standing(backfill.workflow_id, progress, None, None)
    now = await unenriched.count(progress.criteria)
    parked = max(0, now.parked - progress.parked_before)
    enriched = min(max(0, progress.total - now.documents - parked), progress.total)
    return Standing(backfill.workflow_id, progress, enriched, parked)


def show(found: Standing, output: Format) -> Exit:
    """Shows the state once."""
    if output is Format.JSON:
        print_json(found.as_json())
    else:
        print_standing(found)
        with bars(found):
            pass
    return _exit(found)


async def watch(backfill: Backfill, unenriched: Unenriched, output: Format) -> Exit:
    """Shows the progress until the backfill has ended and its documents are enriched or parked. JSON output
    has one line for each change."""
    found = await standing(backfill, unenriched)
    shown = None
    with bars(found) as update:
        while True:
            update(found)
            if output is Format.JSON and found.as_json() != shown:
                shown = found.as_json()
                print(json_text(shown), flush=True)
            if found.finished:
                break
            await asyncio.sleep(_EVERY)
            found = await standing(backfill, unenriched)
    if output is Format.TABLE:
        print_standing(found)
    return _exit(found)


def print_standing(found: Standing) -> None:
    done = found.progress
    what = done.criteria.project_name or "all projects"
    rows = [
        ("State", done.state + (" · dry run" if done.dry_run else "")),
        ("Documents", f"the list of {done.total}" if done.of_list else what),
        ("Examined", done.examined),
        ("Would request" if done.dry_run else "Requested", f"{done.requested} of {found.to_request or '?'}"),
        ("Enriched", None if found.enriched is None or done.dry_run else found.enriched),
        ("Parked since", found.parked or None),
        ("Without text", done.without_text or None),
        ("Older shape", done.older_shape or None),
        ("Unusable", done.unusable or None),
        ("Unknown", done.unknown or None),
        ("Nothing to do", done.settled or None),
        ("Time left", found.eta),
    ]
    table(found.workflow_id, ("", ""), [row for row in rows if row[1] is not None])
    if done.listed:
        listed = [(each.document_id, each.project_name, each.file_path, each.why) for each in done.listed]
        table("", ("not requested", "project", "file", "why"), listed)


@contextlib.contextmanager
def bars(found: Standing) -> Iterator[Any]:
    """Two bars on stderr if it is a terminal; yields the function that updates them."""
    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=err, disable=not err.is_terminal) as progress:
        requested = progress.add_task("Requested", total=None, note="")
        enriched = progress.add_task("Enriched", total=None, note="", visible=found.enriched is not None)

        def update(now: Standing) -> None:
            done = now.progress
            left = "" if now.eta is None else f" · {now.eta} left"
            note = f"{done.state}{left}"
            progress.update(requested, total=now.to_request, completed=done.requested, note=note)
            parked = f"[red]{now.parked} parked[/red]" if now.parked else ""
            progress.update(enriched, total=now.to_request, completed=now.enriched or 0, note=parked)

        update(found)
        yield update


def _exit(found: Standing) -> Exit:
    return Exit.FAILED if found.progress.state is BackfillState.FAILED else Exit.OK
