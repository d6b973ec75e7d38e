"""In: HTTP requests to delete a document or a project. Out: the current receipt."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response, status

from archon.contracts.operations.deletion import DeletionReceipt, DeletionState
from archon.contracts.types import ProjectName
from bridge.deletions.requests import Deletions
from bridge.requests.access import Caller, Reader, Writer
from bridge.requests.dependencies import REFUSED, problem
from bridge.requests.paths import DOCUMENT, PROJECT

LONGEST_WAIT: Final = 25.0
router = APIRouter(prefix="/api/bridge", tags=["deletion"], responses=REFUSED)


async def _deletions(request: Request) -> Deletions:
    deletions: Deletions = request.app.state.deletions
    return deletions


DeletionsDep = Annotated[Deletions, Depends(_deletions)]
Wait = Annotated[
    float,
    Query(
        ge=0, le=LONGEST_WAIT, description="Seconds to wait for the complete removal before the answer 202."
    ),
]
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "Everything is removed"},
    202: {"description": "Accepted; the deletion continues", "model": DeletionReceipt},
    404: problem("There is no such document or project"),
}
_UNKNOWN: Final[dict[int | str, dict[str, Any]]] = {404: problem("There is no such deletion")}


@router.delete(DOCUMENT, operation_id="delete_document", responses=_ANSWERS)
async def delete_document(
    document_id: str,
    caller: Writer,
    deletions: DeletionsDep,
    response: Response,
    project: ProjectName | None = None,
    wait: Wait = LONGEST_WAIT,
) -> DeletionReceipt:
    """Delete a document with all derived data; its runs are ended.

    As soon as the document is marked it cannot be found, and runs in progress no longer write to it. Posting
    the same id again creates it with a higher version. If the document is already deleted, the answer is the
    receipt.
    """
    return _answer(response, _shown_to(caller, await deletions.document(caller, document_id, project, wait)))


@router.delete(PROJECT, operation_id="delete_project", responses=_ANSWERS)
async def delete_project(
    name: ProjectName, caller: Writer, deletions: DeletionsDep, response: Response, wait: Wait = LONGEST_WAIT
) -> DeletionReceipt:
    """Delete all documents of a project that were indexed before now, with all derived data."""
    return _answer(response, _shown_to(caller, await deletions.project(caller, name, wait)))


@router.get(f"{DOCUMENT}/deletion", operation_id="get_document_deletion", responses=_UNKNOWN)
async def get_document_deletion(
    document_id: str, caller: Reader, deletions: DeletionsDep, project: ProjectName | None = None
) -> DeletionReceipt:
    """The progress of a document's last deletion. With the client's own id, `project` is required."""
    return _shown_to(caller, await deletions.receipt_of_document(caller, document_id, project))


@router.get(f"{PROJECT}/deletion", operation_id="get_project_deletion", responses=_UNKNOWN)
async def get_project_deletion(name: ProjectName, caller: Reader, deletions: DeletionsDep) -> DeletionReceipt:
    """The progress of a project's last deletion."""
    return _shown_to(caller, await deletions.receipt_of_project(caller, name))


def _shown_to(caller: Caller, receipt: DeletionReceipt) -> DeletionReceipt:
    """Hides counts that would reveal contents of other projects."""
    if caller.projects is None:
        return receipt
    return receipt.model_copy(update={"counts": receipt.counts.to_its_project()})


def _answer(response: Response, receipt: DeletionReceipt) -> DeletionReceipt:
    if receipt.state is DeletionState.REMOVING:
        response.status_code = status.HTTP_202_ACCEPTED
    return receipt
