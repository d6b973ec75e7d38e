"""A document that is posted again and again: its last version is enriched, all others end, few cost a run."""

import asyncio

import httpx
import pytest

from archon.contracts.identity import content_hash
from archon.runtime.temporal import client as temporal
from tests.e2e.conftest import FaultyStack
from tests.e2e.events import completed_of
from tests.eventually import eventually

VERSIONS = 60
pytestmark = pytest.mark.threat


async def test_of_many_revisions_the_last_is_enriched_and_few_have_a_run(
    faulty: FaultyStack, bridge: httpx.AsyncClient, project: str
) -> None:
    documents = [
        {"project_id": project, "source_path": "a.py", "full_text": f"x = {number}  # {project}\n"}
        for number in range(1, VERSIONS + 1)
    ]
    answers = await asyncio.gather(*(bridge.post("/document", json=each) for each in documents))
    accepted = [answer.json() for answer in answers]
    versions = {each["document_version"] for each in accepted}
    assert versions == set(range(1, VERSIONS + 1))
    document_id = accepted[0]["document_id"]

    async def enriched() -> bool:
        found = (await bridge.get(f"/document/{document_id}")).json()
        return bool(found["enrichment_status"] == "completed" and found["version"] == VERSIONS)

    await eventually(enriched)
    events = [each["value"] for each in await completed_of(faulty.settings, document_id, VERSIONS)]
    ends = {each["document_version"]: each["enrichment_status"] for each in events}
    assert ends.keys() == versions
    assert ends[VERSIONS] == "success"
    # A version that was enriched before the next one arrived is not superseded.
    assert set(ends.values()) <= {"success", "superseded"}
    submitted = {each["correlation_id"] for each in accepted}
    assert {each["correlation_id"] for each in events} == submitted
    client = await temporal.connect(faulty.settings)

    async def counted(state: str) -> int:
        query = f"DocumentId = '{document_id}' AND ExecutionStatus = '{state}'"
        return (await client.count_workflows(query)).count

    async def ended() -> bool:
        return await counted("Completed") > 0 and await counted("Running") == 0

    await eventually(ended)
    assert await counted("Completed") < VERSIONS / 2


async def test_of_the_revisions_in_a_batch_only_the_last_valid_one_is_stored(
    http: httpx.AsyncClient, project: str
) -> None:
    def revision(number: int, **more: str) -> dict[str, str]:
        return {"project_id": project, "full_text": f"x = {number}  # {project}\n", **more}

    refused = {"content_hash": "0" * 64}
    documents = [revision(number, source_path="a.py") for number in range(50)]
    documents[7] |= refused
    documents += [revision(50, source_path="b.py"), revision(51, source_path="a.py", **refused)]
    documents += [revision(52, document_id="a.py"), revision(50, source_path="b.py")]
    answer = (await http.post("/documents", json={"documents": documents})).json()
    assert (answer["accepted"], answer["failed"]) == (52, 2)
    assert [number for number, each in enumerate(answer["results"]) if each["problem"]] == [7, 51]
    accepted = {number: each["document"] for number, each in enumerate(answer["results"])}
    last = accepted[49]
    assert last["content_hash"] == content_hash(documents[49]["full_text"])
    for number in set(range(49)) - {7}:
        own = {"status": "superseded", "content_hash": content_hash(documents[number]["full_text"])}
        correlation_id = accepted[number]["correlation_id"]
        assert accepted[number] == last | own | {"correlation_id": correlation_id}
        assert correlation_id != last["correlation_id"]
    # A repeated content is not superseded, and a document with an id of its own is another one.
    assert accepted[50] == accepted[53]
    assert {accepted[each]["status"] for each in (49, 50, 52)} == {"indexed"}
    assert len({accepted[each]["document_id"] for each in (49, 50, 52)}) == 3
    for number in (49, 50, 52):
        found = (await http.get(f"/document/{accepted[number]['document_id']}")).json()
        assert (found["version"], found["content_hash"]) == (1, accepted[number]["content_hash"])
