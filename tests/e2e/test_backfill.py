"""A backfill on all real services: it does not delay live traffic, and the command line controls it."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import Response
from temporalio.client import Client
from temporalio.service import RPCError

from archon.cli.backfill.scan import read_ids
from archon.cli.terminal.output import Exit
from archon.contracts import names
from archon.contracts.documents import Document
from archon.contracts.errors import InvalidInputError
from archon.contracts.operations.backfill import BackfillInput, BackfillState, Criteria
from archon.contracts.types import EnrichmentStatus
from archon.runtime.temporal import client as temporal
from archon.runtime.temporal.backfills import Backfill
from archon.stores.content import ContentStore
from archon.stores.graph.store import GraphStore
from tests import factories, stores
from tests.e2e import command
from tests.e2e.conftest import BACKLOG, CONCURRENCY, FaultyStack
from tests.e2e.faulty import well
from tests.eventually import eventually

UNENRICHED = 500
LIVE = 50
MAX_BACKLOG = 12


class Gate:
    """An analysis that waits until the gate opens; the analysed documents, in order of their calls."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.opened.set()
        self.called: list[str] = []
        self.inside = 0

    async def __call__(self, body: dict[str, Any]) -> Response:
        self.called.append(body["document_id"])
        self.inside += 1
        try:
            await self.opened.wait()
            await asyncio.sleep(0.01)
            return await well(body)
        finally:
            self.inside -= 1


@pytest.fixture
def gate(faulty: FaultyStack) -> Iterator[Gate]:
    gate = Gate()
    faulty.intelligence.behaviour = gate
    yield gate
    gate.opened.set()


async def skipped(faulty: FaultyStack, project: str, count: int) -> list[Document]:
    """Documents that are indexed only, with their texts."""
    content, slots = ContentStore.open(faulty.settings), asyncio.Semaphore(16)
    async with GraphStore.connect(faulty.settings) as graph:

        async def one(number: int) -> Document:
            text = f"def f_{number}(): pass\n# {uuid4()}\n"
            document = factories.document(project, text, file_path=f"src/m{number}.py")
            async with slots:
                await content.put_text(document.content_hash, text)
                await graph.index(document, str(uuid4()), status=EnrichmentStatus.SKIPPED)
            return document

        return list(await asyncio.gather(*map(one, range(count))))


async def post(bridge: httpx.AsyncClient, project: str, count: int, priority: str) -> list[str]:
    slots = asyncio.Semaphore(8)

    async def one(number: int) -> str:
        document = {
            "project_id": project,
            "source_path": f"src/m{number}.py",
            "full_text": f"def f(): pass\n# {uuid4()}\n",
            "priority": priority,
        }
        async with slots:
            response = await bridge.post("/document", json=document)
        assert response.status_code == 200, response.text
        document_id: str = response.json()["document_id"]
        return document_id

    return list(await asyncio.gather(*map(one, range(count))))


async def completed(faulty: FaultyStack, project: str) -> dict[str, str]:
    """Times of enrichment of a project's documents."""
    nodes = await stores.nodes(faulty.settings, project)
    return {
        key: node["enriched_at"]
        for key, node in nodes.items()
        if node["enrichment_status"] == EnrichmentStatus.COMPLETED
    }


@asynccontextmanager
async def backfilling(client: Client, project: str) -> AsyncIterator[Backfill]:
    """A backfill limited only by the backlog, cancelled at the end."""
    backfill = Backfill(client, names.backfill_workflow_id(project))
    await backfill.start(
        BackfillInput(
            backfill_id=str(uuid4()),
            criteria=Criteria(project_name=project),
            rate=0,
            batch_size=MAX_BACKLOG,
            max_backlog=MAX_BACKLOG,
        )
    )
    try:
        yield backfill
    finally:
        await backfill.signal(names.SIGNAL_CANCEL)


@pytest.mark.full
@pytest.mark.timeout(180)
async def test_50_live_documents_are_enriched_before_a_backfill_of_500_goes_on(
    faulty: FaultyStack, bridge: httpx.AsyncClient, gate: Gate, project: str
) -> None:
    live_project = f"{project}-live"
    await skipped(faulty, project, UNENRICHED)
    client = await temporal.connect(faulty.settings)
    runs = temporal.EnrichmentClient(client)

    async def under_way() -> bool:
        return len(gate.called) > 2 * MAX_BACKLOG

    async def full() -> int | None:
        """Every slot is taken, all analyses are written, and the backfill waits for the rest."""
        progress = await backfill.progress()
        analysed = len(gate.called) - CONCURRENCY
        still = gate.inside == CONCURRENCY and len(await completed(faulty, project)) == analysed
        waits = progress.state is BackfillState.WAITING and progress.requested > len(gate.called)
        return progress.requested if still and waits else None

    async def live_ones_queued() -> bool:
        return (await runs.backlog()).analyses >= in_flight - CONCURRENCY + 4

    async def all_live_ones() -> bool:
        return len(await completed(faulty, live_project)) == LIVE

    async with backfilling(client, project) as backfill:
        await eventually(under_way)
        gate.opened.clear()
        requested = await eventually(full)
        before = await completed(faulty, project)
        in_flight = requested - len(before)
        # Otherwise the ingress would pause before a live document is in Temporal.
        assert in_flight - CONCURRENCY + 4 <= BACKLOG
        live = set(await post(bridge, live_project, LIVE, "high"))
        await eventually(live_ones_queued)
        gate.opened.set()
        await eventually(all_live_ones)
        times = {**await completed(faulty, project), **await completed(faulty, live_project)}
    order = "".join("H" if key in live else "." for key in sorted(times, key=times.__getitem__))
    measured = order[len(before) :]
    between = measured[: measured.rindex("H")].count(".")
    print(  # noqa: T201
        f"\n{len(before)} of {UNENRICHED} were enriched and {in_flight} requested, {CONCURRENCY} of them"
        f" begun, when {LIVE} live ones came. Enriched since, in this order: {measured}"
    )
    # Only requests from before may come between; requests waiting in Temporal are overtaken.
    assert between <= in_flight, measured
    assert "H" in measured[:in_flight], measured
    ended = await backfill.result()
    assert ended.state is BackfillState.CANCELLED
    assert requested <= ended.requested < UNENRICHED


async def asked_for_analysis(faulty: FaultyStack, document_ids: list[str]) -> bool:
    """Whether each document's run has scheduled its analysis; the queue's own count is approximate."""
    client = await temporal.connect(faulty.settings)
    for document_id in document_ids:
        (node,) = await stores.query(
            faulty.settings, "MATCH (d:Document {entity_id: $id}) RETURN d.content_hash", id=document_id
        )
        handle = client.get_workflow_handle(names.enrichment_workflow_id(document_id, node[0]))
        try:
            found = (await handle.describe()).raw_description
        except RPCError:  # not started yet
            return False
        if "analyse" not in {each.activity_type.name for each in found.pending_activities}:
            return False
    return True


async def test_projects_are_served_in_turn(
    faulty: FaultyStack, bridge: httpx.AsyncClient, gate: Gate, project: str
) -> None:
    gate.opened.clear()
    first = await post(bridge, project, 14, "normal")

    async def slots_taken() -> bool:
        return gate.inside == CONCURRENCY

    await eventually(slots_taken)
    await eventually(lambda: asked_for_analysis(faulty, first))
    second = set(await post(bridge, f"{project}-other", 4, "normal"))
    await eventually(lambda: asked_for_analysis(faulty, [*first, *second]))
    gate.opened.set()

    # A call that waited too long at the gate is repeated; the first call counts for the order.
    async def all_called() -> bool:
        return len(set(gate.called)) == 18

    await eventually(all_called)
    order = "".join("B" if key in second else "a" for key in dict.fromkeys(gate.called))
    print(f"\nThe 4 of the second project came last, and were begun in this order: {order}")  # noqa: T201
    assert Counter(gate.called).keys() == {*first, *second}
    # In order of arrival the first of them would be the 15th; the server does not define the last.
    assert order.index("B") < 10, order


async def lacking(faulty: FaultyStack, project: str, path: str, text: str) -> str:
    """A document that is indexed only, without its text."""
    document = factories.document(project, text, file_path=path, external_id=f"own:{path}")
    async with GraphStore.connect(faulty.settings) as graph:
        await graph.index(document, str(uuid4()), status=EnrichmentStatus.SKIPPED)
    return document.entity_id


async def test_the_command_line_finds_supplies_and_follows(
    faulty: FaultyStack, project: str, tmp_path: Path
) -> None:
    root, file = tmp_path / "source", tmp_path / "found.jsonl"
    (root / "src").mkdir(parents=True)
    (root / "src" / "same.py").write_text("same = 1\n")
    (root / "src" / "changed.py").write_text("changed = 2\n")
    (root / "src" / "old.py").write_text("def old(): pass\n")
    (tmp_path / "secret.py").write_text("secret = 1\n")
    (root / "src" / "link.py").symlink_to(tmp_path / "secret.py")
    await skipped(faulty, project, 3)
    same = await lacking(faulty, project, "src/same.py", "same = 1\n")
    changed = await lacking(faulty, project, "src/changed.py", "changed = 1\n")
    absent = await lacking(faulty, project, "src/absent.py", "absent = 1\n")
    outside = [await lacking(faulty, project, path, "x") for path in ("../secret.py", "src/link.py")]
    old = str(uuid4())
    node = {"entity_id": old, "properties.project_id": project, "properties.source_path": "src/old.py"}
    await stores.query(faulty.settings, "CREATE (d:Document) SET d += $node", node=node)

    async def backfill(*arguments: str, code: Exit = Exit.OK, of: str = project) -> command.Finished:
        done = await command.enrich("backfill", *arguments, "--project", of, environment=faulty.environment)
        assert done.code == code, done.err
        return done

    found = (await backfill("find", "--output", str(file), "-o", "json")).json()["documents"]
    assert [(row["reason"], row["documents"], row["without_text"]) for row in found] == [
        ("older_shape", 1, 1),
        ("unenriched", 8, 5),
    ]
    lines = {row["document_id"]: row for row in map(json.loads, file.read_text().splitlines())}
    assert (len(lines), lines[old]["file_path"], lines[same]["has_text"]) == (9, "src/old.py", False)

    for supplying in (["--dry-run"], []):
        started = (await backfill("start", "--source-root", str(root), "-o", "json", *supplying)).json()
        assert (started["supplied"]["kept"], started["supplied"]["indexed"]) == (1, 2)
        missing = {row["document_id"]: row["why"] for row in started["supplied"]["missing"]}
        assert missing == {
            absent: "there is no such file",
            **dict.fromkeys(outside, "its path is outside the source root"),
        }
        if supplying:
            progress = started["progress"]
            assert (progress["state"], progress["requested"], progress["total"]) == ("completed", 3, 8)
            assert await completed(faulty, project) == {}
            await backfill("status", code=Exit.NOT_FOUND)

    watched = (await backfill("status", "--watch", "-o", "json")).out.splitlines()
    last = json.loads(watched[-1])
    assert (last["state"], last["requested"], last["enriched"]) == ("completed", 6, 6)
    assert (last["without_text"], len(last["listed"])) == (3, 3)
    nodes = await stores.nodes(faulty.settings, project)
    assert {key for key in lines if nodes[key]["enrichment_status"] == "skipped"} == {absent, *outside}
    assert (nodes[changed]["version"], nodes[changed]["external_id"]) == (2, "own:src/changed.py")
    assert (nodes[same]["version"], nodes[old]["version"]) == (1, 1)

    shown = await backfill("status")
    assert "6 of 6" in shown.out
    assert "its text is in no store" in shown.out
    wrong = await backfill("start", "--input", str(tmp_path / "secret.py"), code=Exit.USAGE)
    assert "secret.py:1" in wrong.err
    nobody = await backfill("status", code=Exit.NOT_FOUND, of="nobody")
    assert "there was no backfill backfill-nobody" in nobody.err
    ended = await backfill("pause", code=Exit.NOT_FOUND)
    assert "no running backfill" in ended.err


async def test_what_would_never_end_is_refused_and_nothing_to_do_is_no_error(
    faulty: FaultyStack, project: str, tmp_path: Path
) -> None:
    await skipped(faulty, project, 1)
    (tmp_path / "empty.jsonl").write_text("")

    async def backfill(*arguments: str) -> command.Finished:
        return await command.enrich(
            "backfill", *arguments, "--project", project, environment=faulty.environment
        )

    nothing = await backfill("start", "--input", str(tmp_path / "empty.jsonl"))
    assert (nothing.code, "nothing to enrich" in nothing.err) == (Exit.OK, True)
    for wrong in (["--analyser-older-than", "99"], ["--rate", "inf"], ["--rate", "nan"], ["--rate", "-1"]):
        refused = await backfill("start", *wrong)
        assert (refused.code, wrong[0] in refused.err) == (Exit.USAGE, True)
    assert (await backfill("status")).code == Exit.NOT_FOUND
    current = await backfill("find", "--analyser-older-than", "current", "-o", "json")
    assert [row["reason"] for row in current.json()["documents"]] == ["unenriched"]


async def test_a_list_is_backfilled_and_the_rest_is_not(
    faulty: FaultyStack, gate: Gate, project: str, tmp_path: Path
) -> None:
    documents = await skipped(faulty, project, 6)
    listed = {each.entity_id for each in documents[:4]}
    file = tmp_path / "list.jsonl"
    unknown = str(uuid4())
    lines = [json.dumps({"document_id": each.upper()}) for each in [*sorted(listed), unknown]]
    file.write_text("\n".join(lines))
    gate.opened.clear()

    async def backfill(*arguments: str, code: Exit = Exit.OK) -> command.Finished:
        done = await command.enrich("backfill", *arguments, environment=faulty.environment)
        assert done.code == code, done.err
        return done

    start = ("start", "--input", str(file), "--batch-size", "2", "--max-backlog", "2")
    await backfill(*start)
    assert "`enrich backfill cancel --input` ends it" in (await backfill(*start, code=Exit.FAILED)).err
    await backfill("pause")
    paused = (await backfill("status", "--input", "-o", "json")).json()
    assert (paused["state"], paused["eta_seconds"]) == ("paused", None)
    await backfill("resume")
    gate.opened.set()

    async def all_listed() -> bool:
        return set(await completed(faulty, project)) == listed

    await eventually(all_listed)
    lists = Path(faulty.settings.content_store_url.removeprefix("file://")) / "backfill"

    async def forgotten() -> bool:
        return not any(each.is_file() for each in lists.rglob("*"))

    await eventually(forgotten)
    ended = (await backfill("status", "--input", "-o", "json")).json()
    assert (ended["requested"], ended["unknown"]) == (4, 1)
    assert [(each["document_id"], each["why"]) for each in ended["listed"]] == [
        (unknown, "there is no such document")
    ]


@pytest.mark.parametrize("line", [b"\xff\xfe", b"[" * 100_000, b'{"document_id": "\\ud800"}', b"{}"])
async def test_a_list_that_cannot_be_read_is_told_by_its_line(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "list.jsonl").write_bytes(b"\n" + line)
    with pytest.raises(InvalidInputError, match=r"list\.jsonl:2"):
        read_ids(tmp_path / "list.jsonl", Criteria())
