"""The wait of an ingest, with documents that advance between two answers of the bridge."""

import time
from datetime import UTC, datetime
from uuid import UUID

import httpx
import pytest

from archon.cli.ingest import progress
from archon.cli.ingest.tally import Report
from archon.clients.bridge import BridgeApi

ROW = {
    "document_id": "11111111-1111-4111-8111-111111111111",
    "project_name": "shop",
    "file_path": "a.py",
    "version": 1,
    "content_hash": "a" * 64,
    "indexed_at": datetime.now(UTC).isoformat(),
}
STATISTICS = {
    "documents": 1,
    "languages": {},
    "entities": 0,
    "mean_quality": None,
    "anti_patterns": {},
}


def bridge(*statuses: str) -> httpx.MockTransport:
    """Its only document has the next of `statuses` at each request, and keeps the last one."""
    left = list(statuses)

    def answer(request: httpx.Request) -> httpx.Response:
        status = left.pop(0) if len(left) > 1 else left[0]
        if request.url.path.endswith("/statistics"):
            return httpx.Response(200, json={**STATISTICS, "statuses": {status: 1}})
        rows = [{**ROW, "enrichment_status": status}] if request.url.params["status"] == status else []
        return httpx.Response(200, json={"documents": rows, "next": None})

    return httpx.MockTransport(answer)


@pytest.mark.parametrize(
    ("statuses", "is_open"),
    [
        (("pending",), True),
        (("processing",), True),
        (("pending", "processing"), True),  # claimed between the count and the listing
        (("pending", "completed"), False),
        (("completed",), False),
    ],
)
async def test_a_document_that_is_claimed_meanwhile_is_waited_for(
    statuses: tuple[str, ...], is_open: bool
) -> None:
    report = Report("shop", kept={UUID(ROW["document_id"]).bytes})
    async with httpx.AsyncClient(transport=bridge(*statuses), base_url="http://bridge") as http:
        assert await progress._is_open(BridgeApi(http), report) is is_open


async def test_how_long_the_bridge_was_away_is_not_taken_for_what_its_answer_costs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = bridge("pending", "pending", "pending", "completed")
    calls: list[float] = []
    rested: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(time.monotonic())
        if len(calls) == 2:
            raise httpx.ConnectError("away")
        return answers.handler(request)  # type: ignore[return-value]

    async def pause(began: float) -> None:
        rested.append(began)

    monkeypatch.setattr(progress, "pause", pause)
    report = Report("shop", kept={UUID(ROW["document_id"]).bytes})
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://bridge") as http:
        await progress.until_finished(BridgeApi(http, patience=60), report)
    assert rested
    assert rested[0] >= calls[1]
