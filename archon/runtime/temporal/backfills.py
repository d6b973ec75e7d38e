"""In: commands of an operator. Out: the backfill of a project, or of all projects, started, controlled and
described."""

import contextlib
from collections.abc import Sequence
from shlex import quote

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import WorkflowAlreadyStartedError

from archon.contracts import names
from archon.contracts.errors import AlreadyRunningError, NotFoundError
from archon.contracts.operations.backfill import BackfillInput, BackfillProgress, BackfillState
from archon.contracts.text.markdown import plain
from archon.runtime.temporal.attributes import keywords
from archon.runtime.temporal.client import translated


class Backfill:
    """A backfill by its workflow id, whatever its state. Raises WorkflowUnavailableError."""

    def __init__(self, client: Client, workflow_id: str) -> None:
        self._client = client
        self.workflow_id = workflow_id

    @classmethod
    async def latest(cls, client: Client, workflow_ids: Sequence[str]) -> "Backfill":
        """The running one of several, otherwise the last one started. Raises NotFoundError."""
        found = []
        for each in workflow_ids:
            with contextlib.suppress(NotFoundError), translated():
                described = await client.get_workflow_handle(each).describe()
                running = described.status is WorkflowExecutionStatus.RUNNING
                found.append((running, described.start_time, each))
        if not found:
            raise NotFoundError(f"there was no backfill {' and no '.join(workflow_ids)}")
        return cls(client, max(found)[2])

    async def start(self, wanted: BackfillInput) -> None:
        """Raises AlreadyRunningError while it runs."""
        project = wanted.criteria.project_name
        with translated():
            try:
                await self._client.start_workflow(
                    names.WORKFLOW_BACKFILL,
                    wanted,
                    id=self.workflow_id,
                    task_queue=names.QUEUE_ENRICHMENT,
                    search_attributes=keywords({names.SEARCH_PROJECT_NAME: project}),
                    static_summary=_summary(wanted),
                )
            except WorkflowAlreadyStartedError as error:
                raise self._running() from error

    async def require_none(self) -> None:
        """Raises AlreadyRunningError while it runs."""
        try:
            with translated():
                found = await self._handle.describe()
        except NotFoundError:
            return
        if found.status is WorkflowExecutionStatus.RUNNING:
            raise self._running()

    async def progress(self) -> BackfillProgress:
        """The progress that the run reports; a running one needs a worker for that. Raises NotFoundError."""
        try:
            with translated():
                found = await self._handle.describe()
        except NotFoundError as error:
            raise self._missing("there was no") from error
        if found.status is WorkflowExecutionStatus.COMPLETED:
            return await self.result()
        with translated():
            progress: BackfillProgress = await self._handle.query(
                names.QUERY_PROGRESS, result_type=BackfillProgress
            )
        if found.status is WorkflowExecutionStatus.RUNNING:
            return progress
        return progress.model_copy(update={"state": BackfillState.FAILED})

    async def result(self) -> BackfillProgress:
        """The result after its end. Raises NotFoundError, also if somebody terminated the run."""
        with translated():
            try:
                return await self._handle.result()
            except WorkflowFailureError as error:
                raise NotFoundError(f"{self.workflow_id} ended without a result: {error.cause}") from error

    async def signal(self, signal: str) -> None:
        """Sends `pause`, `resume` or `cancel`. Raises NotFoundError if none runs."""
        try:
            with translated():
                await self._handle.signal(signal)
        except NotFoundError as error:
            raise self._missing("there is no running") from error

    @property
    def _handle(self) -> WorkflowHandle[object, BackfillProgress]:
        """Of the latest run."""
        return self._client.get_workflow_handle(self.workflow_id, result_type=BackfillProgress)

    def _missing(self, what: str) -> NotFoundError:
        return NotFoundError(f"{what} backfill {self.workflow_id}")

    def _running(self) -> AlreadyRunningError:
        return AlreadyRunningError(
            f"{self.workflow_id} is already running: `enrich backfill status{self.option}` shows it, and "
            f"`enrich backfill cancel{self.option}` ends it"
        )

    @property
    def option(self) -> str:
        """The option of the `enrich backfill` verbs that selects it."""
        if self.workflow_id == names.ID_BACKFILL_ALL:
            return ""
        if self.workflow_id == names.ID_BACKFILL_INPUT:
            return " --input"
        return f" --project {quote(self.workflow_id.removeprefix(names.backfill_workflow_id('')))}"


def _summary(wanted: BackfillInput) -> str:
    what = wanted.criteria.project_name or "all projects"
    if wanted.chunks is not None:
        what = f"{wanted.total} listed documents"
    return plain(f"{'dry run of a backfill' if wanted.dry_run else 'backfill'} · {what}"[:200])
