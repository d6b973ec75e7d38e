"""`enrich ingest` on an existing project: repeated, interrupted, previewed, recorded and pruned."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from archon.contracts import identity
from archon.runtime.settings import Settings
from tests import stores
from tests.e2e.command import enrich, start_enrich
from tests.eventually import eventually
from tests.repositories import git, repository
from tests.stacks import TestServers


@pytest.fixture
def environment(servers: TestServers, stack: Settings) -> dict[str, str]:
    return {**os.environ, **servers.environment_of(stack)}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Three files in a git repository, and one that is never text."""
    root = tmp_path / "tree"
    root.mkdir()
    for name in ("a.py", "b.py", "c.md"):
        (root / name).write_text(f"# {name}\n")
    repository(root)
    (root / "image.png").write_bytes(b"\x89PNG\0\0")
    return root


async def paths(settings: Settings, project: str) -> dict[str, dict[str, Any]]:
    return {node["file_path"]: node for node in (await stores.nodes(settings, project)).values()}


def recorded(file: Path) -> dict[str, str]:
    lines = map(json.loads, file.read_text().splitlines())
    return {line["document_id"]: line["content_hash"] for line in lines}


async def test_only_what_is_new_or_changed_is_sent(
    environment: dict[str, str], stack: Settings, tree: Path, project: str
) -> None:
    # Another client's document that never ends must not be waited for.
    await stores.query(
        stack,
        "CREATE (:Document {entity_id: $id, project_name: $p, file_path: 'other', version: 1, "
        "content_hash: $hash, enrichment_status: 'pending', indexed_at: '2020-01-01T00:00:00+00:00'})",
        id=str(uuid4()),
        p=project,
        hash="0" * 64,
    )
    record = tree / "submitted.jsonl"
    command = ("ingest", str(tree), "-p", project, "-o", "json", "--record", str(record))
    first = await enrich(*command, "--priority", "high", environment=environment)
    assert first.code == 0, first.err
    report = first.json()
    assert {name: report[name] for name in ("documents", "new", "enriched", "unchanged", "skipped")} == {
        "documents": 3,
        "new": 3,
        "enriched": 3,
        "unchanged": 0,
        "skipped": 1,
    }
    nodes = await paths(stack, project)
    metadata = json.loads(nodes["a.py"]["metadata"])
    assert metadata["git_commit_hash"] == report["commit"] is not None
    assert metadata["file_size_bytes"] == 7
    assert "last_modified" in metadata
    (tree / "b.py").write_text("changed = 1\n")
    (tree / "d.py").write_text("new = 1\n")
    rehearsed = (await enrich(*command, "--dry-run", environment=environment)).json()
    assert rehearsed["paths"] == {"new": ["d.py"], "changed": ["b.py"]}
    assert (rehearsed["unchanged"], rehearsed["skipped_by_reason"]) == (2, {"binary": 1})
    assert await paths(stack, project) == nodes
    second = await enrich(*command, environment=environment)
    assert second.code == 0, second.err
    report = second.json()
    figures = ("documents", "new", "changed", "unchanged", "enriched", "pending", "missing")
    assert [report[name] for name in figures] == [4, 1, 1, 2, 4, 0, 0]
    now = await paths(stack, project)
    assert {path: node["version"] for path, node in now.items() if path != "other"} == {
        "a.py": 1,
        "b.py": 2,
        "c.md": 1,
        "d.py": 1,
    }
    ours = [node for path, node in now.items() if path != "other"]
    assert recorded(record) == {node["entity_id"]: node["content_hash"] for node in ours}


async def test_an_interrupted_ingest_goes_on_where_it_stopped(
    environment: dict[str, str], stack: Settings, tmp_path: Path, project: str
) -> None:
    tree, record = tmp_path / "tree", tmp_path / "submitted.jsonl"
    tree.mkdir()
    for number in range(80):
        (tree / f"{number}.txt").write_text(str(number))
    command = ("ingest", str(tree), "-p", project, "--record", str(record), "--no-wait", "-o", "json")
    process = await start_enrich(*command, environment=environment)

    async def some() -> bool:
        return record.exists() and len(record.read_text().splitlines()) >= 5

    await eventually(some)
    process.send_signal(signal.SIGINT)
    _, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 130
    assert b"continues where it stopped" in err
    assert set(recorded(record)) <= set(await stores.nodes(stack, project))
    finished = await enrich(*command, environment=environment)
    assert finished.code == 0, finished.err
    report = finished.json()
    assert report["documents"] == report["new"] + report["unchanged"] == 80
    assert report["unchanged"] >= 5
    assert report["new"] > 0
    assert set(recorded(record)) == set(await stores.nodes(stack, project))


async def test_what_cannot_be_meant_is_refused_before_anything_is_sent(
    environment: dict[str, str], stack: Settings, tree: Path, project: str
) -> None:
    command = ("ingest", str(tree), "-p", project)
    assert (await enrich(*command, "--no-wait", environment=environment)).code == 0
    (tree / "sub").mkdir()
    empty = await enrich("ingest", str(tree / "sub"), "-p", project, "--prune", environment=environment)
    assert (empty.code, "not a directory with files" in empty.err) == (2, True)
    (tree / "sub" / "x.py").write_text("")
    inside = ("ingest", str(tree / "sub"), "-p", project, "--prune")
    mistaken = await enrich(*inside, environment=environment)
    assert (mistaken.code, "3 of the 3 documents" in mistaken.err) == (2, True)
    assert (await enrich(*inside, "--dry-run", "-o", "json", environment=environment)).json()["pruned"] == 3
    assert set(await paths(stack, project)) == {"a.py", "b.py", "c.md"}


async def test_prune_deletes_what_ingest_made_and_whose_file_is_gone(
    environment: dict[str, str], stack: Settings, tree: Path, project: str
) -> None:
    async with httpx.AsyncClient(base_url=stack.bridge_url) as bridge:
        own = {"project_id": project, "document_id": "mine", "source_path": "not/a/file", "full_text": "x"}
        (await bridge.post("/api/bridge/document", json=own)).raise_for_status()
    command = ("ingest", str(tree), "-p", project, "--no-wait", "-o", "json")
    assert (await enrich(*command, environment=environment)).code == 0
    (tree / "b.py").unlink()
    (tree / ".gitignore").write_text("c.md\n")
    pruned = await enrich(*command, "--prune", "--exclude", "a.py", environment=environment)
    assert pruned.code == 0, pruned.err
    assert pruned.json()["pruned"] == 1
    document_id, _ = identity.document_id(project, None, "b.py")

    async def gone() -> bool:
        return document_id not in await stores.nodes(stack, project)

    await eventually(gone)
    assert set(await paths(stack, project)) == {"not/a/file", "a.py", "c.md", ".gitignore"}


async def test_a_renamed_file_keeps_its_document_and_what_is_gone_is_told(
    environment: dict[str, str], stack: Settings, tree: Path, project: str
) -> None:
    text = "".join(f"def step_{number}():\n    return {number}\n" for number in range(40))
    (tree / "base.py").write_text(text)
    git(tree, "add", "-A")
    git(tree, "commit", "-q", "-m", "two")
    command = ("ingest", str(tree), "-p", project, "-o", "json")
    assert (await enrich(*command, environment=environment)).code == 0
    before = await paths(stack, project)
    # One rename that git detects although the file changed; one that it does not detect, with the same
    # content; one deleted file.
    git(tree, "mv", "base.py", "core.py")
    (tree / "core.py").write_text(text + "# one more\n")
    (tree / "a.py").rename(tree / "moved.py")
    (tree / "c.md").unlink()
    rehearsed = (await enrich(*command, "--dry-run", environment=environment)).json()
    assert (rehearsed["renamed"], rehearsed["gone_files"]) == (2, ["c.md"])
    assert await paths(stack, project) == before
    outcome = await enrich(*command, environment=environment)
    assert outcome.code == 0, outcome.err
    report = outcome.json()
    figures = ("new", "changed", "renamed", "unchanged", "gone", "pruned", "missing")
    assert [report[name] for name in figures] == [0, 0, 2, 1, 1, 0, 0]
    assert report["renamed_files"] == [
        {"from": "base.py", "to": "core.py"},
        {"from": "a.py", "to": "moved.py"},
    ]
    after = await paths(stack, project)
    assert set(after) == {"core.py", "moved.py", "b.py", "c.md"}
    ids = {path: node["entity_id"] for path, node in before.items()}
    assert (after["core.py"]["entity_id"], after["core.py"]["version"]) == (ids["base.py"], 2)
    assert (after["moved.py"]["entity_id"], after["moved.py"]["version"]) == (ids["a.py"], 1)
    shown = await enrich("search", "step_7", "-p", project, "-o", "json", environment=environment)
    assert shown.json()["hits"][0]["file_path"] == "core.py"
    found = await enrich("search", "def a", "-p", project, "-o", "json", environment=environment)
    assert "moved.py" in {hit["file_path"] for hit in found.json()["hits"]}
    assert "a.py" not in {hit["file_path"] for hit in found.json()["hits"]}
    # The same content again is not new; a new file at an old path is another document.
    (tree / "a.py").write_text("x = 1\n")
    outcome = await enrich(
        "ingest", str(tree), "-p", project, "--prune", "--no-wait", environment=environment
    )
    assert outcome.code == 0, outcome.err
    now = await paths(stack, project)
    assert set(now) == {"a.py", "core.py", "moved.py", "b.py"}
    assert now["moved.py"]["entity_id"] == ids["a.py"] != now["a.py"]["entity_id"]
    third = (await enrich(*command, "--no-wait", environment=environment)).json()
    assert [third[name] for name in figures] == [0, 0, 0, 4, 0, 0, 0]


async def test_what_is_skipped_is_named(
    environment: dict[str, str], stack: Settings, tree: Path, project: str
) -> None:
    (tree / ".env").write_text("PASSWORD=geheim\n")
    (tree / ".gitignore").write_text("*.log\nbuild/\n")
    for name in ("a.log", "build/b.py", "wide.txt"):
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_bytes("x\n".encode("utf-16"))
    (tree / "build" / "c.py").write_text("")
    git(tree, "worktree", "add", "-q", "second")
    command = ("ingest", str(tree), "-p", project, "--no-wait")
    outcome = await enrich(*command, "--show-skipped", environment=environment)
    assert outcome.code == 0, outcome.err
    lines = [line for line in outcome.out.splitlines() if line.startswith("skipped ")]
    assert {
        "skipped .env: holds a secret: its name",
        "skipped a.log: ignored",
        "skipped build/: ignored directory",
        "skipped image.png: binary",
        "skipped second/: another checkout",
    } <= set(lines)
    assert "--include-secrets" in outcome.err
    assert set(await paths(stack, project)) >= {"a.py", "b.py", "c.md", ".gitignore"}
    assert not {".env", "second/a.py", "build/c.py"} & set(await paths(stack, project))
    report = (await enrich(*command, "-o", "json", environment=environment)).json()
    assert {"path": "second/", "reason": "another checkout"} in report["skipped_files"]
    assert len(report["skipped_files"]) == report["skipped"]
    assert (await enrich(*command, "--include-secrets", environment=environment)).code == 0
    sent = (await paths(stack, project))[".env"]["entity_id"]
    assert (await enrich(*command, "-o", "json", environment=environment)).json()[
        "documents_with_secrets"
    ] == [sent]


async def test_a_directory_that_git_ignores_is_told_as_such(
    environment: dict[str, str], tree: Path, project: str
) -> None:
    (tree / ".gitignore").write_text("build/\n")
    (tree / "build").mkdir()
    (tree / "build" / "a.py").write_text("")
    file = await enrich("ingest", str(tree / "build" / "a.py"), "-p", project, environment=environment)
    assert (file.code, "ignored" in file.err) == (2, True)
    inside = await enrich("ingest", str(tree / ".git"), "-p", project, environment=environment)
    assert (inside.code, "git directory" in inside.err) == (2, True)
    whole = await enrich("ingest", str(tree / "build"), "-p", project, environment=environment)
    assert "1 ignored directory" in whole.out
    refused = {**environment, "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    outcome = await enrich("ingest", str(tree), "-p", project, "--dry-run", environment=refused)
    assert (outcome.code, "dubious ownership" in outcome.err) == (0, True)
