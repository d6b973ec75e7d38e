"""A reference intelligence service with an artificial delay, which it also reports."""

import time

import httpx

import intelligence.app as intelligence
from archon.clients.intelligence import IntelligenceClient
from archon.contracts.analysis import AnalysisRequest
from archon.runtime.http.serving import serve_http
from archon.runtime.local_ports import free_ports
from archon.runtime.settings import Settings
from tests import factories

LATENCY = 0.3


async def test_a_simulated_latency_is_waited_for_and_told() -> None:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    settings = Settings(
        intelligence_service_url=url, intelligence_workers=1, intelligence_simulated_latency=LATENCY
    )
    wanted = factories.request()
    analysis_request = AnalysisRequest(
        document_id=wanted.document_id,
        project_name=wanted.project_name,
        file_path=wanted.file_path,
        content_hash=wanted.content_hash,
        content="def f(): pass\n",
        language="python",
    )
    async with (
        serve_http(intelligence.create_app(settings), settings, port),
        IntelligenceClient.connect(settings) as client,
        httpx.AsyncClient(base_url=url) as http,
    ):
        started = time.monotonic()
        found = await client.process(analysis_request)
        assert time.monotonic() - started >= LATENCY
        assert found.entities_extracted == 1
        assert (await client.version()).simulated_latency == LATENCY
        assert (await http.get("/health")).json()["simulated_latency"] == LATENCY


def test_nobody_is_slow_unless_asked_to_be() -> None:
    assert Settings.model_fields["intelligence_simulated_latency"].default == 0
