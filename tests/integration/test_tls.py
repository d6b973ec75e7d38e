"""Encrypted connections to real servers: each client trusts the configured authority, and refuses a server
with a certificate of an unknown one."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from neo4j.exceptions import ServiceUnavailable

from archon.clients.intelligence import IntelligenceClient
from archon.contracts.errors import (
    IntelligenceAuthError,
    IntelligenceUnavailableError,
    StoreUnavailableError,
    WorkflowUnavailableError,
)
from archon.runtime.http.serving import serve_http
from archon.runtime.local_ports import HOST, free_ports
from archon.runtime.settings import Settings
from archon.runtime.temporal import client as temporal
from archon.stores.graph.store import GraphStore
from archon.stores.vectors.store import VectorStore
from bridge.app import create_app
from intelligence import app as intelligence
from tests import tls
from tests.stacks import TestServers


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tls.Authority:
    return tls.Authority.made(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def trusted(authority: tls.Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority counts as one of the system's, by SSL_CERT_FILE, which all programs with OpenSSL's
    conventions honour."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))


@pytest.fixture
async def temporal_port(servers: TestServers, authority: tls.Authority) -> AsyncIterator[int]:
    await servers.start("temporal")
    async with tls.terminating(authority, servers.ports.temporal, alpn=["h2"]) as port:
        yield port


async def ping_temporal(port: int, **changes: Any) -> None:
    client = await temporal.connect(Settings(temporal_address=f"{HOST}:{port}", **changes))
    await temporal.EnrichmentClient(client).ping()


async def test_temporal_by_the_authority_it_is_told_of(temporal_port: int, authority: tls.Authority) -> None:
    await ping_temporal(temporal_port, temporal_tls_server_ca_cert_path=str(authority.ca))
    with pytest.raises(WorkflowUnavailableError):
        await ping_temporal(temporal_port, temporal_tls=True)
    with pytest.raises(WorkflowUnavailableError):
        await ping_temporal(temporal_port)


async def test_temporal_with_a_certificate_of_our_own(
    servers: TestServers, authority: tls.Authority, temporal_port: int
) -> None:
    ca = {"temporal_tls_server_ca_cert_path": str(authority.ca)}
    own = {
        "temporal_tls_client_cert_path": str(authority.chain),
        "temporal_tls_client_key_path": str(authority.key),
    }
    async with tls.terminating(
        authority, servers.ports.temporal, alpn=["h2"], client_ca=authority.ca
    ) as port:
        await ping_temporal(port, **ca, **own)
        with pytest.raises(WorkflowUnavailableError):
            await ping_temporal(port, **ca)


async def test_the_graph(
    servers: TestServers, settings: Settings, authority: tls.Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    await servers.start("graph")
    plain = int(settings.memgraph_uri.rpartition(":")[2])
    async with tls.terminating(authority, plain) as port:
        encrypted = settings.model_copy(update={"memgraph_uri": f"bolt+s://{HOST}:{port}"})
        async with GraphStore.connect(encrypted) as graph:
            # The driver's own, which does not retry for seconds.
            with pytest.raises(ServiceUnavailable, match="SSLCertVerificationError"):
                await graph._bolt._driver.verify_connectivity()
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
        async with GraphStore.connect(encrypted) as graph:
            await graph.ping()


async def test_the_vectors(
    servers: TestServers, settings: Settings, authority: tls.Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    await servers.start("vectors")
    plain = int(settings.qdrant_url.rpartition(":")[2])
    async with tls.terminating(authority, plain) as port:
        encrypted = settings.model_copy(update={"qdrant_url": f"https://{HOST}:{port}"})
        async with VectorStore.connect(encrypted) as vectors:
            with pytest.raises(StoreUnavailableError):
                await vectors.ping()
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
        async with VectorStore.connect(encrypted) as vectors:
            await vectors.ping()


def serving_tls(authority: tls.Authority, **changes: Any) -> Settings:
    files = {"http_tls_certfile": str(authority.chain), "http_tls_keyfile": str(authority.key)}
    return Settings(**files, shutdown_timeout=1, **changes)


@pytest.mark.usefixtures("trusted")
async def test_the_intelligence_service_and_its_key(
    authority: tls.Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_ports(1)[0]
    settings = serving_tls(
        authority,
        intelligence_api_key="sesame",
        intelligence_workers=1,
        intelligence_service_url=f"https://{HOST}:{port}",
    )
    async with serve_http(intelligence.create_app(settings), settings, port):
        async with IntelligenceClient.connect(settings) as client:
            await client.ping()
            assert (await client.version()).path_free
        wrong = Settings(intelligence_service_url=settings.intelligence_service_url)
        async with IntelligenceClient.connect(wrong) as client:
            await client.ping()
            with pytest.raises(IntelligenceAuthError):
                await client.embed(["x"])
        monkeypatch.delenv("SSL_CERT_FILE")
        async with IntelligenceClient.connect(settings) as client:
            with pytest.raises(IntelligenceUnavailableError):
                await client.ping()


@pytest.mark.usefixtures("trusted")
async def test_the_bridge(authority: tls.Authority, tmp_path: Path) -> None:
    port = free_ports(1)[0]
    settings = serving_tls(authority, content_store_url=tmp_path.as_uri())
    async with serve_http(create_app(settings), settings, port):
        async with httpx.AsyncClient(base_url=f"https://{HOST}:{port}") as client:
            assert (await client.get("/livez")).status_code == 200
        async with httpx.AsyncClient(base_url=f"http://{HOST}:{port}") as client:
            with pytest.raises(httpx.TransportError):
                await client.get("/livez")
