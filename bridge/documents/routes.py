"""In: HTTP requests under /api/bridge. Out: accepted, read and found documents; problems otherwise."""

import asyncio
import time
from http.client import INTERNAL_SERVER_ERROR
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import ValidationError

from archon.contracts import identity
from archon.contracts.documents import (
    BatchAccepted,
    BatchItem,
    BatchSubmission,
    DocumentAccepted,
    DocumentSubmission,
    IndexingStatus,
)
from archon.contracts.errors import ArchonError, WorkflowUnavailableError
from archon.contracts.names import enrichment_workflow_id
from archon.contracts.types import DocumentId, EnrichmentStatus, ProjectName, Projects
from archon.contracts.views import DocumentPage, DocumentView, Statistics
from archon.runtime.http.problems import fields_of, invalid, problem_of
from archon.runtime.temporal.attributes import query_of
from archon.runtime.temporal.parked import ParkedQuery
from bridge.documents.indexing import Indexer
from bridge.estate.routes import WaitingDep, waits
from bridge.requests.access import Caller, GuardedRoute, Reader, Writer
from bridge.requests.correlation import new_correlation_id
from bridge.requests.dependencies import (
    REFUSED,
    UNREAD,
    CorrelationDep,
    ParkedQueryDep,
    SettingsDep,
    StoresDep,
    find,
    problem,
)
from bridge.requests.paths import DOCUMENT
from bridge.requests.preferences import longest_wait

BATCH_CONCURRENCY = 8
PARKED_SECONDS = 2.0
"""Seconds that statistics wait for Temporal, which is optional for them."""


router = APIRouter(
    prefix="/api/bridge",
    tags=["documents"],
    responses=REFUSED,
    route_class=GuardedRoute,
)


async def _indexer(request: Request) -> Indexer:
    indexer: Indexer = request.app.state.indexer
    return indexer


async def _deadline(request: Request, settings: SettingsDep) -> float:
    """Time, by time.monotonic(), until which the answer may wait for an enrichment."""
    preferences = request.headers.getlist("prefer")
    return time.monotonic() + longest_wait(preferences, settings.sync_enrichment_timeout)


IndexerDep = Annotated[Indexer, Depends(_indexer)]
DeadlineDep = Annotated[float, Depends(_deadline)]


@router.post(
    "/document",
    operation_id="index_document",
    responses={
        **UNREAD,
        202: {"model": DocumentAccepted, "description": "Indexed; the enrichment continues"},
        409: problem("The document belongs to another project"),
    },
)
async def index_document(
    submission: DocumentSubmission,
    caller: Writer,
    indexer: IndexerDep,
    deadline: DeadlineDep,
    correlation_id: CorrelationDep,
    response: Response,
) -> DocumentAccepted:
    """Index a document at once and enrich it in the background.

    For a project in synchronous mode the request includes the enrichment, and the answer the result. The
    answer is a 202 with the workflow's id after SYNC_ENRICHMENT_TIMEOUT, after the seconds of `Prefer:
    wait=N`, or at once with `Prefer: respond-async`.
    """
    accepted = await _indexed(indexer, caller, submission, correlation_id, deadline)
    if accepted.status is IndexingStatus.WAITING:
        response.status_code = 202
    return accepted


@router.post("/documents", operation_id="index_documents", responses=UNREAD)
async def index_documents(
    batch: BatchSubmission, caller: Writer, indexer: IndexerDep, deadline: DeadlineDep
) -> BatchAccepted:
    """Index many documents; each has its own result, in order: a refused document does not affect the others.

    If the batch includes one document several times, the last one that is not refused is indexed; earlier
    ones are `superseded`, and their results name its version and workflow. If it fails, they fail with it.
    """
    caller.spend(len(batch.documents) - 1)
    slots = asyncio.Semaphore(BATCH_CONCURRENCY)
    results: dict[int, BatchItem] = {}

    async def one(number: int, newer: DocumentAccepted | None) -> BatchItem:
        submission, correlation_id = batch.documents[number], new_correlation_id()
        try:
            if isinstance(submission, ValidationError):
                raise submission
            return BatchItem(
                document=await _indexed(indexer, caller, submission, correlation_id, deadline, newer)
            )
        except ValidationError as error:
            problem = invalid(fields_of(error.errors(), skip=0))
        except ArchonError as error:
            problem = problem_of(error)
        problem.instance = f"/api/bridge/documents#/documents/{number}"
        return BatchItem(problem=problem.model_dump(exclude_none=True))

    async def revisions(numbers: list[int]) -> None:
        newest = failed = None
        async with slots:
            for number in reversed(numbers):
                results[number] = item = failed or await one(number, newest)
                newest = newest or item.document
                if newest is None and item.problem and item.problem["status"] >= INTERNAL_SERVER_ERROR:
                    failed = item  # perhaps it is stored: an older one must not replace it

    await asyncio.gather(*(revisions(numbers) for numbers in _by_document(batch).values()))
    accepted = sum(item.document is not None for item in results.values())
    return BatchAccepted(
        accepted=accepted,
        failed=len(results) - accepted,
        results=[results[number] for number in range(len(results))],
    )


def _by_document(batch: BatchSubmission) -> dict[str, list[int]]:
    """Positions in the batch, by the document that they name."""
    positions: dict[str, list[int]] = {}
    for number, each in enumerate(batch.documents):
        name = f"invalid {number}" if isinstance(each, ValidationError) else _document_of(each)
        positions.setdefault(name, []).append(number)
    return positions


def _document_of(submission: DocumentSubmission) -> str:
    """Equal for submissions of one document by one caller."""
    path = submission.source_path or submission.title or ""
    return identity.document_id(submission.project_id, submission.document_id, path, is_own=True)[0]


async def _indexed(
    indexer: Indexer,
    caller: Caller,
    submission: DocumentSubmission,
    correlation_id: str,
    deadline: float,
    newer: DocumentAccepted | None = None,
) -> DocumentAccepted:
    """Indexes if the caller may; `correlation_id` applies if the submission has none. `newer`: the content
    that has already replaced this one. Raises ForbiddenError and the indexer's errors."""
    _require_right(caller, submission)
    correlation_id = submission.correlation_id or correlation_id
    if newer is not None:
        return await indexer.superseded(submission, correlation_id, newer)
    return await indexer.index(submission, correlation_id, deadline, names_any=caller.projects is None)


def _require_right(caller: Caller, submission: DocumentSubmission) -> None:
    """Raises ForbiddenError. The content store is shared: a caller who may name a text could read it."""
    caller.require(submission.project_id)
    if submission.content_ref is not None:
        caller.require_all("content_ref")


@router.get(
    DOCUMENT,
    operation_id="get_document",
    responses={404: problem("There is no such document")},
)
async def get_document(
    document_id: str,
    caller: Reader,
    stores: StoresDep,
    settings: SettingsDep,
    waiting: WaitingDep,
    project: ProjectName | None = None,
) -> DocumentView:
    """The document in the graph: its enrichment, entities, modules and workflow; and the service that it
    waits for.

    `document_id` is the document's UUID or the client's own id; `project` distinguishes equal own ids.
    """
    stored = await find(stores, caller, document_id, project)
    workflow_id = enrichment_workflow_id(stored.document_id, stored.content_hash)
    waiting_for = await waiting.of(stored)
    return DocumentView(
        **stored.model_dump(exclude={"workflow_id"}),
        workflow_id=workflow_id,
        workflow_url=settings.workflow_url(workflow_id),
        waiting_for=waits(waiting_for, caller) if waiting_for is not None else None,
    )


@router.get("/documents", operation_id="list_documents")
async def list_documents(
    caller: Reader,
    stores: StoresDep,
    settings: SettingsDep,
    project: ProjectName | None = None,
    status: EnrichmentStatus | None = None,
    after: Annotated[DocumentId | None, Query(description="`next` of the previous page.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> DocumentPage:
    """Documents in the order of their ids, a page at a time."""
    projects = caller.scope(project)
    page = await stores.graph.documents(projects=projects, status=status, after=after, limit=limit)
    return page.model_copy(update={"workflows": settings.workflows_url(query_of(projects, status))})


@router.get("/statistics", operation_id="get_statistics")
async def get_statistics(
    caller: Reader, stores: StoresDep, query: ParkedQueryDep, project: ProjectName | None = None
) -> Statistics:
    """Number of documents by state and language, and totals of the results."""
    projects = caller.scope(project)
    found, parked = await asyncio.gather(stores.graph.census.statistics(projects), _parked(query, projects))
    return found.model_copy(update={"parked": parked})


async def _parked(query: ParkedQuery, projects: Projects) -> int | None:
    try:
        async with asyncio.timeout(PARKED_SECONDS):
            return await query.count(projects)
    except (WorkflowUnavailableError, TimeoutError):
        return None
