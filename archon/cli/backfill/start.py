"""In: the selection of documents. Out: missing texts supplied, a list stored, a backfill started."""

import asyncio
from pathlib import Path
from typing import Any, Final

from archon.cli.backfill.scan import read_ids
from archon.cli.backfill.supply import Supplied, Supply
from archon.cli.backfill.watch import Standing, print_standing
from archon.cli.terminal.output import Format, counted, err, out, print_json, table
from archon.contracts import names
from archon.contracts.errors import InvalidInputError
from archon.contracts.operations.backfill import LISTED, BackfillInput, BackfillProgress, chunk_name, chunked
from archon.runtime.settings import Settings
from archon.runtime.temporal import client as temporal
from archon.runtime.temporal.backfills import Backfill
from archon.stores.content import ContentStore
from archon.stores.graph.store import GraphStore

_HOW_TO_FOLLOW: Final = "follow it with `enrich backfill status --watch"


class Starting:
    """`ids`: the list of a limited backfill; None for all documents that match."""

    def __init__(
        self,
        settings: Settings,
        graph: GraphStore,
        backfill: Backfill,
        wanted: BackfillInput,
        ids: list[str] | None,
    ) -> None:
        self._settings = settings
        self._graph = graph
        self._content = ContentStore.open(settings)
        self._backfill = backfill
        self._wanted = wanted
        self._ids = ids

    @classmethod
    async def connect(
        cls, settings: Settings, graph: GraphStore, wanted: BackfillInput, listed: Path | None
    ) -> "Starting":
        """Raises InvalidInputError for an unreadable list, AlreadyRunningError."""
        ids = None if listed is None else read_ids(listed, wanted.criteria)
        workflow_id = names.backfill_workflow_id(wanted.criteria.project_name)
        if ids is not None:
            workflow_id = names.ID_BACKFILL_INPUT
        client = await temporal.connect(settings)
        # A dry run has its own workflow id, so that `status` still shows the last real run.
        backfill = Backfill(client, f"dry-run-{workflow_id}" if wanted.dry_run else workflow_id)
        await backfill.require_none()
        return cls(settings, graph, backfill, wanted, ids)

    async def start(self, source_root: Path | None, output: Format) -> None:
        """Waits for the result of a dry run only."""
        supplied = None if source_root is None else await self._supply(source_root)
        if supplied is not None and output is Format.TABLE:
            _print_supplied(supplied, dry_run=self._wanted.dry_run)
        if self._ids == []:
            err.print("the list is empty: there is nothing to enrich")
            if output is Format.JSON:
                print_json({"workflow_id": None, "supplied": None, "progress": None})
            return
        wanted = await self._with_list()
        await self._backfill.start(wanted)
        progress = await self._counted() if wanted.dry_run else None
        if output is Format.JSON:
            print_json(self._as_json(supplied, progress))
        elif progress is not None:
            print_standing(Standing(self._backfill.workflow_id, progress, None, None))
        else:
            url = self._settings.workflow_url(self._backfill.workflow_id)
            out.print(f"started {self._backfill.workflow_id}: {url}")
            err.print(f"{_HOW_TO_FOLLOW}{self._backfill.option}`")

    async def _supply(self, root: Path) -> Supplied:
        if not root.is_dir():
            raise InvalidInputError("--source-root", f"{root} is not a directory")
        supply = Supply(self._graph, self._content, root, dry_run=self._wanted.dry_run)
        return await supply.all(self._wanted.criteria, self._ids)

    async def _with_list(self) -> BackfillInput:
        """Puts the list into the content store, in chunks: it may be larger than a Temporal payload."""
        if self._ids is None:
            return self._wanted
        chunks = chunked(self._ids)
        for number, chunk in enumerate(chunks):
            await self._content.put_list(chunk_name(self._wanted.backfill_id, number), chunk)
        return self._wanted.model_copy(update={"chunks": len(chunks), "total": len(self._ids)})

    async def _counted(self) -> BackfillProgress:
        """The result of a dry run, which ends with this command."""
        try:
            with err.status("Counting ..."):
                return await self._backfill.result()
        except asyncio.CancelledError:
            await self._backfill.signal(names.SIGNAL_CANCEL)
            raise

    def _as_json(self, supplied: Supplied | None, progress: BackfillProgress | None) -> dict[str, Any]:
        return {
            "workflow_id": self._backfill.workflow_id,
            "supplied": None if supplied is None else supplied.as_json(),
            "progress": None if progress is None else progress.model_dump(mode="json"),
        }


def _print_supplied(supplied: Supplied, *, dry_run: bool) -> None:
    would = "would be " if dry_run else ""
    err.print(
        f"{counted(supplied.kept, 'text')} {would}kept, "
        f"{counted(supplied.indexed, 'document')} {would}indexed with the current text"
    )
    if supplied.missing:
        first = list(supplied.missing.items())[:LISTED]
        rows = [(document_id, path, why) for document_id, (path, why) in first]
        table("", ("no text", "file", "why"), rows)
        err.print(f"{counted(len(supplied.missing), 'document')} without a text under the source root")
