"""A document that has changed often: its oldest contents are removed before it forgets them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.testing import ActivityEnvironment

from activities.enrichment import EnrichmentActivities
from activities.progress import Progress
from archon.contracts import identity
from archon.contracts.documents import Document
from archon.contracts.workflow import ClaimInput, RetrySettings
from archon.runtime.contents import KEPT_FORMER as KEPT
from archon.runtime.contents import MOST_FORMER as MOST
from archon.runtime.contents import Contents, FormerContents
from archon.runtime.settings import Settings
from archon.stores.content import ContentStore
from archon.stores.graph.store import GraphStore
from tests import factories

pytestmark = pytest.mark.threat


@pytest.fixture
def content(settings: Settings) -> ContentStore:
    return ContentStore.open(settings)


@pytest.fixture
def document(project: str) -> Document:
    return factories.document(project)


def texts(project: str, count: int) -> list[str]:
    return [f"{number} of {project}" for number in range(count)]


async def revise(graph: GraphStore, content: ContentStore, document: Document, count: int) -> None:
    """Indexes as many texts one after the other, like the bridge."""
    former = FormerContents(graph, Contents(graph.deletions, content))
    for text in texts(document.project_name, count):
        content_hash = identity.content_hash(text)
        await content.put_text(content_hash, text)
        indexed = await graph.index(document.model_copy(update={"content_hash": content_hash}), str(uuid4()))
        await former.limit(document.entity_id, indexed.former)


async def test_the_oldest_contents_are_removed_and_forgotten(
    graph: GraphStore, content: ContentStore, document: Document
) -> None:
    await revise(graph, content, document, MOST + 3)
    *former, present = [identity.content_hash(text) for text in texts(document.project_name, MOST + 3)]
    # One above the limit reduced it to KEPT; then one more came.
    gone, kept = former[: -KEPT - 1], former[-KEPT - 1 :]
    assert await graph.former_contents(document.entity_id) == kept
    assert [await content.has_text(each) for each in gone] == [False] * len(gone)
    assert [await content.has_text(each) for each in [*kept, present]] == [True] * (KEPT + 2)


async def test_a_content_that_another_document_has_stays(
    graph: GraphStore, content: ContentStore, document: Document, project: str
) -> None:
    shared = texts(project, 1)[0]
    await graph.index(factories.document(f"{project}-2", shared), str(uuid4()))
    await revise(graph, content, document, MOST + 2)
    content_hash = identity.content_hash(shared)
    assert content_hash not in await graph.former_contents(document.entity_id)
    assert await content.get_text(content_hash) == shared


async def test_few_are_kept_as_they_are(
    graph: GraphStore, content: ContentStore, document: Document, project: str
) -> None:
    await revise(graph, content, document, 3)
    former = [identity.content_hash(text) for text in texts(project, 2)]
    assert await graph.former_contents(document.entity_id) == former


async def test_so_are_those_of_a_producer_that_bypasses_the_bridge(
    graph: GraphStore, content: ContentStore, project: str
) -> None:
    unused: Any = None
    activities = EnrichmentActivities(
        graph, graph.deletions, unused, unused, content, progress=Progress(unused), retry=RetrySettings()
    )
    document_id, began = str(uuid4()), datetime.now(UTC)
    hashes = []
    for number, text in enumerate(texts(project, MOST + 3)):
        request = factories.request(
            project, text, document_id=document_id, indexed_at=began + timedelta(seconds=number)
        )
        await content.put_text(request.content_hash, text)
        hashes.append(request.content_hash)
        claim = ClaimInput(request=request, workflow_id=f"{document_id}-{number}")
        await ActivityEnvironment().run(activities.claim, claim)
    assert await graph.former_contents(document_id) == hashes[-KEPT - 2 : -1]
    assert not await content.has_text(hashes[0])
    assert await content.has_text(hashes[-1])
