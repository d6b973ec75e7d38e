"""In: the stores of an installation, and optionally a list of submissions. Out: what is present, lost, late
or drifts.

Reads page by page; only the list is kept in memory.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, Field, ValidationError

from archon.contracts.errors import InvalidInputError
from archon.contracts.operations.drift import Drift, Node
from archon.contracts.operations.reconcile import EXAMPLES, OLDER_THAN
from archon.contracts.types import WORKING, ContentHash, DocumentId, EnrichmentStatus, OpenModel
from archon.runtime.kafka.dead_letters import DeadLetterTopic
from archon.runtime.kafka.letter_table import LetterTable
from archon.runtime.reasons import wrong
from archon.runtime.settings import Settings
from archon.runtime.temporal import client as temporal
from archon.runtime.temporal.client import EnrichmentClient
from archon.runtime.temporal.parked import ParkedQuery
from archon.stores.content import ContentStore
from archon.stores.graph.census import AGES
from archon.stores.graph.store import GraphStore
from archon.stores.parked_survey import ParkedDriftPage, ParkedSurvey
from archon.stores.survey import DocumentsPage, PointsPage, Survey
from archon.stores.vectors.store import VectorStore

_PAGE: Final = 500
Page = TypeVar("Page", DocumentsPage, PointsPage, ParkedDriftPage)
_AGE_LIMITS: Final = dict(
    zip(AGES, (timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=6), timedelta.max), strict=True)
)


class Submitted(BaseModel):
    """The state of a list of submitted documents. `missing`: not in the graph, or deleted; `changed`: present
    with other content than the last submission."""

    documents: int
    missing: int = 0
    changed: int = 0
    missing_examples: list[str] = Field(default_factory=list)
    changed_examples: list[str] = Field(default_factory=list)


class Validation(BaseModel):
    """`indexed`: all documents that are not deleted; `enriched`: completed with their current content;
    `parked`: `failed` in the graph; `runs_parked`: runs that wait for a retry, by Temporal; `pending`:
    pending or processing, by age. `drift`: number of documents, points or dead letters, by kind;
    `letters_known`: whether the dead-letter topic could be read."""

    project: str | None = None
    indexed: int = 0
    enriched: int = 0
    skipped: int = 0
    discarded: int = 0
    parked: int = 0
    runs_parked: int = 0
    letters_known: bool = True
    pending: dict[str, int] = Field(default_factory=lambda: dict.fromkeys(AGES, 0))
    drift: dict[Drift, int] = Field(default_factory=dict)
    drift_examples: dict[Drift, list[str]] = Field(default_factory=dict)
    submitted: Submitted | None = None

    @property
    def well(self) -> bool:
        """Whether nothing is lost and nothing drifts, as far as the parts answered."""
        lost = self.submitted is not None and bool(self.submitted.missing or self.submitted.changed)
        return not lost and not self.drift and self.letters_known


class _Line(OpenModel):
    document_id: DocumentId
    content_hash: ContentHash


def read_submitted(file: Path) -> dict[str, str]:
    """The last content hash of each document in a JSON Lines file. Raises InvalidInputError with the line
    number, OSError."""
    found: dict[str, str] = {}
    with file.open("rb") as lines:
        for number, text in enumerate(lines, 1):
            if text.strip():
                line = _line(f"{file}:{number}", text)
                found[line.document_id] = line.content_hash
    if not found:
        raise InvalidInputError(str(file), "lists no document")
    return found


def _line(place: str, text: bytes) -> _Line:
    try:
        found = json.loads(text)
        if not isinstance(found, dict):
            raise InvalidInputError(place, "is not a JSON object")
        return _Line.model_validate(found)
    except ValidationError as error:
        reasons = (f"{'.'.join(map(str, each['loc']))} {wrong(each)}".strip() for each in error.errors())
        raise InvalidInputError(place, "; ".join(reasons)) from error
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(place, "is not a JSON object") from error


async def validate(
    settings: Settings,
    *,
    project: str | None = None,
    submitted: Mapping[str, str] | None = None,
    older_than: float = OLDER_THAN,
    seen: Callable[[int], None] = lambda _: None,
) -> Validation:
    """Compares graph, vectors, content store, Temporal and dead letters. Writes nothing.

    `submitted`: the last submitted content hash by document id; `older_than`: seconds that a document may
    wait without a run; `seen` is called with the number of documents or points checked so far.

    Raises StoreError, WorkflowUnavailableError.
    """
    async with AsyncExitStack() as opened:
        graph = await opened.enter_async_context(GraphStore.connect(settings))
        vectors = await opened.enter_async_context(VectorStore.connect(settings))
        client = await temporal.connect(settings)
        runs = EnrichmentClient(client)
        survey = Survey(graph.survey, vectors.surveyed, ContentStore.open(settings), runs)
        letters = LetterTable(DeadLetterTopic(settings))
        parked = ParkedSurvey(graph.survey, ParkedQuery(client), runs, letters)
        validating = _Validating(survey, parked, project, submitted, seen)
        await validating.documents(older_than)
        await validating.points()
        await validating.parked()
        await validating.missing()
        return validating.found


class _Validating:
    """The state of one validation. `_left`: submissions not found yet."""

    def __init__(
        self,
        survey: Survey,
        parked: ParkedSurvey,
        project: str | None,
        submitted: Mapping[str, str] | None,
        seen: Callable[[int], None],
    ) -> None:
        self._survey = survey
        self._parked = parked
        self._of = (_PAGE, project)
        self._seen = seen
        self._left = dict(submitted or {})
        self.found = Validation(project=project)
        self._submitted = Submitted(documents=len(self._left))
        if submitted is not None:
            self.found.submitted = self._submitted

    async def documents(self, older_than: float) -> None:
        async for page in self._pages(lambda after: self._survey.documents(after, *self._of, older_than)):
            for document_id, node in page.nodes.items():
                self._document(document_id, node)

    async def points(self) -> None:
        async for _ in self._pages(lambda after: self._survey.points(after, *self._of)):
            pass

    async def parked(self) -> None:
        async for runs in self._pages(lambda after: self._parked.runs(after, *self._of)):
            self.found.runs_parked += runs.checked
        async for letters in self._pages(lambda after: self._parked.letters(after, *self._of)):
            self.found.letters_known = letters.letters_known

    async def _pages(self, read: Callable[[str | None], Awaitable[Page]]) -> AsyncIterator[Page]:
        after = None
        while True:
            page = await read(after)
            self._drift(page)
            yield page
            if page.next is None:
                return
            after = page.next

    async def missing(self) -> None:
        """Looks up submissions that the pages did not contain: of another project, written meanwhile, or
        missing."""
        ids = iter(list(self._left))
        while chunk := list(islice(ids, _PAGE)):
            standings = await self._survey.standings(chunk)
            for document_id in chunk:
                standing = standings.get(document_id)
                if standing is None or standing.deleted:
                    self._submitted.missing += 1
                    _example(self._submitted.missing_examples, document_id)
                else:
                    self._met(document_id, standing.content_hash)

    def _document(self, document_id: str, node: Node | None) -> None:
        self.found.indexed += 1
        if node is None:
            return
        self._met(document_id, node.content_hash)
        match node.status:
            case EnrichmentStatus.COMPLETED:
                self.found.enriched += node.enrichment_content_hash == node.content_hash
            case EnrichmentStatus.FAILED:
                self.found.parked += 1
            case EnrichmentStatus.SKIPPED:
                self.found.skipped += 1
            case EnrichmentStatus.DISCARDED:
                self.found.discarded += 1
            case status if status in WORKING:
                self.found.pending[_age(node)] += 1

    def _met(self, document_id: str, content_hash: str | None) -> None:
        wanted = self._left.pop(document_id, None)
        if wanted is not None and wanted != content_hash:
            self._submitted.changed += 1
            _example(self._submitted.changed_examples, document_id)

    def _drift(self, page: DocumentsPage | PointsPage | ParkedDriftPage) -> None:
        self._seen(page.checked)
        counts = Counter(kind for each in page.drifting for kind in each.kinds)
        self.found.drift = dict(Counter(self.found.drift) + counts)
        for each in page.drifting:
            for kind in each.kinds:
                _example(self.found.drift_examples.setdefault(kind, []), each.document_id)


def _age(node: Node) -> str:
    age = datetime.now(UTC) - node.indexed_at
    return next(name for name, limit in _AGE_LIMITS.items() if age < limit)


def _example(examples: list[str], document_id: str) -> None:
    if len(examples) < EXAMPLES:
        examples.append(document_id)
