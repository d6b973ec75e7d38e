"""The `enrich` command as people and programs use it, each verb in a separate process."""

import ast
import json
import os
import shutil
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import httpx
import pytest

from archon.runtime.settings import Settings
from tests import factories, stores
from tests.e2e.command import enrich
from tests.e2e.events import read_all
from tests.eventually import eventually
from tests.stacks import TestServers

TYPESCRIPT = "import { a } from './a';\nexport function f(x: number): number { return a(x); }\n"
DOCUMENTATION = "# Title\n\nText.\n\n## Part\n"


@pytest.fixture
def environment(servers: TestServers, stack: Settings) -> dict[str, str]:
    return {**os.environ, **servers.environment_of(stack)}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A small foreign repository in mixed languages: an installed package, and some of everything.

    ARCHON_TEST_REPOSITORY names another one.
    """
    if given := os.environ.get("ARCHON_TEST_REPOSITORY"):
        return Path(given)
    root = tmp_path / "repository"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(httpx.__file__).parent, root / "httpx", ignore=ignored)
    files = {
        "web/app.ts": TYPESCRIPT,
        "README.md": DOCUMENTATION,
        "config.toml": "[a]\nb = 1\n",
        "query.sql": "select 1;\n",
        "empty/__init__.py": "",
        "odd name ☃.py": "def snow(): pass\n",
        "copy.ts": TYPESCRIPT,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "image.png").write_bytes(b"\x89PNG\0\0")
    return root


@pytest.mark.parametrize("via", ["http", "kafka"])
async def test_ingest_ends_with_everything_enriched_and_all_stores_agreeing(
    environment: dict[str, str], stack: Settings, repository: Path, project: str, via: str
) -> None:
    arguments = ("ingest", str(repository), "-p", project, "--via", via, "-o", "json")
    finished = await enrich(*arguments, environment=environment)
    assert finished.code == 0, finished.err
    report = finished.json()
    files = {path.relative_to(repository).as_posix() for path in repository.rglob("*") if path.is_file()}
    nodes = list((await stores.nodes(stack, project)).values())
    assert report["failed"] == 0
    assert report["documents"] == report["enriched"] == len(nodes) > 25
    assert report["documents"] + report["skipped"] == len(files)
    assert {node["file_path"] for node in nodes} <= files
    await _assert_points_agree(stack, nodes)
    await _assert_events_agree(stack, nodes)
    await _assert_python_agrees_with_ast(stack, repository, nodes)
    again = await enrich(*arguments, environment=environment)
    assert again.code == 0
    assert {node["version"] for node in list((await stores.nodes(stack, project)).values())} == {1}


async def _assert_points_agree(stack: Settings, nodes: list[dict[str, Any]]) -> None:
    points = await stores.points(stack, [node["entity_id"] for node in nodes])
    for node in nodes:
        payload = points[node["entity_id"]].payload or {}
        for name in ("version", "content_hash", "enrichment_status"):
            assert payload[name] == node[name], node["file_path"]
        assert payload["embedded_hash"] == node["enrichment_content_hash"] == node["content_hash"]
    assert all(point.vector for point in points.values())


async def _assert_events_agree(stack: Settings, nodes: list[dict[str, Any]]) -> None:
    ids = {node["entity_id"] for node in nodes}

    async def all_told() -> Counter[str] | None:
        events = await read_all(stack, stack.kafka_completed_topic)
        counts = Counter(each["key"] for each in events if each["key"] in ids)
        return counts if set(counts) == ids else None

    assert set((await eventually(all_told)).values()) == {1}
    progress: dict[str, list[int]] = defaultdict(list)
    for event in await read_all(stack, stack.kafka_progress_topic):
        progress[event["key"]].append(event["value"]["progress_percent"])
    # Each stage is reported by one short attempt, which a busy machine may delay too much.
    stages_seen = [progress[document] for document in ids]
    assert all(each == sorted(set(each)) and {10, 60, 80, 100} >= set(each) for each in stages_seen)
    assert {stage for each in stages_seen for stage in each} == {10, 60, 80, 100}


async def _assert_python_agrees_with_ast(
    stack: Settings, repository: Path, nodes: list[dict[str, Any]]
) -> None:
    compared = 0
    for node in nodes:
        if node.get("language") != "python":
            continue
        try:
            tree = ast.parse((repository / node["file_path"]).read_bytes())
        except SyntaxError:
            continue
        kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
        expected = Counter((each.name, each.lineno) for each in ast.walk(tree) if isinstance(each, kinds))
        found = await stores.query(
            stack,
            "MATCH (d:Document {entity_id: $id})-[:CONTAINS]->(e:Entity) RETURN e.name, e.start_line",
            id=node["entity_id"],
        )
        assert Counter((name, line) for name, line in found) == expected, node["file_path"]
        compared += sum(expected.values())
    assert compared > 300


async def test_status_and_search_speak_to_people_and_programs(
    environment: dict[str, str], tmp_path: Path, project: str
) -> None:
    (tmp_path / "roses.md").write_text("# Gardening\n\nWater the roses.\n")
    assert (await enrich("ingest", str(tmp_path), "-p", project, environment=environment)).code == 0
    counted = (await enrich("status", "-p", project, "-o", "json", environment=environment)).json()
    assert counted["statuses"] == {"completed": 1}
    (row,) = (
        await enrich("status", "-p", project, "--list", "completed", "-o", "json", environment=environment)
    ).json()
    one = await enrich("status", row["document_id"], environment=environment)
    assert "roses.md" in one.out
    assert "Gardening" in one.out
    found = await enrich("search", "watering flowers", "-p", project, environment=environment)
    assert "roses.md" in found.out
    missing = await enrich("status", "no-such-document", environment=environment)
    assert (missing.code, missing.out) == (4, "")
    assert "no-such-document" in missing.err


async def test_publish_puts_a_request_on_kafka(
    environment: dict[str, str], stack: Settings, tmp_path: Path, project: str
) -> None:
    (tmp_path / "a.py").write_text("def f(): pass\n")
    await enrich("ingest", str(tmp_path / "a.py"), "-p", project, environment=environment)
    (node,) = list((await stores.nodes(stack, project)).values())
    request = factories.request(project, content_hash=node["content_hash"]).model_dump(
        mode="json", exclude_none=True
    )
    del request["correlation_id"], request["indexed_at"]
    finished = await enrich("publish", "-", "-o", "json", environment=environment, stdin=json.dumps(request))
    assert finished.code == 0, finished.err
    assert request["document_id"] in finished.json()["workflow_id"]

    async def both() -> bool:
        found = list((await stores.nodes(stack, project)).values())
        return [each["enrichment_status"] for each in found] == ["completed"] * 2

    await eventually(both)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("not json", "is not JSON"),
        ("[]", "not a JSON object"),
        ('{"document_id": "x"}', "document_id: must be a UUID"),
    ],
)
async def test_a_bad_request_is_named(
    environment: dict[str, str], tmp_path: Path, content: str, named: str
) -> None:
    (tmp_path / "request.json").write_text(content)
    finished = await enrich("publish", str(tmp_path / "request.json"), environment=environment)
    assert finished.code == 2
    assert named in finished.err
    assert "request.json" in finished.err


async def test_what_is_unreachable_or_missing_is_told_by_the_exit_code(
    environment: dict[str, str], tmp_path: Path
) -> None:
    nobody = environment | {"BRIDGE_URL": "http://127.0.0.1:1", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    request = factories.request().model_dump_json(exclude_none=True)
    assert (await enrich("status", environment=nobody)).code == 3
    assert (await enrich("publish", "-", environment=nobody, stdin=request)).code == 3
    missing = await enrich("ingest", str(tmp_path / "nowhere"), environment=environment)
    assert missing.code == 2
    assert "nowhere" in missing.err
    assert (await enrich("ingest", environment=environment)).code == 2


# tests/e2e/test_demo.py has the rest of the demo, tests/e2e/test_stack.py a stack of its own.
@pytest.mark.full
async def test_the_demo_runs_on_a_stack_of_its_own(repository: Path, tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    arguments = ("demo", str(repository), "--data-dir", str(data_dir), "-o", "json")
    finished = await enrich(*arguments, environment=os.environ)
    assert finished.code == 0, finished.err
    report = finished.json()
    assert report["documents"] == report["enriched"] > 25
    assert report["data_dir"] == str(data_dir)
    assert report["entities"] > 300
    wanted = {
        *("failed", "skipped", "seconds", "documents_per_second"),
        *("index_p50_ms", "index_p95_ms", "enrich_p50_ms", "enrich_p95_ms"),
    }
    assert wanted <= set(report)
    assert all(each["hits"] for each in report["searches"])
    assert report["impact"]["changed"] and report["impact"]["relations"]
    assert {file.name for file in (data_dir / "logs").iterdir()} >= {
        "bridge.log",
        "temporal.log",
        "worker.log",
    }
