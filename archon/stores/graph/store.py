"""In: documents, claims and analyses. Out: the graph, which assigns versions and fences late writers.

Every write transaction first locks the document's node, so writers of one document form a queue.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final
from uuid import uuid4

from neo4j import AsyncManagedTransaction

from archon.contracts.analysis import ROWS_AT_ONCE, AnalysisResult
from archon.contracts.documents import Document, Indexed
from archon.contracts.errors import (
    InvalidInputError,
    NotFoundError,
    ProjectConflictError,
    StoreRejectedError,
)
from archon.contracts.events import EnrichmentRequest
from archon.contracts.types import HIGHEST_VERSION, EnrichmentStatus, EnrichmentType, Priority, Projects
from archon.contracts.views import DocumentPage, DocumentRow, Preview, StoredDocument
from archon.contracts.workflow import Claim, Step
from archon.runtime.flow.at_work import NOBODY, Count
from archon.runtime.flow.grouping import SHORT_LINGER, Grouped
from archon.runtime.settings import Settings
from archon.stores.bolt.session import Bolt, Row, run
from archon.stores.changes.code_maps import CodeMaps
from archon.stores.graph import claims, nodes, older_shape
from archon.stores.graph.census import Census
from archon.stores.graph.deletions import Deletions
from archon.stores.graph.differences import write_differences
from archon.stores.graph.outbox import Outbox
from archon.stores.graph.survey import GraphSurvey
from archon.stores.graph.unenriched import Unenriched
from archon.stores.graph.writes import EnrichmentWrite, fence, set_properties

WARM_CONNECTIONS: Final = 8
WARM_ROUNDS: Final = 5
LANES: Final = 2
"""Concurrent transactions for indexing, and for claims: a transaction that waits for a lock must not block
all others."""
ENRICHMENT_WRITERS: Final = 1
"""Concurrent transactions of a process that write enrichments."""
EVENTS_REMEMBERED: Final = 50
"""Number of superseded runs' events that a node remembers."""


class GraphStore:
    """Documents, their entities and modules. Raises StoreError."""

    def __init__(self, bolt: Bolt, at_work: Count = NOBODY) -> None:
        self._bolt = bolt
        self.census = Census(bolt)
        self.outbox = Outbox(bolt)
        self.deletions = Deletions(bolt)
        self.survey = GraphSurvey(bolt)
        self.unenriched = Unenriched(bolt)
        self.code_maps = CodeMaps(bolt)
        self._indexed: Grouped[older_shape.Item, Row] = Grouped(
            self._in_one(older_shape.indexed),
            key=lambda each: each[0].entity_id,
            tenant=lambda each: each[0].project_name,
            lanes=LANES,
            at_work=at_work,
            linger=SHORT_LINGER,
        )
        self._claims: Grouped[claims.Item, Claim] = Grouped(
            self._in_one(claims.claim),
            key=lambda each: each[0].document_id,
            tenant=lambda each: each[0].project_name,
            lanes=LANES,
            at_work=at_work,
        )
        # Documents of a project share imported modules; many concurrent writers would conflict there.
        self._enrichments: Grouped[EnrichmentWrite, bool | None] = Grouped(
            self._in_one(write_differences),
            key=lambda each: each.document_id,
            tenant=lambda each: each.step.request.project_name,
            lanes=ENRICHMENT_WRITERS,
            weight=lambda each: each.rows,
            limit=ROWS_AT_ONCE,
            at_work=at_work,
        )
        self._large = asyncio.Semaphore(ENRICHMENT_WRITERS)

    def _in_one(
        self, work: Callable[[Sequence[Any], AsyncManagedTransaction], Awaitable[Sequence[Any]]]
    ) -> Callable[[Sequence[Any]], Awaitable[Sequence[Any]]]:
        """Runs `work` for several items in one write transaction."""
        return lambda items: self._bolt.write(partial(work, items))

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, settings: Settings, at_work: Count = NOBODY) -> AsyncIterator["GraphStore"]:
        """Connects at the first statement; ensure_schema creates the schema. `at_work`: see Grouped."""
        async with Bolt.connect(settings) as bolt:
            yield cls(bolt, at_work)

    async def ensure_schema(self) -> None:
        await self._bolt.ensure_schema()

    async def warm(self) -> None:
        """Logs in and compiles the indexing statement before the first requests."""
        nothing: dict[str, Any] = {"described": {}, "content": {}, "outbox": {}, "wanted": False}
        same = {**nothing, "project_name": "", "content_hash": "", "lock": "", "changed_key": ""}
        for _ in range(WARM_ROUNDS):
            each = [{"rows": [{**same, "id": str(uuid4())}], "ended": []} for _ in range(WARM_CONNECTIONS)]
            await self._bolt.rehearse("index", each)

    async def ping(self) -> str:
        """The server's name and version."""
        return await self._bolt.ping()

    async def index(
        self,
        document: Document,
        correlation_id: str,
        *,
        priority: Priority = Priority.NORMAL,
        enrichment_type: EnrichmentType = EnrichmentType.FULL,
        status: EnrichmentStatus = EnrichmentStatus.PENDING,
    ) -> Indexed:
        """Creates or updates a node; its version rises with its content. Raises ProjectConflictError;
        StoreRejectedError if the version is at its maximum.

        The node of a document to enrich has an outbox mark until its request is acknowledged.
        """
        row = {
            "id": document.entity_id,
            "project_name": document.project_name,
            "content_hash": document.content_hash,
            "lock": str(uuid4()),
            "described": nodes.described(document),
            "content": nodes.content(document, status),
            "wanted": status is EnrichmentStatus.PENDING,
            "outbox": nodes.outbox(correlation_id, priority, enrichment_type),
        }
        with self._bolt.grouped():
            found = await self._indexed.ask((document, row))
        if not found["mine"]:
            raise ProjectConflictError(document.entity_id)
        if found["version"] > HIGHEST_VERSION:
            raise StoreRejectedError("graph", f"{document.entity_id} has no version left: {found['version']}")
        return Indexed(
            version=found["version"],
            status=found["status"],
            changed=found["changed"],
            former=found["former"],
        )

    async def former_contents(self, document_id: str) -> list[str]:
        """Hashes of its earlier contents, without the current one, the oldest first."""
        rows = await self._bolt.rows("former_contents", id=document_id)
        return list(rows[0]["hashes"]) if rows else []

    async def forget_contents(self, document_id: str, hashes: Sequence[str]) -> None:
        """Removes contents that are deleted from the document's earlier contents."""
        parameters = {"id": document_id, "hashes": list(hashes), "lock": str(uuid4())}

        async def work(transaction: AsyncManagedTransaction) -> None:
            await run(transaction, "forget_contents", **parameters)

        await self._bolt.write(work)

    async def claim(self, request: EnrichmentRequest, workflow_id: str) -> Claim:
        """Decides under the node's lock; see claims.decide, also for the errors."""
        with self._bolt.grouped():
            return await self._claims.ask((request, workflow_id))

    async def write_enrichment(self, step: Step, result: AnalysisResult) -> bool:
        """Writes the parts of the enrichment type; False if the version is past. Repeatable.

        Up to 500 changed rows are written in one transaction, shared with other waiting enrichments. Larger
        changes need several transactions, each fenced, the last one sets the status; so does a large analysis
        that is not incremental, as a whole.
        """
        write = EnrichmentWrite.of(step, result)
        if write.rows <= ROWS_AT_ONCE or step.request.enrichment_type is EnrichmentType.INCREMENTAL:
            with self._bolt.grouped():
                applied = await self._enrichments.ask(write)
            if applied is not None:
                return applied
        async with self._large:
            for work in write.parts():
                if not await self._bolt.write(work):
                    return False
        return True

    async def set_status(self, step: Step, status: EnrichmentStatus) -> bool:
        """False if the version is past, or the document is already enriched."""

        async def work(transaction: AsyncManagedTransaction) -> bool:
            current = (await fence(transaction, step)).get(step.request.document_id)
            if current is None or current["status"] == EnrichmentStatus.COMPLETED:
                return False
            await set_properties(transaction, {step.request.document_id: nodes.marked(step, status)})
            return True

        return bool(await self._bolt.write(work))

    async def set_dead_lettered(self, step: Step, *, standing: bool) -> bool:
        """Records whether the document has a dead letter; False, without a write, if the version is past."""

        async def work(transaction: AsyncManagedTransaction) -> bool:
            if not await fence(transaction, step):
                return False
            await set_properties(transaction, {step.request.document_id: {"dead_lettered": standing}})
            return True

        return bool(await self._bolt.write(work))

    async def is_current(self, step: Step) -> bool:
        """Whether the step's version and content are current; True if there is no document."""
        rows = await self._bolt.rows("current", id=step.request.document_id)
        if not rows or rows[0]["version"] < step.version:
            return True
        same = rows[0]["content_hash"] == step.request.content_hash and rows[0]["status"] != "deleted"
        return bool(rows[0]["version"] == step.version and same)

    async def first_to_tell(self, document_id: str, event_id: str, teller: str) -> bool:
        """Reserves this event of the document for `teller`; False if another one has reserved it."""

        async def work(transaction: AsyncManagedTransaction) -> bool:
            rows = await run(transaction, "event_tellers", id=document_id, lock=str(uuid4()))
            entries: list[str] = rows[0]["tellers"] if rows else []
            tellers = dict(entry.split(" ") for entry in entries)
            if rows and event_id not in tellers:
                properties = {"told": [*entries, f"{event_id} {teller}"][-EVENTS_REMEMBERED:]}
                await set_properties(transaction, {document_id: properties})
            return tellers.get(event_id, teller) == teller

        return bool(await self._bolt.write(work))

    async def get(self, document_id: str, projects: Projects = None) -> StoredDocument:
        """Raises NotFoundError, also for a document of another project; StoreRejectedError for a damaged
        node."""
        found = await self._bolt.rows("get_document", id=document_id, projects=projects)
        if not found or not found[0]["document"].get("content_hash"):
            raise NotFoundError(f"there is no document {document_id}")
        entities = await self._bolt.rows("get_entities", id=document_id)
        modules = await self._bolt.rows("get_modules", id=document_id)
        imports = await self._bolt.rows("get_imports", id=document_id)
        importers = await self._bolt.rows("get_importers", id=document_id)
        try:
            return nodes.stored_document(
                found[0]["document"],
                [row["entity"] for row in entities],
                modules=[row["name"] for row in modules],
                imports=imports,
                imported_by=importers,
            )
        except (ValueError, KeyError) as error:
            raise StoreRejectedError("graph", f"the node of {document_id} cannot be read: {error}") from error

    async def request(self, document_id: str, correlation_id: str) -> EnrichmentRequest:
        """The request that enriches the current content, as originally posted. Raises as `get` does."""
        found = await self._bolt.rows("get_document", id=document_id, projects=None)
        if not found:
            raise NotFoundError(f"there is no document {document_id}")
        try:
            return nodes.request_of(found[0]["document"], correlation_id)
        except (ValueError, KeyError) as error:
            raise StoreRejectedError("graph", f"the node of {document_id} cannot be read: {error}") from error

    async def get_by_external_id(self, external_id: str, projects: Projects) -> StoredDocument:
        """The document with a client's own id. Raises NotFoundError; InvalidInputError if several projects
        have one."""
        found = await self._bolt.rows("get_by_external_id", external_id=external_id, projects=projects)
        if not found:
            raise NotFoundError(f"there is no document {external_id}")
        if len(found) > 1:
            raise InvalidInputError(
                "project", f"needed, because several projects have a document {external_id}"
            )
        return await self.get(found[0]["id"])

    async def previews(self, document_ids: Sequence[str], projects: Projects) -> Mapping[str, Preview]:
        """Data for a listing of hits, by document id."""
        rows = await self._bolt.rows("get_previews", ids=list(document_ids), projects=projects)
        return {preview.id: preview for preview in nodes.readable(Preview, rows)}

    async def entity_texts(self, ids: Sequence[str]) -> Mapping[str, tuple[str | None, str | None]]:
        """Signature and documentation of entities, by id."""
        rows = await self._bolt.rows("entity_texts", ids=list(ids))
        return {row["id"]: (row["signature"], row["documentation"]) for row in rows}

    async def documents(
        self, *, projects: Projects, status: str | None, after: str | None, limit: int
    ) -> DocumentPage:
        """A page of documents with ids after `after`; omits unreadable ones."""
        rows = await self._bolt.rows(
            "list_documents", projects=projects, status=status, after=after or "", limit=limit
        )
        return DocumentPage(
            documents=nodes.readable(DocumentRow, rows),
            next=rows[-1]["document_id"] if len(rows) == limit else None,
        )
