"""An activity's attempt: its metrics, its log line, and the document's fields."""

import asyncio
import contextlib
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from activities.observation import Observation
from archon.contracts.errors import StoreUnavailableError, TopicUnavailableError
from archon.contracts.workflow import ClaimInput, WriteInput, request_in
from archon.runtime.kafka.statistics import TopicStatistics
from archon.runtime.telemetry import metrics
from archon.runtime.telemetry.metrics import Exposition
from archon.stores.graph.census import Waiting
from kafka_ingress.estate import Estate
from tests import factories


class Activity(ActivityInboundInterceptor):
    """The end of the chain: raises a given error."""

    def __init__(self, failure: BaseException | None) -> None:
        self._failure = failure

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        if self._failure is not None:
            raise self._failure
        return "done"


async def attempt(failure: BaseException | None = None, number: int = 1) -> list[dict[str, Any]]:
    """The log entry of one attempt."""
    environment = ActivityEnvironment()
    environment.info = environment.info.__class__(**{**vars(environment.info), "attempt": number})
    observed = Observation().intercept_activity(Activity(failure))
    step = factories.step(factories.request("shop"))
    call = ExecuteActivityInput(fn=attempt, args=[step], executor=None, headers={})
    expected = contextlib.nullcontext() if failure is None else pytest.raises(type(failure))
    with capture_logs() as logs, expected:
        await environment.run(observed.execute_activity, call)
    return logs


def value(collector: Any, **labels: str) -> float:
    registry = CollectorRegistry()
    registry.register(collector)
    name = next(iter(collector.describe())).name
    kind = next(iter(collector.describe())).type
    found = registry.get_sample_value(f"{name}_total" if kind == "counter" else name, labels)
    return found or 0.0


async def test_a_failed_attempt_is_counted_by_the_class_of_our_error_and_a_retry_as_one() -> None:
    errors, retries = (
        value(metrics.ERRORS, error_type="StoreOutageError"),
        value(metrics.RETRIES, activity="unknown"),
    )
    logs = await attempt(ApplicationError("down", type="StoreOutageError"), number=2)
    assert value(metrics.ERRORS, error_type="StoreOutageError") == errors + 1
    assert value(metrics.RETRIES, activity="unknown") == retries + 1
    assert [(log["event"], log["error_type"], log["status"]) for log in logs] == [
        ("activity_failed", "StoreOutageError", "failed")
    ]
    assert logs[0]["duration_ms"] >= 0


async def test_success_and_cancellation_are_no_errors() -> None:
    before = value(metrics.ERRORS, error_type="CancelledError")
    assert [log["event"] for log in await attempt()] == ["activity_completed"]
    assert [log["event"] for log in await attempt(asyncio.CancelledError())] == ["activity_cancelled"]
    assert value(metrics.ERRORS, error_type="CancelledError") == before


def test_every_kind_of_input_names_its_request() -> None:
    request = factories.request("shop")
    step = factories.step(request)
    claim = ClaimInput(request=request, workflow_id="enrich-1")
    assert request_in([claim]) is request
    assert request_in([step]) is request
    assert request_in([WriteInput.model_construct(step=step)]) is request
    assert request_in([request]) is request
    assert request_in([None]) is None
    assert request_in([]) is None


@pytest.mark.parametrize("service", metrics.SERVICES)
async def test_a_service_exports_its_own_metrics_and_no_others(service: str) -> None:
    text = (await Exposition.of(service).text()).decode()
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE archon_")}
    own = {next(iter(each.describe())).name for each in metrics.SERVICES[service]}
    assert {name.removesuffix("_total") for name in names if not name.endswith("_created")} == own


async def test_one_process_reports_the_estate_as_far_as_it_is_known() -> None:
    mine = True

    async def waiting() -> Waiting:
        return Waiting({"under_5m": 2, "over_6h": 1}, parked=3)

    async def statistics() -> TopicStatistics:
        if mine_fails:
            raise TopicUnavailableError("down")
        return TopicStatistics({("t", 0): 7}, {"t": 9}, {})

    mine_fails = False
    estate = Estate(lambda: mine, waiting, statistics, interval=60)
    await estate.count()
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for metric in estate.collect()
        for sample in metric.samples
    }
    assert samples == {
        ("archon_documents_pending_enrichment", "under_5m"): 2,
        ("archon_documents_pending_enrichment", "over_6h"): 1,
        ("archon_documents_parked",): 3,
        ("archon_kafka_consumer_lag", "t", "0"): 7,
        ("archon_kafka_topic_messages_count", "t"): 9,
    }
    mine_fails = True
    await estate.count()
    assert {metric.name for metric in estate.collect()} == {
        "archon_documents_pending_enrichment",
        "archon_documents_parked",
    }
    mine = False
    await estate.count()
    assert list(estate.collect()) == []


async def test_without_a_graph_the_other_figures_are_still_shown() -> None:
    async def waiting() -> Waiting:
        raise StoreUnavailableError("graph", "down")

    async def statistics() -> TopicStatistics:
        return TopicStatistics()

    estate = Estate(lambda: True, waiting, statistics, interval=60)
    await estate.count()
    assert "archon_documents_parked" not in {metric.name for metric in estate.collect()}
