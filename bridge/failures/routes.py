"""In: HTTP requests about failures. Out: dead letters, and documents retried or discarded."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request

from archon.contracts.errors import NotParkedError
from archon.contracts.operations.dead_letters import (
    DeadLetterFilter,
    DeadLetterList,
    ParkedAnswer,
    StoredDeadLetter,
)
from archon.contracts.operations.parked import ParkedDocument, ParkedPage
from archon.contracts.types import EnrichmentStatus, ProjectName
from archon.runtime.kafka.dead_letters import DeadLetterTopic
from archon.runtime.temporal.attributes import query_of
from bridge.failures.actions import ParkedRuns
from bridge.requests.access import Reader, Writer
from bridge.requests.dependencies import (
    REFUSED,
    CorrelationDep,
    ParkedQueryDep,
    PublisherDep,
    SettingsDep,
    StoresDep,
    find,
    problem,
)
from bridge.requests.paths import DEAD_LETTER, DOCUMENT

router = APIRouter(
    prefix="/api/bridge",
    tags=["failures"],
    responses={**REFUSED, 404: problem("There is no such dead letter")},
)


async def _parked(request: Request) -> ParkedRuns:
    parked: ParkedRuns = request.app.state.parked
    return parked


async def _letters(request: Request) -> DeadLetterTopic:
    letters: DeadLetterTopic = request.app.state.letters
    return letters


LettersDep = Annotated[DeadLetterTopic, Depends(_letters)]
ParkedDep = Annotated[ParkedRuns, Depends(_parked)]
NOT_PARKED: Final[dict[int | str, dict[str, Any]]] = {409: problem("The document is not parked")}


@router.post(f"{DOCUMENT}/retry", operation_id="retry_document", responses=NOT_PARKED)
async def retry_document(
    document_id: str,
    caller: Writer,
    stores: StoresDep,
    parked: ParkedDep,
    correlation_id: CorrelationDep,
    project: ProjectName | None = None,
) -> ParkedAnswer:
    """Try a parked document again; a stored analysis is used."""
    return await parked.retry(await find(stores, caller, document_id, project), correlation_id)


@router.post(f"{DOCUMENT}/discard", operation_id="discard_document", responses=NOT_PARKED)
async def discard_document(
    document_id: str,
    caller: Writer,
    stores: StoresDep,
    parked: ParkedDep,
    project: ProjectName | None = None,
) -> ParkedAnswer:
    """Discard a parked document: it stays indexed without enrichment."""
    return await parked.discard(await find(stores, caller, document_id, project))


@router.get("/parked", operation_id="list_parked")
async def list_parked(
    caller: Reader,
    stores: StoresDep,
    query: ParkedQueryDep,
    project: ProjectName | None = None,
    after: Annotated[str | None, Query(description="`next` of the previous page.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> ParkedPage:
    """Documents whose runs wait for a retry or a discard, from Temporal's listing, which lags slightly, with
    their status in the graph."""
    page = await query.page(caller.scope(project), after, limit)
    found = await stores.graph.survey.standings([run.document_id for run in page.runs])
    return ParkedPage(
        parked=[ParkedDocument.of(run, found.get(run.document_id)) for run in page.runs], next=page.next
    )


@router.get("/dead-letters", operation_id="list_dead_letters")
async def list_dead_letters(
    caller: Reader,
    settings: SettingsDep,
    letters: LettersDep,
    wanted: Annotated[DeadLetterFilter, Depends()],
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
) -> DeadLetterList:
    """The current dead letters: of parked documents, and of unreadable messages."""
    projects = caller.scope(wanted.project)
    rows = await letters.rows(wanted, projects, caller.key_id)
    workflows = settings.workflows_url(query_of(projects, EnrichmentStatus.FAILED))
    return DeadLetterList(dead_letters=rows[:limit], total=len(rows), workflows=workflows)


@router.get(DEAD_LETTER, operation_id="get_dead_letter")
async def get_dead_letter(
    key: str, caller: Reader, settings: SettingsDep, letters: LettersDep
) -> StoredDeadLetter:
    """One dead letter in full; `key` is the document's id, or the key in the listing."""
    letter = await letters.get(key, caller.projects, caller.key_id)
    url = settings.workflow_url(letter.workflow_id) if letter.workflow_id else None
    return StoredDeadLetter(key=key, dead_letter=letter, workflow_url=url)


@router.post(f"{DEAD_LETTER}/discard", operation_id="discard_dead_letter", responses=NOT_PARKED)
async def discard_dead_letter(
    key: str, caller: Writer, letters: LettersDep, publisher: PublisherDep
) -> StoredDeadLetter:
    """Clear the dead letter of a message that never became a workflow; a document's letter is cleared by its
    run."""
    letter = await letters.get(key, caller.projects, caller.key_id)
    if letter.workflow_id is not None:
        raise NotParkedError(f"{key} is a document's dead letter: discard the document instead")
    await publisher.clear_dead_letter(key)
    return StoredDeadLetter(key=key, dead_letter=letter)
