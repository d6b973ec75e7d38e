"""The demo's searches and question about this repository have the right answers, with the product's own
analyses."""

from uuid import uuid4

import pytest

from archon.cli.demo import CHANGED, OWN_TREE, SEARCHES
from archon.cli.files.walk import Walk
from archon.contracts.code.answers import Freshness
from archon.contracts.identity import content_hash, document_id, document_type_of, language_of
from archon.contracts.text.chunks import searchable
from archon.contracts.types import EnrichmentStatus, EnrichmentType
from archon.references.port import ChangedDocument, Changes
from archon.references.service import References
from archon.runtime.settings import Settings
from archon.stores.vectors.search import Query, Wanted
from archon.stores.vectors.store import VectorStore
from intelligence.analysis.analyser import analyse
from intelligence.embedding import terms
from intelligence.embedding import vectors as embedding
from tests import factories
from tests.stacks import TestServers

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
            query = Query(embedding.embed_queries([text])[0], terms.of_query(text), text)
            first, *_ = await vectors.search.nearest(query, Wanted([project]), 3)
            assert (first.payload["file_path"], first.payload["symbol"]) == FOUND[text]


class OwnCode:
    """This repository's code maps, given at once."""

    def __init__(self) -> None:
        self._found = [_changed(file.path, file.text) for file in Walk(OWN_TREE)]

    async def changes(self, project: str, since: str | None) -> Changes:
        fresh = Freshness(documents=len(self._found), waiting=0, unanalysed=0)
        return Changes([] if since else self._found, [], "1", fresh)


def _changed(path: str, text: str) -> ChangedDocument:
    found = analyse(text, language_of(path), EnrichmentType.FULL)
    own, _ = document_id("p", None, path)
    return ChangedDocument(own, path, language_of(path), content_hash(text), found.code_map)


@pytest.mark.full
async def test_the_demos_question_finds_what_depends_on_a_change_of_this_repository() -> None:
    async with References(OwnCode()) as references:
        found = await references.impact("p", symbols=[CHANGED])
    (changed,) = found.changed
    assert changed.tested
    names = {each.symbol.qualified_name for each in found.relations if each.symbol is not None}
    assert {"AccessMiddleware._caller", "AccessMiddleware.__call__"} <= names
    assert {each.file_path for each in found.tests} >= {"tests/unit/test_access.py"}


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
