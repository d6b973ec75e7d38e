"""Chunks on a real server, checked with a plain client; ARCHON_TEST_QDRANT_URL selects another one."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest
from qdrant_client import AsyncQdrantClient

from archon.contracts import names
from archon.contracts.analysis import Chunk, Terms
from archon.contracts.documents import Document, Indexed
from archon.contracts.errors import StoreRejectedError, StoreUnavailableError
from archon.contracts.operations.deletion import DeletionCounts
from archon.contracts.types import DocumentType, EnrichmentStatus
from archon.runtime.settings import Settings
from archon.stores.vectors.search import PER_DOCUMENT, Mode, Query, Wanted
from archon.stores.vectors.store import VectorStore, qdrant
from tests import factories

COMPLETED = EnrichmentStatus.COMPLETED
Found = Callable[[], Awaitable[set[tuple[str | None, int]]]]


def vector(*head: float) -> list[float]:
    return [*head, *([0.0] * (256 - len(head)))]


def chunk(symbol: str, term: int = 1, direction: Sequence[float] = (1.0,), **changes: Any) -> Chunk:
    values: dict[str, Any] = {
        "symbol": symbol,
        "kind": "function",
        "start_line": 1,
        "end_line": 2,
        "embedding": vector(*direction),
        "terms": Terms(indices=[term], values=[1.0]),
    }
    return Chunk(**{**values, **changes})


@pytest.fixture
async def client(vectors: VectorStore, settings: Settings) -> AsyncIterator[AsyncQdrantClient]:
    plain = qdrant(settings)
    yield plain
    await plain.close()


@pytest.fixture
def there(client: AsyncQdrantClient, settings: Settings) -> Found:
    """The symbol and version of each existing chunk."""

    async def read() -> set[tuple[str | None, int]]:
        found, _ = await client.scroll(settings.qdrant_symbols_collection, limit=1000)
        return {((each.payload or {})["symbol"], (each.payload or {})["version"]) for each in found}

    return read


async def written(
    vectors: VectorStore, document: Document, version: int, *chunks: Chunk, index: bool = True
) -> bool:
    if index:
        indexing = Indexed(version=version, status=EnrichmentStatus.PENDING, changed=True)
        await vectors.index(document, indexing)
    step = factories.step(factories.request_of(document, version), version)
    return await vectors.write(step, COMPLETED, vector(1.0), chunks)


async def test_a_chunk_is_a_point_with_both_signals(
    vectors: VectorStore, client: AsyncQdrantClient, settings: Settings, project: str
) -> None:
    document = factories.document(project)
    assert await written(vectors, document, 3, chunk("A.f", 7, (3.0, 4.0), start_line=4, end_line=9))
    (point,), _ = await client.scroll(settings.qdrant_symbols_collection, with_vectors=True)
    assert point.payload == {
        "document_id": document.entity_id,
        "project_name": project,
        "file_path": document.file_path,
        "language": "python",
        "document_type": "code",
        "version": 3,
        "content_hash": document.content_hash,
        "symbol": "A.f",
        "kind": "function",
        "start_line": 4,
        "end_line": 9,
    }
    assert isinstance(point.vector, dict)
    assert point.vector[names.VECTOR_CONTENT][:2] == pytest.approx([0.6, 0.8])  # type: ignore[index]
    assert point.vector[names.VECTOR_TERMS].indices == [7]  # type: ignore[union-attr]
    (own,) = await client.retrieve(settings.qdrant_collection, [document.entity_id])
    assert (own.payload or {})["chunks"] == 1


async def test_more_chunks_than_one_request_takes(vectors: VectorStore, there: Found, project: str) -> None:
    chunks = [chunk(f"f{number}") for number in range(230)]
    assert await written(vectors, factories.document(project), 1, *chunks)
    assert len(await there()) == 230


async def test_a_new_version_replaces_the_old_ones_chunks(
    vectors: VectorStore, there: Found, project: str
) -> None:
    a = factories.document(project, "a")
    b = factories.document(project, "b", entity_id=a.entity_id)
    await written(vectors, a, 1, chunk("kept"), chunk("gone"))
    await vectors.index(b, Indexed(version=2, status=EnrichmentStatus.PENDING, changed=True))
    assert await there() == {("kept", 1), ("gone", 1)}, "until the new content has its own"
    await written(vectors, b, 2, chunk("kept"), chunk("new"))
    assert await there() == {("kept", 2), ("new", 2)}
    await written(vectors, a, 3, chunk("kept"), chunk("gone"))
    assert await there() == {("kept", 3), ("gone", 3)}, "A, B, A"


async def test_an_analysis_of_the_same_version_that_finds_less_leaves_nothing_over(
    vectors: VectorStore, there: Found, project: str
) -> None:
    document = factories.document(project)
    await written(vectors, document, 1, chunk("f"), chunk("g"))
    await written(vectors, document, 1, chunk("g"), index=False)
    assert await there() == {("g", 1)}
    await written(vectors, document, 1, index=False)
    assert await there() == set()


async def test_a_late_writer_changes_nothing_and_leaves_nothing(
    vectors: VectorStore, there: Found, project: str
) -> None:
    a = factories.document(project, "a")
    b = factories.document(project, "b", entity_id=a.entity_id)
    await written(vectors, b, 2, chunk("shared", direction=(0.0, 1.0)))
    assert not await written(vectors, a, 1, chunk("shared"), chunk("of the old content"), index=False)
    assert await there() == {("shared", 2)}
    (hit,) = await vectors.search.nearest(Query(vector(0.0, 1.0)), Wanted([project]), 5, Mode.DENSE)
    assert hit.score == pytest.approx(1.0, abs=1e-5)


async def test_a_writer_that_loses_between_its_two_writes_leaves_nothing(
    vectors: VectorStore,
    settings: Settings,
    there: Found,
    project: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    a = factories.document(project, "a")
    b = factories.document(project, "b", entity_id=a.entity_id)
    replace, another_process = vectors._chunks.replace, VectorStore(vectors._client, settings)

    async def overtaken(documents: Any) -> None:
        await written(another_process, b, 2, chunk("shared"), chunk("of b"))
        await replace(documents)

    monkeypatch.setattr(vectors._chunks, "replace", overtaken)
    assert not await written(vectors, a, 1, chunk("shared"), chunk("of a"))
    assert await there() == {("shared", 2), ("of b", 2)}


@pytest.mark.parametrize("written_before", [False, True])
async def test_a_write_that_is_repeated_after_a_crash_ends_the_same(
    vectors: VectorStore,
    there: Found,
    project: str,
    monkeypatch: pytest.MonkeyPatch,
    written_before: bool,
) -> None:
    document = factories.document(project)
    await written(vectors, document, 1, chunk("old"))
    replace = vectors._chunks.replace

    async def crash(documents: Any) -> None:
        if written_before:
            await replace(documents)
        raise StoreUnavailableError("qdrant", "its answer is lost")

    with monkeypatch.context() as patched:
        patched.setattr(vectors._chunks, "replace", crash)
        with pytest.raises(StoreUnavailableError):
            await written(vectors, document, 2, chunk("new"))
    assert await there() == ({("new", 2)} if written_before else {("old", 1)})
    assert await written(vectors, document, 2, chunk("new"), index=False)
    assert await there() == {("new", 2)}


async def test_a_deletion_takes_chunks_that_are_not_newer_even_without_a_point(
    vectors: VectorStore, client: AsyncQdrantClient, settings: Settings, there: Found, project: str
) -> None:
    deleted, revived, pointless = (factories.document(project, text) for text in "abc")
    await written(vectors, deleted, 1, chunk("deleted"), chunk("too"))
    await written(vectors, revived, 4, chunk("revived"))
    await written(vectors, pointless, 1, chunk("pointless"))
    await client.delete(settings.qdrant_collection, [pointless.entity_id])
    seen: dict[str, int] = {}
    async for page in vectors.removal.of_project(project):
        seen |= page
    assert seen == {deleted.entity_id: 1, revived.entity_id: 4, pointless.entity_id: 1}
    versions = {deleted.entity_id: 2, revived.entity_id: 3, pointless.entity_id: 2}
    assert await vectors.removal.delete(versions) == DeletionCounts(points=1, chunks=3)
    assert await there() == {("revived", 4)}
    assert await vectors.removal.delete(versions) == DeletionCounts()


async def test_search_combines_both_signals_within_what_is_asked_for(
    vectors: VectorStore, project: str
) -> None:
    python = factories.document(project, "p")
    go = factories.document(project, "g", language="go", document_type=DocumentType.TEST)
    other = factories.document(f"{project}-2", "o")
    step = factories.step(factories.request_of(go, language="go", document_type="test"))
    await written(
        vectors,
        python,
        1,
        chunk("by_name", 1, (0.0, 1.0)),
        chunk("by_meaning", 2, (1.0, 0.0)),
        chunk("by_both", 1, (0.9, 0.1)),
    )
    await vectors.write(step, COMPLETED, vector(1.0), [chunk("in_go", 3, kind="method")])
    await written(vectors, other, 1, chunk("elsewhere", 1))
    query = Query(vector(1.0), Terms(indices=[1], values=[1.0]))

    async def symbols(mode: Mode = Mode.COMBINED, **wanted: Any) -> list[str]:
        limits = Wanted(**{"projects": [project], **wanted})
        return [hit.payload["symbol"] for hit in await vectors.search.nearest(query, limits, 10, mode)]

    assert (await symbols())[0] == "by_both"
    assert set(await symbols(Mode.LEXICAL)) == {"by_name", "by_both"}
    assert (await symbols(Mode.DENSE))[-1] == "by_name"
    assert await symbols(language="go") == await symbols(document_type="test") == ["in_go"]
    assert await symbols(kind="method") == ["in_go"]
    assert await symbols(projects=[f"{project}-2"]) == ["elsewhere"]
    assert "elsewhere" in await symbols(projects=None)
    assert await symbols(projects=[]) == []


@pytest.mark.threat
@pytest.mark.parametrize("mode", [Mode.LEXICAL, Mode.COMBINED])
async def test_no_score_tells_which_words_another_project_has(
    vectors: VectorStore, project: str, mode: Mode
) -> None:
    own, other = (factories.document(name, "o") for name in (project, f"{project}-2"))
    rare, common = chunk("rare", 1, (0.9, 0.1)), chunk("common", 2, (0.8, 0.2))
    await written(vectors, own, 1, rare, common, chunk("common_too", 2, (0.7, 0.3)))
    query = Query(vector(1.0), Terms(indices=[1, 2], values=[1.0, 1.0]))

    async def scores(*projects: str) -> dict[str, float]:
        hits = await vectors.search.nearest(query, Wanted(projects), 10, mode)
        return {hit.payload["symbol"]: hit.score for hit in hits}

    alone = await scores(project)
    await written(vectors, other, 1, *(chunk(f"other_{number}") for number in range(20)))
    assert await scores(project) == alone
    assert alone["rare"] > alone["common"]
    # A caller with access to both projects searches the words of both.
    both = await scores(project, f"{project}-2")
    assert both["rare"] < both["common"]


async def test_one_document_does_not_fill_the_list(vectors: VectorStore, project: str) -> None:
    full, other = factories.document(project, "f"), factories.document(project, "o")
    await written(vectors, full, 1, *[chunk(f"f{number}") for number in range(9)])
    await written(vectors, other, 1, chunk("other", 2, (0.5, 0.5)))
    query = Query(vector(1.0), Terms(indices=[1], values=[1.0]))
    hits = await vectors.search.nearest(query, Wanted([project]), 6)
    assert [hit.document_id for hit in hits] == [*[full.entity_id] * PER_DOCUMENT, other.entity_id]


async def test_a_copy_elsewhere_in_the_project_is_counted(vectors: VectorStore, project: str) -> None:
    one, other = factories.document(project, "f"), factories.document(project, "o")
    await written(vectors, one, 1, chunk("f", body_hash="same"), chunk("f", ordinal=1, body_hash="another"))
    await written(vectors, other, 1, chunk("g", body_hash="same"), chunk("h"))
    query = Query(vector(1.0), Terms(indices=[1], values=[1.0]), "f")
    hits = await vectors.search.nearest(query, Wanted([project]), 5)
    assert {hit.payload["symbol"]: (hit.copies, hit.overloads) for hit in hits} == {"f": (1, 1), "h": (0, 0)}
    assert all(sum(hit.parts.values()) == pytest.approx(hit.score) for hit in hits)
    assert hits[0].parts["name"] > 0


async def test_a_service_with_one_signal_is_searched_by_that(vectors: VectorStore, project: str) -> None:
    await written(vectors, factories.document(project), 1, chunk("dense", terms=None))
    assert len(await vectors.search.nearest(Query(vector(1.0)), Wanted([project]), 5)) == 1
    no_words = Query(vector(1.0), Terms(indices=[], values=[]))
    assert await vectors.search.nearest(no_words, Wanted([project]), 5, Mode.LEXICAL) == []


async def test_a_vector_of_other_dimensions_is_refused_with_a_reason(
    vectors: VectorStore, project: str
) -> None:
    with pytest.raises(StoreRejectedError, match="dimension"):
        await written(vectors, factories.document(project), 1, chunk("f", embedding=[1.0, 0.0]))
