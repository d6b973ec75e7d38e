"""The spans of a document at a collector: one trace through every process, without private data."""

from collections import Counter
from collections.abc import Awaitable
from typing import Protocol
from uuid import uuid4

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from archon.cli.capacity.measured import Measured
from archon.runtime.settings import Settings
from tests.collector import Collector, Seen, tree
from tests.eventually import eventually

PRIVATE = "the_private_text"
CODE = f'"""{PRIVATE}"""\nimport os\n\n\ndef {PRIVATE}_function(path):\n    return os.fspath(path)\n'
CALLER = "00f067aa0ba902b7"
SERVICES = frozenset(f"archon-{service}" for service in ("bridge", "ingress", "worker", "intelligence"))


class Traced(Protocol):
    def __call__(
        self, correlation_id: str, services: frozenset[str] = frozenset()
    ) -> Awaitable[list[Seen]]: ...


@pytest.fixture
def whole(stack: Settings, collector: Collector) -> Traced:
    """A document's complete trace: its end, every parent except a caller's, a span of each of `services`,
    which export independently."""

    async def whole(correlation_id: str, services: frozenset[str] = frozenset()) -> list[Seen]:
        async def arrived() -> list[Seen] | None:
            spans = collector.trace(correlation_id)
            names = {each.name for each in spans}
            ids = {each.span_id for each in spans} | {"", CALLER}
            ended = {"EnrichDocument", f"publish {stack.kafka_completed_topic}"} <= names
            complete = ended and services <= {each.service for each in spans}
            return spans if complete and all(each.parent_id in ids for each in spans) else None

        found: list[Seen] = await eventually(arrived)
        return found

    return whole


def body(project: str, **fields: object) -> dict[str, object]:
    return {"project_id": project, "source_path": "src/settings.py", "full_text": CODE, **fields}


async def test_a_document_has_one_trace_through_all_services(
    http: httpx.AsyncClient, stack: Settings, project: str, whole: Traced
) -> None:
    accepted = (await http.post("/document", json=body(project))).json()
    spans = await whole(accepted["correlation_id"], SERVICES)
    parents = {
        each.name: next((up.name for up in spans if up.span_id == each.parent_id), "") for each in spans
    }
    publish, process = f"publish {stack.kafka_enrichment_topic}", f"process {stack.kafka_enrichment_topic}"
    expected = {
        "POST /api/bridge/document": "",
        "index document": "POST /api/bridge/document",
        "graph index": "graph write",
        "qdrant index": "index document",
        publish: "index document",
        process: publish,
        "submit EnrichDocument": process,
        "EnrichDocument": "submit EnrichDocument",
        **dict.fromkeys(("claim", "analyse", "write"), "EnrichDocument"),
        "qdrant upsert": "write",
        "content put": "analyse",
        "graph merge_entities": "graph write",
        f"publish {stack.kafka_progress_topic}": "write",
        f"publish {stack.kafka_completed_topic}": "write",
    }
    assert {name: parents.get(name) for name in expected} == expected, "\n".join(tree(spans))
    kinds = {each.name: each.kind for each in spans}
    assert (kinds[publish], kinds[process]) == (Span.SPAN_KIND_PRODUCER, Span.SPAN_KIND_CONSUMER)
    assert {each.service for each in spans} == SERVICES
    assert not [each for each in spans if each.links]
    password = stack.memgraph_password.get_secret_value()
    assert not [each for each in spans if PRIVATE in str(each) or password in str(each)]


async def test_the_content_store_is_asked_as_often_as_docs_scale_md_computes_with(
    http: httpx.AsyncClient, project: str, whole: Traced
) -> None:
    """If this fails, change `object_reads` in measured.json and run `make scale`."""
    text = CODE + f"# {project}\n"
    accepted = (await http.post("/document", json=body(project, full_text=text))).json()
    counted = Counter(each.name for each in await whole(accepted["correlation_id"]))
    expected = Measured.shipped()
    assert counted["content put"] == expected.object_writes
    assert counted["content get"] + counted["content head"] + counted["content list"] == expected.object_reads


async def test_a_caller_s_trace_is_joined(
    http: httpx.AsyncClient, project: str, collector: Collector, whole: Traced
) -> None:
    trace, correlation_id = uuid4().hex, str(uuid4()).upper()
    caller = {"traceparent": f"00-{trace}-{CALLER}-01"}
    joined = (await http.post("/document", json=body(project), headers=caller)).json()
    assert joined["correlation_id"].replace("-", "").lower() == trace
    spans = await whole(joined["correlation_id"])
    assert next(each for each in spans if each.name.startswith("POST /api")).parent_id == CALLER
    own = {**caller, "X-Correlation-ID": correlation_id}
    linked = (await http.post("/document", json=body(project, source_path="b.py"), headers=own)).json()
    assert linked["correlation_id"] == correlation_id
    (root,) = (each for each in await whole(correlation_id) if not each.parent_id)
    assert (root.name, root.links) == ("POST /api/bridge/document", [trace])


async def test_each_document_of_a_batch_has_its_own_trace(
    http: httpx.AsyncClient, project: str, whole: Traced
) -> None:
    documents = [body(project, source_path=f"{number}.py") for number in range(2)]
    response = await http.post("/documents", json={"documents": documents})
    batch = response.headers["X-Correlation-ID"].replace("-", "").lower()
    for each in response.json()["results"]:
        spans = await whole(each["document"]["correlation_id"])
        assert [(root.name, root.links) for root in spans if not root.parent_id] == [
            ("index document", [batch])
        ]


async def test_a_document_from_kafka_stays_in_its_producer_s_trace(
    stack: Settings, project: str, whole: Traced
) -> None:
    correlation_id = str(uuid4()).upper()
    trace = correlation_id.replace("-", "").lower()
    value = httpx.Request("POST", "http://x", json=body(project, correlation_id=correlation_id)).content
    producer = AIOKafkaProducer(bootstrap_servers=stack.kafka_bootstrap_servers, enable_idempotence=False)
    async with producer:
        headers = [("traceparent", f"00-{trace}-{CALLER}-01".encode())]
        await producer.send_and_wait(stack.kafka_index_topic, value, key=b"k", headers=headers)
    spans = await whole(correlation_id)
    taken = next(each for each in spans if each.name == f"process {stack.kafka_index_topic}")
    indexed = next(each for each in spans if each.name == "POST /api/bridge/document")
    assert (taken.parent_id, indexed.parent_id) == (CALLER, taken.span_id)
