"""In: pages of documents without enrichment. Out: low-priority requests for them on Kafka, and counts.

A page may be taken again after a failure: its requests bear the ids they had, so the runs know them.
"""

import asyncio
from typing import Final
from uuid import UUID, uuid5

from temporalio import activity

from activities.failures import told_to_temporal
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
OLDER: Final = "it is of the older shape, and has to be indexed from its source"
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
        """Enrichments that are not finished, whoever has asked for them."""
        with told_to_temporal():
            async with heartbeating():
                return await self._backlog.open()

    @activity.defn(name="request_page")
    @unbroken
    async def request_page(self, asked: PageInput) -> PageResult:
        """Request the enrichment of the next documents, of which we have the text."""
        candidates, page = await self._find(asked)
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
                requests.append(_request(candidate, candidate.request, asked.backfill_id))
        if not asked.dry_run:
            await self._publish(requests)
        page.requested = len(requests)
        return page

    @activity.defn(name="forget_list")
    @unbroken
    async def forget_list(self, forget: ForgetInput) -> None:
        """The list that a backfill was given is of no use after it."""
        for number in range(forget.chunks):
            await self._content.delete_list(chunk_name(forget.backfill_id, number))

    async def _find(self, asked: PageInput) -> tuple[list[Candidate], PageResult]:
        if asked.chunks is not None:
            return await self._find_listed(asked, asked.chunks)
        found = await self._unenriched.page(asked.criteria, asked.position.after, asked.limit)
        following = None if found.next is None else Position(after=found.next)
        return found.candidates, PageResult(examined=len(found.candidates), next=following)

    async def _find_listed(self, asked: PageInput, chunks: int) -> tuple[list[Candidate], PageResult]:
        at = asked.position
        name = chunk_name(asked.backfill_id, at.chunk)
        ids = await self._content.get_list(name)
        if ids is None:
            raise ContentMissingError(f"the list {name} is not in the content store")
        end = at.offset + asked.limit
        wanted = ids[at.offset : end]
        candidates = await self._unenriched.among(asked.criteria, wanted)
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
        """All at once; raises the first error when each has had its answer."""
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
            # What is enriched already is left alone without it.
            "force": candidate.reason is Reason.OLDER_ANALYSER,
        }
    )


def _list(page: PageResult, candidate: Candidate, why: str) -> None:
    if len(page.listed) < LISTED:
        path = candidate.file_path[:_PATH_CHARACTERS] if candidate.file_path else None
        page.listed.append(_listed(candidate.document_id, why, candidate.project_name, path))


def _listed(document_id: str, why: str, project: str | None = None, path: str | None = None) -> Listed:
    return Listed(document_id=document_id, project_name=project, file_path=path, why=why)
