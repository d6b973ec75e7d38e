"""A document that is posted again and again: its last version is enriched, all others end, few cost a run."""

import httpx
import pytest

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
    answer = await bridge.post("/documents", json={"documents": documents})
    accepted = [each["document"] for each in answer.json()["results"]]
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
    submitted_in_turnted = {each["correlation_id"] for each in accepted}
    assert {each["correlation_id"] for each in events} == submitted_in_turnted
    client = await temporal.connect(faulty.settings)

    async def counted(state: str) -> int:
        query = f"DocumentId = '{document_id}' AND ExecutionStatus = '{state}'"
        return (await client.count_workflows(query)).count

    async def ended() -> bool:
        return await counted("Completed") > 0 and await counted("Running") == 0

    await eventually(ended)
    assert await counted("Completed") < VERSIONS / 2
