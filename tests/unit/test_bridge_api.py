"""The command line with a bridge that goes away, or cannot accept one document."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from archon.cli.ingest.plan import Plan
from archon.cli.ingest.run import ingest
from archon.clients import bridge as bridge_api
from archon.clients.bridge import BridgeApi
from archon.contracts.errors import StoreUnavailableError
from archon.runtime.http.serving import serve_http
from archon.runtime.local_ports import free_ports
from archon.runtime.settings import Settings
from bridge.requests.paths import DOCUMENT


@contextlib.asynccontextmanager
async def answering(settings: Settings, port: int, status: int = 200) -> AsyncIterator[None]:
    app = FastAPI()

    @app.delete("/api/bridge/document/{document_id}")
    async def delete(document_id: str) -> JSONResponse:
        return JSONResponse({"document_id": document_id}, status)

    async with serve_http(app, settings, port):
        yield


@pytest.mark.parametrize(
    "name", ["..", ".", "a/../b", "../projects/shop", "x/deletion", "two\nlines", "%2e?#"]
)
async def test_a_name_leads_nowhere_else(settings: Settings, name: str) -> None:
    app = FastAPI()

    @app.delete(f"/api/bridge{DOCUMENT}")
    async def delete(document_id: str) -> JSONResponse:
        return JSONResponse({"document_id": document_id})

    port = int(settings.bridge_url.rpartition(":")[2])
    async with serve_http(app, settings, port), BridgeApi.connect(settings) as api:
        assert await api.delete(name) == {"document_id": name}


@pytest.fixture
def settings() -> Settings:
    (port,) = free_ports(1)
    return Settings(bridge_url=f"http://127.0.0.1:{port}")


async def test_a_bridge_that_goes_away_is_waited_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge_api, "_LONGEST_PAUSE", 0.25)
    port = int(settings.bridge_url.rpartition(":")[2])
    async with BridgeApi.connect(settings, patience=60) as api:
        async with answering(settings, port):
            assert await api.delete("a") == {"document_id": "a"}
        deleting = asyncio.create_task(api.delete("b"))
        await asyncio.wait([deleting], timeout=0.1)
        async with answering(settings, port, status=503):
            await asyncio.wait([deleting], timeout=0.5)
        assert not deleting.done()
        async with answering(settings, port):
            assert await deleting == {"document_id": "b"}


async def test_a_bridge_is_waited_for_only_after_an_answer_and_not_without_end(settings: Settings) -> None:
    port = int(settings.bridge_url.rpartition(":")[2])
    async with BridgeApi.connect(settings, patience=60) as api:
        began = time.monotonic()
        with pytest.raises(StoreUnavailableError):
            await api.delete("a")
        assert time.monotonic() - began < 30
    async with BridgeApi.connect(settings, patience=0.5) as api:
        async with answering(settings, port):
            await api.delete("a")
        with pytest.raises(StoreUnavailableError):
            await api.delete("b")


async def test_a_document_that_the_bridge_cannot_take_does_not_end_an_ingest(
    settings: Settings, tmp_path: Path
) -> None:
    app, taken = FastAPI(), []

    @app.get("/api/bridge/documents")
    async def documents() -> dict[str, Any]:
        return {"documents": [], "next": None}

    @app.post("/api/bridge/document")
    async def index(body: dict[str, Any]) -> JSONResponse:
        if body["source_path"] == "bad.py":
            return JSONResponse({"title": "Internal error", "detail": "scripted to fail"}, 500)
        taken.append(body["source_path"])
        return JSONResponse(accepted)

    accepted = {
        "document_id": str(UUID(int=1)),
        "project_name": "p",
        "content_hash": "0" * 64,
        "document_version": 1,
        "status": "indexed",
        "enrichment_status": "pending",
        "workflow_id": "w",
        "correlation_id": "c",
        "links": {"document": "d"},
    }
    for name in ("bad.py", "good.py", "well.py"):
        (tmp_path / name).write_text("")
    async with (
        serve_http(app, settings, int(settings.bridge_url.rpartition(":")[2])),
        BridgeApi.connect(settings, patience=0.5) as api,
    ):
        report = await ingest(settings, api, Plan(tmp_path, "p", wait=False))
        (tmp_path / "good.py").unlink()
        (tmp_path / "well.py").unlink()
        with pytest.raises(StoreUnavailableError):
            await ingest(settings, api, Plan(tmp_path, "p", wait=False))
    assert taken == ["good.py", "well.py"]
    assert (report.documents, report.counts["new"], report.failed) == (3, 2, 1)
    assert "scripted to fail" in report.reasons["bad.py"]
