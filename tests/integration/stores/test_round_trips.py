"""Number of transactions and statements for indexing, claiming and enriching."""

import asyncio
from collections.abc import Awaitable, Iterator
from uuid import uuid4

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from archon.contracts.analysis import AnalysisResult, Relationship
from archon.contracts.documents import Document
from archon.contracts.types import EnrichmentType
from archon.contracts.workflow import Step
from archon.runtime.settings import Settings
from archon.runtime.telemetry import tracing
from archon.runtime.telemetry.sdk import provider_of
from archon.stores.graph.store import GraphStore
from tests import factories, stores

FIRST = ["fence", "merge_entities", "merge_imports", "merge_calls", "set_properties", "importers", "places"]


class Statements:
    """Statements by name, for each transaction."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self.tracer = provider_of("test", SimpleSpanProcessor(self._spans)).get_tracer("test")

    async def by(self, *works: Awaitable[object]) -> list[list[str]]:
        """Statements by transaction for concurrent works."""
        self._spans.clear()
        with tracing.span("test", correlation_id=str(uuid4())):
            await asyncio.gather(*works)
        spans = sorted(self._spans.get_finished_spans(), key=lambda span: span.start_time or 0)
        transactions: dict[int, list[str]] = {
            span.context.span_id: [] for span in spans if span.name in {"graph read", "graph write"}
        }
        for span in spans:
            if span.parent is not None and span.parent.span_id in transactions:
                transactions[span.parent.span_id].append(span.name.removeprefix("graph "))
        return list(transactions.values())


@pytest.fixture
def statements() -> Iterator[Statements]:
    found = Statements()
    with tracing.recorded_by(found.tracer):
        yield found


def indexing(graph: GraphStore, document: Document) -> Awaitable[object]:
    return graph.index(document, str(uuid4()))


async def claimed(graph: GraphStore, document: Document, **changes: EnrichmentType) -> Step:
    version = (await graph.index(document, str(uuid4()))).version
    step = factories.step(factories.request_of(document, version, **changes), version)
    await graph.claim(step.request, step.workflow_id)
    return step


async def test_indexing_is_one_statement(graph: GraphStore, project: str, statements: Statements) -> None:
    assert await statements.by(indexing(graph, factories.document(project))) == [["index"]]


async def test_a_claim_is_two_statements(graph: GraphStore, project: str, statements: Statements) -> None:
    document = factories.document(project)
    await graph.index(document, str(uuid4()))
    claim = graph.claim(factories.request_of(document), "w")
    assert await statements.by(claim) == [["claim_lock", "set_properties"]]


async def test_a_first_enrichment_looks_for_nothing_to_clean_up(
    graph: GraphStore, project: str, statements: Statements
) -> None:
    step = await claimed(graph, factories.document(project))
    assert await statements.by(graph.write_enrichment(step, factories.analysis("f", "g"))) == [FIRST]


async def test_nothing_is_sent_for_what_an_analysis_does_not_have(
    graph: GraphStore, project: str, statements: Statements
) -> None:
    step = await claimed(graph, factories.document(project, language="toml", file_path="a.toml"))
    nothing = factories.analysis(relationships=[])
    assert await statements.by(graph.write_enrichment(step, nothing)) == [["fence", "set_properties"]]
    step = await claimed(graph, factories.document(project), enrichment_type=EnrichmentType.QUALITY_ONLY)
    quality = graph.write_enrichment(step, factories.analysis("f", "g"))
    assert await statements.by(quality) == [["fence", "set_properties"]]


async def test_what_is_there_already_is_read_and_not_written_again(
    graph: GraphStore, project: str, statements: Statements
) -> None:
    document = factories.document(project)
    result = factories.analysis("f", "g")
    for entity in result.entities:
        entity.body_hash = "1"
    await graph.write_enrichment(await claimed(graph, document), result)
    step = await claimed(graph, document.model_copy(update={"content_hash": "0" * 64}))
    again = ["fence", "entity_states", "import_states", "set_properties", "places"]
    assert await statements.by(graph.write_enrichment(step, result)) == [again]


async def test_documents_that_come_together_share_transactions(
    graph: GraphStore, project: str, statements: Statements
) -> None:
    """The first ones start at once; those that arrive meanwhile share a transaction."""
    documents = [factories.document(project, str(n), file_path=f"src/m{n}.py") for n in range(10)]
    assert len(await statements.by(*(indexing(graph, each) for each in documents))) <= 3
    steps = [factories.step(factories.request_of(each)) for each in documents]
    assert len(await statements.by(*(graph.claim(each.request, each.workflow_id) for each in steps))) <= 3
    result = factories.analysis("f", "g")
    assert await statements.by(*(graph.write_enrichment(each, result) for each in steps)) == [FIRST, FIRST]
    for document in documents:
        assert len((await graph.get(document.entity_id)).entities) == 2


def importing(target: str) -> AnalysisResult:
    return factories.analysis("f", relationships=[Relationship(kind="imports", target=target)])


async def test_documents_of_one_transaction_lead_to_each_other(
    graph: GraphStore, settings: Settings, project: str, statements: Statements
) -> None:
    paths = ["first.py", "a.py", "b.py", "c.py"]
    documents = [factories.document(project, path, file_path=path) for path in paths]
    steps = [await claimed(graph, each) for each in documents]
    imports = ["os", "b", "c", "a"]
    writes = [
        graph.write_enrichment(step, importing(target)) for step, target in zip(steps, imports, strict=True)
    ]
    assert len(await statements.by(*writes)) == 2
    rows = await stores.query(
        settings,
        "MATCH (s:Document {project_name: $p})-[r:IMPORTS]->(t:Document) RETURN s.file_path, t.file_path",
        p=project,
    )
    assert sorted(map(tuple, rows)) == [("a.py", "b.py"), ("b.py", "c.py"), ("c.py", "a.py")]


async def test_a_version_that_is_past_harms_none_that_share_its_transaction(
    graph: GraphStore, project: str, statements: Statements
) -> None:
    documents = [factories.document(project, str(n), file_path=f"m{n}.py") for n in range(4)]
    steps = [await claimed(graph, each) for each in documents]
    past = documents[2].model_copy(update={"content_hash": "0" * 64})
    await graph.index(past, str(uuid4()))
    answers: list[bool] = []

    async def write(step: Step) -> None:
        answers.append(await graph.write_enrichment(step, factories.analysis("f")))

    assert len(await statements.by(*map(write, steps))) == 2
    assert sorted(answers) == [False, True, True, True]
    assert not (await graph.get(documents[2].entity_id)).entities
