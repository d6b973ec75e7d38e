"""A document under another path, on a real graph: imports are resolved by paths, so it is enriched again."""

from uuid import uuid4

from archon.contracts.analysis import Relationship
from archon.contracts.documents import Document, Indexed
from archon.contracts.types import EnrichmentStatus
from archon.contracts.workflow import Decision
from archon.runtime.settings import Settings
from archon.stores.graph.store import GraphStore
from tests import factories, stores


async def enriched(graph: GraphStore, document: Document, indexed: Indexed, *imports: str) -> Decision:
    """Claims and, if there is anything to do, enriches."""
    request = factories.request_of(document, indexed.version, language="python")
    step = factories.step(request, indexed.version)
    claim = await graph.claim(request, step.workflow_id)
    if claim.decision is Decision.PROCEED:
        relationships = [Relationship(kind="imports", target=each) for each in imports]
        assert await graph.write_enrichment(step, factories.analysis(relationships=relationships))
    return claim.decision


async def test_imports_of_the_old_path_end_and_those_of_the_new_one_begin(
    graph: GraphStore, settings: Settings, project: str
) -> None:
    async def links() -> set[tuple[str, str]]:
        query = (
            "MATCH (s:Document {project_name: $p})-[:IMPORTS]->(t:Document) RETURN s.file_path, t.file_path"
        )
        return {
            (str(source), str(target)) for source, target in await stores.query(settings, query, p=project)
        }

    before = factories.document(project, file_path="base.py")
    await enriched(graph, before, await graph.index(before, str(uuid4())))
    for name, imported in (("old.py", "base"), ("new.py", "core")):
        importing = factories.document(project, name, file_path=name)
        await enriched(graph, importing, await graph.index(importing, str(uuid4())), imported)
    assert await links() == {("old.py", "base.py")}

    moved = before.model_copy(update={"file_path": "core.py", "name": "core.py"})
    indexed = await graph.index(moved, str(uuid4()))
    assert (indexed.version, indexed.changed, indexed.status) == (1, False, EnrichmentStatus.PENDING)
    assert await enriched(graph, moved, indexed) is Decision.PROCEED
    assert await links() == {("new.py", "core.py")}


async def test_the_same_path_again_is_nothing_new(graph: GraphStore, project: str) -> None:
    document = factories.document(project, file_path="base.py")
    await enriched(graph, document, await graph.index(document, str(uuid4())))
    again = await graph.index(document, str(uuid4()))
    assert again.status is EnrichmentStatus.COMPLETED
    assert await enriched(graph, document, again) is Decision.DUPLICATE
