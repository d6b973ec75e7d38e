"""The traces of a run's activities, on a server with traced clients and workers."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.workflow import Info

from archon.contracts import errors, names
from archon.contracts.events import EnrichmentRequest
from archon.runtime.telemetry import tracing
from archon.runtime.telemetry.sdk import provider_of
from archon.runtime.telemetry.temporal import TracingInterceptor
from archon.runtime.temporal.client import EnrichmentClient
from tests import factories
from tests.workflows import histories
from tests.workflows.conftest import Ports
from tests.workflows.runs import park, result

pytestmark = pytest.mark.usefixtures("working")
ENRICHED = {"claim", "analyse", "write"}
ONE_BY_ONE = {"claim", "analyse", "write_vectors", "write_graph", "publish_completed"}
"""With a dead letter to clear."""


class Recorded(InMemorySpanExporter):
    def of(self, request: EnrichmentRequest) -> list[ReadableSpan]:
        """The spans of a request's trace."""
        return [
            each
            for each in self.get_finished_spans()
            if each.context.trace_id == tracing.trace_id(request.correlation_id)
        ]


@pytest.fixture
def spans() -> Iterator[Recorded]:
    recorded = Recorded()
    provider = provider_of("test", SimpleSpanProcessor(recorded))
    with tracing.recorded_by(provider.get_tracer("test")):
        yield recorded
    provider.shutdown()


@pytest.fixture
def untraced(environment: Any) -> Client:
    """The session's own client of the server."""
    client: Client = environment.untraced
    return client


@pytest.fixture
def environment(environment: WorkflowEnvironment, spans: Recorded) -> Any:
    """The session's server with a traced client and traced workers."""
    config = environment.client.config()
    traced = Client(**{**config, "interceptors": [*config["interceptors"], TracingInterceptor()]})
    return SimpleNamespace(client=traced, untraced=environment.client)


def named(spans: Sequence[ReadableSpan], name: str) -> ReadableSpan:
    (found,) = (each for each in spans if each.name == name)
    return found


async def test_a_run_and_its_activities_are_in_the_trace_of_the_submission(
    environment: WorkflowEnvironment, client: EnrichmentClient, spans: Recorded
) -> None:
    request = factories.request()
    workflow_id = await client.submit(request)
    await result(environment, workflow_id)
    found = spans.of(request)
    run = named(found, names.WORKFLOW_ENRICH_DOCUMENT)
    submitted = named(found, "submit EnrichDocument")
    assert submitted.parent is None
    assert run.parent is not None and run.parent.span_id == submitted.context.span_id
    activities = [each for each in found if "temporal.activity.attempt" in each.attributes]
    assert {each.name for each in activities} == ENRICHED
    assert {each.parent and each.parent.span_id for each in activities} == {run.context.span_id}
    assert run.attributes["temporal.workflow.id"] == workflow_id
    assert run.end_time >= max(each.end_time for each in activities)


async def test_each_submission_of_a_run_has_its_own_trace(
    environment: WorkflowEnvironment, client: EnrichmentClient, ports: Ports, spans: Recorded
) -> None:
    first = factories.request()
    second = first.model_copy(update={"correlation_id": factories.request().correlation_id, "force": True})
    await park(client, ports, first)
    await result(environment, await client.submit(second))
    refused, woken = spans.of(first), spans.of(second)
    assert "publish_dead_letter" in {each.name for each in refused}
    assert "write_graph" not in {each.name for each in refused}
    assert {each.name for each in woken} >= ONE_BY_ONE
    analysed = named(refused, "analyse")
    assert not analysed.status.is_ok
    assert analysed.attributes["error.type"] == errors.IntelligenceRejectedError.__name__
    assert analysed.status.description is None


async def test_a_run_that_continues_another_stays_in_the_trace(
    environment: WorkflowEnvironment,
    client: EnrichmentClient,
    ports: Ports,
    spans: Recorded,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def first_of_its_chain(info: Info) -> bool:
        return info.continued_run_id is None

    monkeypatch.setattr(Info, "is_continue_as_new_suggested", first_of_its_chain)
    request = factories.request()
    workflow_id = await park(client, ports, request)
    await client.signal(workflow_id, names.SIGNAL_RETRY)
    await result(environment, workflow_id)
    found = spans.of(request)
    runs = [each for each in found if each.name == names.WORKFLOW_ENRICH_DOCUMENT]
    assert [each.attributes["temporal.workflow.status"] for each in runs] == ["continued", "completed"]
    submitted = named(found, "submit EnrichDocument")
    assert {each.parent and each.parent.span_id for each in runs} == {submitted.context.span_id}
    assert named(found, "write_graph").parent.span_id == runs[1].context.span_id


async def test_an_activity_of_a_run_that_nobody_traced_is_in_its_request_s_trace(
    untraced: Client, environment: WorkflowEnvironment, spans: Recorded
) -> None:
    request = factories.request()
    await result(environment, await EnrichmentClient(untraced).submit(request))
    assert named(spans.of(request), "write").parent is None
    assert names.WORKFLOW_ENRICH_DOCUMENT not in {each.name for each in spans.of(request)}


async def test_a_replay_records_nothing_again(
    environment: WorkflowEnvironment, client: EnrichmentClient, spans: Recorded
) -> None:
    request = factories.request()
    workflow_id = await client.submit(request)
    await result(environment, workflow_id)
    recorded = len(spans.of(request))
    history = await environment.client.get_workflow_handle(workflow_id).fetch_history()
    await histories.replay(history, [TracingInterceptor()])
    assert len(spans.of(request)) == recorded


@pytest.mark.parametrize("path", histories.committed(), ids=lambda path: path.stem)
async def test_the_history_of_an_untraced_run_replays_with_tracing(path: Path) -> None:
    await histories.replay(histories.read(path), [TracingInterceptor()])
