"""In: a request to delete a document or a project. Out: a deletion that Temporal has accepted, and its
receipt.

Nothing is marked here: the workflow does it, so a deletion is either durable as a whole or not started.
"""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime

from archon.contracts import identity, names
from archon.contracts.errors import NotFoundError, WorkflowUnavailableError
from archon.contracts.operations.deletion import DeletionReceipt, DeletionScope, DeletionState
from archon.contracts.types import Projects
from archon.runtime.temporal.deletions import DeletionClient
from bridge.requests.access import Caller
from bridge.requests.clients import Stores
from bridge.requests.dependencies import find


class Deletions:
    """Raises NotFoundError for a missing document or one of another project, WorkflowUnavailableError without
    Temporal."""

    def __init__(self, stores: Stores, client: DeletionClient) -> None:
        self._stores = stores
        self._client = client

    async def document(
        self, caller: Caller, document_id: str, project: str | None, wait: float
    ) -> DeletionReceipt:
        try:
            stored = await find(self._stores, caller, document_id, project)
        except NotFoundError as missing:
            try:
                known = await self.receipt_of_document(caller, document_id, project)
            except NotFoundError:
                raise missing from None
            return await self._go_on(known, wait)
        scope = DeletionScope(
            project_name=stored.project_name,
            document_id=stored.document_id,
            version=stored.version,
            # Another bridge's clock may be ahead of ours, and documents that it indexed must be included.
            requested_at=max(datetime.now(UTC), stored.posted_at or stored.indexed_at),
        )
        return await self._start(scope, f"{stored.project_name} · {stored.file_path}", wait)

    async def project(self, caller: Caller, name: str, wait: float) -> DeletionReceipt:
        caller.require(name)
        now = datetime.now(UTC)
        if not await self._stores.graph.deletions.any_live(name, now):
            try:
                known = await self.receipt_of_project(caller, name)
            except NotFoundError:
                raise NotFoundError(f"there is no document of project {name!r}") from None
            return await self._go_on(known, wait)
        return await self._start(DeletionScope(project_name=name, requested_at=now), name, wait)

    async def receipt_of_document(
        self, caller: Caller, document_id: str, project: str | None
    ) -> DeletionReceipt:
        """A tombstone has no project, but the receipt has."""
        projects = caller.scope(project)
        unknown = NotFoundError(f"there is no deletion of document {document_id}")
        for each in _meant(document_id, projects):
            with contextlib.suppress(NotFoundError):
                receipt = await self._receipt(names.deletion_workflow_id("", each), unknown)
                if projects is None or receipt.project_name in projects:
                    return receipt
        raise unknown

    async def receipt_of_project(self, caller: Caller, name: str) -> DeletionReceipt:
        caller.require(name)
        unknown = NotFoundError(f"there is no deletion of project {name!r} is known")
        return await self._receipt(names.deletion_workflow_id(name, None), unknown)

    async def _receipt(self, workflow_id: str, unknown: NotFoundError) -> DeletionReceipt:
        try:
            return await self._client.receipt(workflow_id)
        except NotFoundError:
            raise unknown from None

    async def _go_on(self, known: DeletionReceipt, wait: float) -> DeletionReceipt:
        """Resumes a deletion that ended early; any other continues by itself."""
        scope = DeletionScope(
            project_name=known.project_name,
            document_id=known.document_id,
            version=known.document_version,
            requested_at=known.requested_at,
        )
        if known.state is DeletionState.FAILED:
            return await self._start(scope, known.project_name, wait)
        return await self._until_removed(known.workflow_id, scope, wait)

    async def _start(self, scope: DeletionScope, what: str, wait: float) -> DeletionReceipt:
        return await self._until_removed(await self._client.start(scope, what), scope, wait)

    async def _until_removed(self, workflow_id: str, scope: DeletionScope, wait: float) -> DeletionReceipt:
        receipt = await self._client.until_removed(workflow_id, wait)
        if receipt is None:  # no worker runs now; the deletion waits for one
            own = scope.model_dump(exclude={"version"})
            return DeletionReceipt(**own, workflow_id=workflow_id)
        if receipt.state is DeletionState.FAILED:
            raise WorkflowUnavailableError(f"{workflow_id} ended before everything was removed; delete again")
        return receipt


def _meant(document_id: str, projects: Projects) -> Iterator[str]:
    """The UUIDs of the documents that the id may mean: the UUID itself, or each project's document with this
    id."""
    if (canonical := identity.as_uuid(document_id)) is not None:
        yield canonical
    for project in projects or ():
        yield identity.document_id(project, document_id, "", is_own=True)[0]
