"""Code maps on a real graph: who follows a project learns of every change and every deletion, once."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from archon.contracts.code.packing import pack
from archon.contracts.code.references import CodeMap, Declaration
from archon.contracts.documents import Document
from archon.contracts.errors import InvalidInputError
from archon.contracts.operations.deletion import DeletionScope
from archon.contracts.types import EnrichmentType
from archon.references.port import ChangedDocument, Changes
from archon.runtime.settings import Settings
from archon.stores.bolt.session import Bolt
from archon.stores.changes.code_maps import CodeMaps
from archon.stores.graph.store import GraphStore
from tests import factories, stores


def code(name: str) -> CodeMap:
    return CodeMap([Declaration("function", name, name, 0, 1, 1, -1, None, name)], [], [], [])


async def enrich(
    graph: GraphStore, document: Document, name: str | None, kind: EnrichmentType = EnrichmentType.FULL
) -> None:
    indexed = await graph.index(document, str(uuid4()))
    request = factories.request_of(document, indexed.version, enrichment_type=kind)
    step = factories.step(request, indexed.version)
    await graph.claim(step.request, step.workflow_id)
    packed = pack(code(name)) if name is not None else None
    assert await graph.write_enrichment(step, factories.analysis(code_map=packed))


async def delete(
    graph: GraphStore, project: str, document_id: str | None = None, *, strip: bool = True
) -> None:
    scope = DeletionScope(project_name=project, document_id=document_id, requested_at=datetime.now(UTC))
    await graph.deletions.mark(scope, 100)
    tombstones = await graph.deletions.marked(scope, 100)
    if strip:
        await graph.deletions.unlink(tombstones)
        await graph.deletions.strip(tombstones)


class Following:
    """One who follows a project from its beginning."""

    def __init__(self, maps: CodeMaps, project: str) -> None:
        self._maps, self._project = maps, project
        self.cursor: str | None = None
        self.last: Changes | None = None

    async def news(self) -> dict[str, ChangedDocument | None]:
        """What changed since the last time, by id; None for what is gone."""
        found: dict[str, ChangedDocument | None] = {}
        while True:
            self.last = await self._maps.changes(self._project, self.cursor)
            self.cursor = self.last.cursor
            found |= {each.document_id: each for each in self.last.documents}
            found |= dict.fromkeys(self.last.gone)
            if not self.last.more:
                return found

    def counted(self) -> Sequence[int]:
        assert self.last is not None
        fresh = self.last.freshness
        return fresh.documents, fresh.waiting, fresh.unanalysed


@pytest.fixture
async def following(graph: GraphStore, project: str) -> Following:
    return Following(graph.code_maps, project)


async def test_each_change_is_given_once(graph: GraphStore, following: Following, project: str):
    document: Document = factories.document(project)
    assert await following.news() == {}
    await graph.index(document, str(uuid4()))
    ((changed),) = (await following.news()).values()
    assert changed is not None and changed.code_map is None and changed.content_hash == document.content_hash
    assert following.counted() == (1, 0, 1)
    assert await following.news() == {}
    await enrich(graph, document, "f")
    ((changed),) = (await following.news()).values()
    assert changed is not None and changed.code_map == pack(code("f"))
    assert (changed.file_path, changed.language) == ("src/a.py", "python")
    assert following.counted() == (1, 0, 0)
    assert await following.news() == {}


@pytest.mark.parametrize("kind", [EnrichmentType.INCREMENTAL, EnrichmentType.ENTITIES_ONLY])
async def test_every_type_with_entities_writes_the_map(
    graph: GraphStore, following: Following, project: str, kind: EnrichmentType
):
    await enrich(graph, factories.document(project), "f", kind)
    ((changed),) = (await following.news()).values()
    assert changed is not None and changed.code_map == pack(code("f"))


async def test_an_assessment_leaves_the_map(graph: GraphStore, following: Following, project: str):
    document = factories.document(project)
    await enrich(graph, document, "f")
    await following.news()
    request = factories.request_of(document, 1, enrichment_type=EnrichmentType.QUALITY_ONLY)
    assert await graph.write_enrichment(factories.step(request, 1), factories.analysis())
    assert await following.news() == {}


async def test_new_content_waits_with_the_former_map(graph: GraphStore, following: Following, project: str):
    document = factories.document(project)
    await enrich(graph, document, "f")
    newer = factories.document(project, "y = 2\n", entity_id=document.entity_id)
    await graph.index(newer, str(uuid4()))
    ((changed),) = (await following.news()).values()
    assert changed is not None and (changed.code_map, changed.content_hash) == (
        pack(code("f")),
        document.content_hash,
    )
    assert following.counted() == (1, 1, 0)
    await enrich(graph, newer, None)
    ((changed),) = (await following.news()).values()
    assert changed is not None and (changed.code_map, changed.content_hash) == (None, newer.content_hash)
    assert following.counted() == (1, 0, 0)


async def test_a_move_is_a_change_and_a_repetition_is_not(
    graph: GraphStore, following: Following, project: str
):
    document = factories.document(project)
    await enrich(graph, document, "f")
    await following.news()
    await graph.index(document, str(uuid4()))
    assert await following.news() == {}
    moved = document.model_copy(update={"file_path": "lib/b.py"})
    await graph.index(moved, str(uuid4()))
    ((changed),) = (await following.news()).values()
    assert changed is not None and (changed.file_path, changed.code_map) == ("lib/b.py", pack(code("f")))


@pytest.mark.parametrize("strip", [True, False])
async def test_a_deletion_is_given_and_a_revival_is_new(
    graph: GraphStore, following: Following, project: str, strip: bool
):
    document = factories.document(project)
    await enrich(graph, document, "f")
    await following.news()
    await delete(graph, project, document.entity_id, strip=strip)
    assert await following.news() == {document.entity_id: None}
    assert following.counted() == (0, 0, 0)
    assert await following.news() == {}
    await graph.index(document, str(uuid4()))
    ((changed),) = (await following.news()).values()
    assert changed is not None and changed.code_map is None
    assert following.counted() == (1, 0, 1)


async def test_a_deleted_project_is_gone(graph: GraphStore, following: Following, project: str):
    ids = set()
    for number in range(3):
        document = factories.document(project, f"x = {number}\n", file_path=f"src/{number}.py")
        await enrich(graph, document, "f")
        ids.add(document.entity_id)
    await following.news()
    await delete(graph, project)
    assert await following.news() == dict.fromkeys(ids)
    assert await Following(graph.code_maps, project).news() == {}


async def test_pages_give_everything(graph: GraphStore, settings: Settings, project: str):
    async with Bolt.connect(settings) as bolt:
        small = Following(CodeMaps(bolt, page=2, ids=3), project)
        documents = [
            factories.document(project, f"x = {number}\n", file_path=f"src/{number}.py")
            for number in range(5)
        ]
        for document in documents:
            await enrich(graph, document, "f")
        assert (await small.news()).keys() == {each.entity_id for each in documents}
        for document in documents[:4]:
            await graph.index(
                document.model_copy(update={"file_path": f"b/{document.file_path}"}), str(uuid4())
            )
        assert (await small.news()).keys() == {each.entity_id for each in documents[:4]}
        assert await small.news() == {}


async def test_a_late_commit_is_not_missed(
    graph: GraphStore, settings: Settings, following: Following, project: str
):
    """A key that was made before the last reading, as by a transaction that took long."""
    document = factories.document(project)
    await graph.index(document, str(uuid4()))
    ((before),) = (await stores.nodes(settings, project)).values()
    await following.news()
    await following.news()
    moment = datetime.fromisoformat(before["changed_key"].partition("/")[2]) - timedelta(seconds=20)
    key = before["changed_key"].partition("/")[0] + "/" + moment.isoformat(timespec="microseconds")
    await stores.query(
        settings,
        "MATCH (d:Document {entity_id: $id}) SET d.changed_key = $key, d.file_path = 'late.py'",
        id=document.entity_id,
        key=key,
    )
    ((changed),) = (await following.news()).values()
    assert changed is not None and changed.file_path == "late.py"


async def test_a_reader_that_is_not_known_gets_everything_again(
    graph: GraphStore, settings: Settings, following: Following, project: str
):
    stays, goes = factories.document(project), factories.document(project, "y = 1\n", file_path="b.py")
    await enrich(graph, stays, "f")
    await enrich(graph, goes, "g")
    await following.news()
    await delete(graph, project, goes.entity_id)
    async with Bolt.connect(settings) as bolt:
        found = await CodeMaps(bolt).changes(project, following.cursor)
    assert [each.document_id for each in found.documents] == [stays.entity_id]
    assert goes.entity_id in found.gone


async def test_a_damaged_map_hides_no_other(
    graph: GraphStore, settings: Settings, following: Following, project: str
):
    one, other = factories.document(project), factories.document(project, "y = 1\n", file_path="b.py")
    await enrich(graph, one, "f")
    await enrich(graph, other, "g")
    await stores.query(
        settings, "MATCH (d:Document {entity_id: $id}) SET d.code_map = '1eAE'", id=one.entity_id
    )
    found = await following.news()
    # Whether it can be read is the reader's concern.
    assert {key: each and each.code_map for key, each in found.items()} == {
        one.entity_id: "1eAE",
        other.entity_id: pack(code("g")),
    }


async def test_nodes_of_an_older_release_are_listed(
    graph: GraphStore, settings: Settings, following: Following, project: str
):
    await graph.index(factories.document(project), str(uuid4()))
    await stores.query(settings, "MATCH (d:Document {project_name: $p}) SET d.changed_key = null", p=project)
    assert len(await following.news()) == 1
    assert await following.news() == {}


async def test_another_projects_changes_are_its_own(graph: GraphStore, following: Following, project: str):
    await following.news()
    await graph.index(factories.document(f"{project}-2"), str(uuid4()))
    await graph.index(factories.document(f"{project}/2"), str(uuid4()))
    assert await following.news() == {}


@pytest.mark.parametrize("since", ["", "x", "a b", "a b c"])
async def test_a_cursor_of_another_kind_is_refused(graph: GraphStore, project: str, since: Any):
    with pytest.raises(InvalidInputError):
        await graph.code_maps.changes(project, since)
