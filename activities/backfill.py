"""In: pages of documents without enrichment. Out: low-priority requests for them on Kafka, and counts.

A page may be repeated after a failure: its requests keep their ids, so the runs recognise them.
"""

import asyncio
from typing import Final
from uuid import UUID, uuid5

from temporalio import activity

from activities.failures import as_application_errors
from activities.heartbeat import heartbeating, unbroken
from activities.ports import BackfillContent, Backlog, RequestPublisher, UnenrichedDocuments
from archon.contracts.errors import ContentMissingError
from archon.contracts.events import EnrichmentRequest
from archon.contracts.operations.backfill import (
    LISTED,
    Candidate,
    Criteria,
    ForgetInput,
    Listed,
    PageInput,
    PageResult,
    Position,
    Reason,
    UnenrichedCount,
    chunk_name,
)
from archon.contracts.types import EnrichmentType, Priority

UNKNOWN: Final = "there is no such document"
WITHOUT_TEXT: Final = "its text is in no store"
OLDER: Final = "it is of the older shape, and must be indexed from its source"
_PATH_CHARACTERS: Final = 300


class BackfillActivities:
    def __init__(
        self,
        unenriched: UnenrichedDocuments,
        content: BackfillContent,
        publisher: RequestPublisher,
        backlog: Backlog,
    ) -> None:
        self._unenriched = unenriched
        self._content = content
        self._publisher = publisher
        self._backlog = backlog

    @activity.defn(name="count_unenriched")
    @unbroken
    async def count(self, criteria: Criteria) -> UnenrichedCount:
        return await self._unenriched.count(criteria)

    @activity.defn(name="pipeline_backlog")
    async def backlog(self) -> int:
        """Number of unfinished enrichments, including those of other clients."""
        with as_application_errors():
            async with heartbeating():
                return await self._backlog.open()

    @activity.defn(name="request_page")
    @unbroken
    async def request_page(self, given: PageInput) -> PageResult:
        """Requests the enrichment of the next documents, as far as their text is stored."""
        candidates, page = await self._find(given)
        texts = await asyncio.gather(*(self._has_text(each) for each in candidates))
        requests = []
        for candidate, has_text in zip(candidates, texts, strict=True):
            if candidate.reason is Reason.OLDER_SHAPE:
                page.older_shape += 1
                _list(page, candidate, candidate.problem or OLDER)
            elif candidate.request is None:
                page.unusable += 1
                _list(page, candidate, candidate.problem or "")
            elif not has_text:
                page.without_text += 1
                _list(page, candidate, WITHOUT_TEXT)
            else:
                requests.append(_request(candidate, candidate.request, given.backfill_id))
        if not given.dry_run:
            await self._publish(requests)
        page.requested = len(requests)
        return page

    @activity.defn(name="forget_list")
    @unbroken
    async def forget_list(self, forget: ForgetInput) -> None:
        """Removes the list of a finished backfill."""
        for number in range(forget.chunks):
            await self._content.delete_list(chunk_name(forget.backfill_id, number))

    async def _find(self, given: PageInput) -> tuple[list[Candidate], PageResult]:
        if given.chunks is not None:
            return await self._find_listed(given, given.chunks)
        found = await self._unenriched.page(given.criteria, given.position.after, given.limit)
        following = None if found.next is None else Position(after=found.next)
        return found.candidates, PageResult(examined=len(found.candidates), next=following)

    async def _find_listed(self, given: PageInput, chunks: int) -> tuple[list[Candidate], PageResult]:
        at = given.position
        name = chunk_name(given.backfill_id, at.chunk)
        ids = await self._content.get_list(name)
        if ids is None:
            raise ContentMissingError(f"the list {name} is not in the content store")
        end = at.offset + given.limit
        wanted = ids[at.offset : end]
        candidates = await self._unenriched.among(given.criteria, wanted)
        following: Position | None = Position(chunk=at.chunk, offset=end)
        if end >= len(ids):
            following = Position(chunk=at.chunk + 1) if at.chunk + 1 < chunks else None
        page = PageResult(examined=len(wanted), next=following)
        unknown = await self._unenriched.unknown(wanted)
        page.unknown = len(unknown)
        page.listed = [_listed(each, UNKNOWN) for each in unknown[:LISTED]]
        page.settled = len(wanted) - len(candidates) - len(unknown)
        return candidates, page

    async def _has_text(self, candidate: Candidate) -> bool:
        return candidate.request is not None and await self._content.has_text(candidate.request.content_hash)

    async def _publish(self, requests: list[EnrichmentRequest]) -> None:
        """Publishes all concurrently; raises the first error after all have been answered."""
        publishing = (self._publisher.request(each) for each in requests)
        for outcome in await asyncio.gather(*publishing, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome


def _request(candidate: Candidate, request: EnrichmentRequest, backfill_id: str) -> EnrichmentRequest:
    about = f"backfill\0{request.document_id}\0{request.document_version}"
    return request.model_copy(
        update={
            "correlation_id": str(uuid5(UUID(backfill_id), about)).upper(),
            "enrichment_type": EnrichmentType.FULL,
            "priority": Priority.LOW,
            # Without it, documents that are already enriched stay unchanged.
            "force": candidate.reason is Reason.OLDER_ANALYSER,
        }
    )


def _list(page: PageResult, candidate: Candidate, why: str) -> None:
    if len(page.listed) < LISTED:
        path = candidate.file_path[:_PATH_CHARACTERS] if candidate.file_path else None
        page.listed.append(_listed(candidate.document_id, why, candidate.project_name, path))


def _listed(document_id: str, why: str, project: str | None = None, path: str | None = None) -> Listed:
    return Listed(document_id=document_id, project_name=project, file_path=path, why=why)
