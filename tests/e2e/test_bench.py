"""`enrich bench` as people and programs use it: its report matches what happened, at any speed."""

import json
import os
from pathlib import Path

import pytest

from archon.cli.bench.runs.rest import WARM_UP
from archon.runtime.settings import Settings
from tests import stores
from tests.e2e.command import enrich
from tests.stacks import TestServers

DOCUMENTS = 24
BARE = 6


@pytest.fixture
def environment(servers: TestServers, stack: Settings) -> dict[str, str]:
    return {**os.environ, **servers.environment_of(stack)}


@pytest.mark.full
async def test_a_load_on_a_running_stack_is_reported_as_it_happened(
    environment: dict[str, str], stack: Settings, project: str, tmp_path: Path
) -> None:
    arguments = ("--documents", str(DOCUMENTS), "--concurrency", "3", "--rate", "50", "--baseline", str(BARE))
    besides = ("--at-rest", "2", "--tenths")
    where = ("--running", "-p", project, "--report", str(tmp_path / "a.json"), "-o", "json")
    finished = await enrich("bench", *arguments, *besides, *where, environment=environment)
    assert finished.code == 0, finished.err
    assert project in finished.err
    report = finished.json()
    assert report == json.loads((tmp_path / "a.json").read_text())
    nodes = await stores.nodes(stack, project)
    assert len(nodes) == DOCUMENTS
    assert {node["enrichment_status"] for node in nodes.values()} == {"completed"}
    listed = [json.loads(line) for line in Path(report["submitted"]).read_text().splitlines()]
    assert {each["document_id"]: each["content_hash"] for each in listed} == {
        key: node["content_hash"] for key, node in nodes.items()
    }
    counts = {"submitted": DOCUMENTS, "enriched": DOCUMENTS, "parked": 0, "skipped": 0, "lost": 0}
    assert report["validation"] == counts | {"lost_ids": [], "drift": {}}
    assert (report["errors"], report["answers"], report["notes"]) == ({}, {"indexed": DOCUMENTS}, [])
    assert report["indexing"]["documents"] == report["enrichment"]["documents"] == DOCUMENTS
    # 24 documents at 50 per second: the last one is due 0.46 s after the first.
    assert report["indexing"]["seconds"] >= 0.46
    for latencies in (report["accept_ms"], report["accept_to_enriched_ms"]):
        assert 0 < latencies["p50"] <= latencies["p95"] <= latencies["p99"] <= latencies["max"]
        assert latencies["count"] == DOCUMENTS
    assert report["simulated_latency"] == 0
    assert {each["name"] for each in report["processes"]} == {"bridge", "intelligence", "ingress", "worker"}
    assert report["not_told"] == ["Temporal", "Kafka", "graph", "vectors"]
    assert report["at_rest"]["ended"]["count"] == report["at_rest"]["enriched"]["count"] == 2
    assert len(await stores.nodes(stack, f"{project}-at-rest")) == 2 + WARM_UP
    assert sum(each["documents"] for each in report["growth"]["tenths"]) == DOCUMENTS
    _assert_baseline(report)
    await _assert_compared(report, tmp_path, environment)
    again = await enrich("bench", "--running", "-p", project, environment=environment)
    assert again.code == 2
    assert f"already has {DOCUMENTS} documents" in again.err


def _assert_baseline(report: dict) -> None:
    """A bare workflow has as many events and transitions as the product's."""
    bare = report["baseline"]
    assert bare["workflows"] == BARE == bare["history"]["sampled"]
    assert report["history"]["sampled"] == 20
    assert abs(report["history"]["events"] - bare["history"]["events"]) < 3
    assert abs(report["history"]["state_transitions"] - bare["history"]["state_transitions"]) < 3
    assert report["ratio"] == round(report["enrichment"]["per_second"] / bare["per_second"], 3)


async def _assert_compared(report: dict, directory: Path, environment: dict[str, str]) -> None:
    """Compared with a run of another size, which is reported before any ratio."""
    other = report | {"parameters": report["parameters"] | {"documents": 1000}}
    (directory / "b.json").write_text(json.dumps(other))
    paths = (str(directory / "a.json"), str(directory / "b.json"))
    found = (await enrich("bench", "compare", *paths, "-o", "json", environment=environment)).json()
    assert found["differences"] == {"documents": [str(DOCUMENTS), "1000"]}
    assert {each["ratio"] for each in found["figures"]} == {1.0, None}
    compared = await enrich("bench", "compare", *paths, environment=environment)
    assert (compared.code, "Not comparable" in compared.err, "accept p99" in compared.out) == (0, True, True)


async def test_a_latency_is_simulated_in_an_own_stack_alone(environment: dict[str, str]) -> None:
    finished = await enrich("bench", "--running", "--intelligence-latency", "1s", environment=environment)
    assert (finished.code, finished.out) == (2, "")
    assert "--intelligence-latency" in finished.err
