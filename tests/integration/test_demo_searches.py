"""The demo's searches of this repository find the right lines, with the product's own chunks and queries."""

from uuid import uuid4

import pytest

from archon.cli.demo import OWN_TREE, SEARCHES
from archon.cli.files.walk import Walk
from archon.contracts.identity import content_hash, document_id, document_type_of, language_of
from archon.contracts.text.chunks import searchable
from archon.contracts.types import EnrichmentStatus, EnrichmentType
from archon.runtime.settings import Settings
from archon.stores.vectors.search import Query, Wanted
from archon.stores.vectors.store import VectorStore
from intelligence.analysis.analyser import analyse
from intelligence.embedding import terms
from intelligence.embedding import vectors as embedding
from tests import factories
from tests.conftest import TestServers

FOUND = {
    "wait until a process is ready": ("archon/devstack/process.py", "ChildProcess._wait_until_ready"),
    "how to rotate api keys": ("docs/operations.md", "Operations > Rotate keys"),
    "delete points that late writers have brought back": (
        "activities/deletion.py",
        "DeletionActivities.sweep_points",
    ),
}


@pytest.mark.full
async def test_the_demos_searches_find_the_right_lines_of_this_repository(
    servers: TestServers, settings: Settings
) -> None:
    await servers.start("vectors")
    project = f"demo-{uuid4().hex[:8]}"
    async with VectorStore.connect(settings) as vectors:
        await vectors.ensure_collections()
        for file in Walk(OWN_TREE):
            await _index(vectors, project, file.path, file.text)
        for text in SEARCHES:
            query = Query(embedding.embed([text])[0], terms.of_query(text), text)
            first, *_ = await vectors.search.nearest(query, Wanted([project]), 3)
            assert (first.payload["file_path"], first.payload["symbol"]) == FOUND[text]


async def _index(vectors: VectorStore, project: str, path: str, text: str) -> None:
    language = language_of(path)
    found = analyse(text, language, EnrichmentType.FULL)
    request = factories.request(
        project,
        document_id=document_id(project, None, path)[0],
        content_hash=content_hash(text),
        file_path=path,
        language=language,
        document_type=document_type_of(path, language),
    )
    step = factories.step(request)
    assert await vectors.write(step, EnrichmentStatus.COMPLETED, found.embedding, searchable(found))
