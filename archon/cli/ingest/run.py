"""In: a plan, and a bridge or a broker. Out: its files submitted and their end awaited, and a report.

Unchanged documents are not sent again, so running the command again after an interruption resumes the ingest.
At most one text per client is in memory.
"""

import contextlib
import math
import time
from dataclasses import dataclass
from typing import Any, Final

from rich.markup import escape
from rich.progress import Progress

from archon.cli.files import git
from archon.cli.files.walk import SourceFile, Walk, is_gone
from archon.cli.ingest.known import Known, Place, known
from archon.cli.ingest.plan import Note, Plan
from archon.cli.ingest.progress import arrived, follow, take_stock, until_finished
from archon.cli.ingest.renames import find_renames
from archon.cli.ingest.senders import Sender, Via, sender
from archon.cli.ingest.tally import SHOWN, Report
from archon.cli.terminal.output import bars, err, now_and_then
from archon.clients.bridge import BridgeApi
from archon.contracts import identity
from archon.contracts.errors import InvalidInputError, NotFoundError, StoreUnavailableError
from archon.contracts.types import WORKING, EnrichmentStatus
from archon.contracts.views import Statistics
from archon.runtime.settings import Settings
from archon.runtime.tasks import beside, together

CLIENTS: Final = 8


async def ingest(settings: Settings, api: BridgeApi, plan: Plan) -> Report:
    """Submits every file, prunes, then waits until each document is enriched or parked.

    A dry run sends nothing and reports a preview. Raises InvalidInputError before anything is sent,
    StoreUnavailableError or PublishError if bridge or broker stay unreachable.
    """
    walk = plan.walk()
    report = Report(plan.project, git.commit(walk.root), skipped=walk.skipped)
    started = time.monotonic()
    before = await known(api, plan.project, walk.root if walk.root.is_dir() else None)
    await find_renames(api, walk, before)
    report.expect(before.gone, walk.without_git)
    async with contextlib.AsyncExitStack() as stack:
        progress = stack.enter_context(bars())
        note = stack.enter_context(plan.recording())
        if plan.dry_run:
            report.refusal = _refusal(plan, before)
            await _Ingest(api, plan, report, before, _nowhere, note, progress).rehearse(walk)
        else:
            if refusal := _refusal(plan, before):
                raise InvalidInputError("--prune", refusal)
            send = await stack.enter_async_context(sender(plan.via, settings, api))
            await _Ingest(api, plan, report, before, send, note, progress).run(walk)
    report.exposed = before.ids(walk.held_back)
    report.seconds = time.monotonic() - started
    if not walk.root.is_dir() and not report.documents:
        raise InvalidInputError("PATH", f"{plan.path}: {', '.join(report.skipped.counts)}")
    return report


def _refusal(plan: Plan, before: Known) -> str | None:
    """Why pruning is refused: with a wrong path every file looks gone."""
    if not plan.prune or not before.mostly_gone or plan.prune_most:
        return None
    return (
        f"would delete {len(before.gone)} of the {before.documents} documents of {plan.project}; "
        f"if {plan.path} is the directory they were ingested from, add --yes"
    )


async def _nowhere(_: str, __: dict[str, Any]) -> None:
    return None


@dataclass
class _Ingest:
    api: BridgeApi
    plan: Plan
    report: Report
    before: Known
    send: Sender
    note: Note
    progress: Progress

    def __post_init__(self) -> None:
        self._taken = -math.inf
        self._done = 0
        self._indexed = self.progress.add_task("Indexed", total=None, note="")
        waits = self.plan.wait and not self.plan.dry_run
        self._enriched = self.progress.add_task("Enriched", total=None, note="", visible=waits)

    async def rehearse(self, walk: Walk) -> None:
        await self._submit(walk)
        if self.plan.prune:
            self.report.counts["pruned"] = len(self.before.gone)
            self.report.paths["pruned"] = sorted(self.before.gone)[:SHOWN]

    async def run(self, walk: Walk) -> None:
        self.api.on_wait = self._tell if err.is_terminal else now_and_then(err.print)
        async with beside(follow(self.api, self.plan.project, self._show, self.api.on_wait)):
            await self._submit(walk)
            if self.plan.prune:
                await self._prune(walk)
            if self.plan.wait and self.plan.via is Via.KAFKA:
                await arrived(self.api, self.report)
            if self.plan.wait:
                await until_finished(self.api, self.report)
        await take_stock(self.api, self.report)

    async def _submit(self, walk: Walk) -> None:
        names = iter(walk.names)
        for bar in (self._indexed, self._enriched):
            self.progress.update(bar, total=len(walk.names))
        record = self.plan.record and self.plan.record.resolve()

        async def client() -> None:
            for path in names:
                if path != record and (file := walk.read(path)) is not None:
                    await self._take(file)
                self.progress.advance(self._indexed)

        await together(client() for _ in range(CLIENTS))
        self.progress.update(self._enriched, total=self.report.documents)

    async def _take(self, file: SourceFile) -> None:
        if file.guessed:
            self.report.note_guess(file.path, file.encoding)
        place = self.before.place(file.path)
        content_hash = identity.content_hash(file.text)
        digest = bytes.fromhex(content_hash)
        stored = self.before.hashes.pop(place.key, None)
        if stored == digest and place.renamed_from is None:
            self.report.kept.add(place.key)
        elif await self._sent(place, file):
            self.report.sent[place.key] = digest
            if place.renamed_from is not None:
                self.report.rename(place.renamed_from, file.path)
            else:
                self.report.note("new" if stored is None else "changed", file.path)
        else:
            return
        self.note(place.document_id, content_hash)

    async def _sent(self, place: Place, file: SourceFile) -> bool:
        began = time.monotonic()
        try:
            took = await self.send(place.document_id, self._submission(place, file))
        except InvalidInputError as error:
            self.report.reject(file.path, str(error))
            return False
        except StoreUnavailableError as error:
            # Other documents were accepted in the meantime, so the bridge cannot handle this one.
            if self._taken < began:
                raise
            self.report.reject(file.path, str(error))
            return False
        self._taken = time.monotonic()
        if took is not None:
            self.report.index_ms.append(took)
        return True

    def _submission(self, place: Place, file: SourceFile) -> dict[str, Any]:
        metadata = {
            "file_size_bytes": file.size,
            "last_modified": file.modified and file.modified.isoformat(),
            "encoding": file.encoding,
            "encoding_guessed": file.guessed,
            "git_commit_hash": self.report.commit,
            "original_path": place.original,
        }
        is_of_path = place == Place(place.document_id)
        return {
            **({} if is_of_path else {"document_id": place.document_id}),
            "project_id": self.plan.project,
            "source_path": file.path,
            "full_text": file.text,
            "priority": self.plan.priority,
            "metadata": {name: value for name, value in metadata.items() if value is not None},
        }

    async def _prune(self, walk: Walk) -> None:
        gone = iter(self.before.gone.items())

        async def client() -> None:
            for path, place in gone:
                if is_gone(walk.root, path):
                    with contextlib.suppress(NotFoundError):
                        await self.api.delete(place.document_id)
                    self.report.note("pruned", path)
                    self.report.gone.remove(path)

        await together(client() for _ in range(CLIENTS))

    def _tell(self, words: str) -> None:
        self.progress.update(self._indexed, note=escape(words))

    def _show(self, found: Statistics) -> None:
        failed = found.statuses.get(EnrichmentStatus.FAILED, 0)
        unfinished = failed + sum(found.statuses.get(status, 0) for status in WORKING)
        note = f"[red]{failed} failed[/red]" if failed else ""
        # Others may submit to the project too; the shown number must not fall.
        self._done = max(self._done, self.report.accepted - unfinished)
        self.progress.update(self._enriched, completed=self._done, note=note)
        self.progress.update(self._indexed, note="")
