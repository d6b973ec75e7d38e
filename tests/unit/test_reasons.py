"""Addresses without their secrets, and reasons in words, from errors that each client really raises."""

import socket
import ssl
from collections.abc import Awaitable, Callable

import aiohttp
import httpx
import pytest
from neo4j import AsyncGraphDatabase
from qdrant_client import AsyncQdrantClient

from archon.runtime.http.clients import Transport
from archon.runtime.local_ports import free_ports
from archon.runtime.reasons import address, in_words, place, without_places


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("http://user:secret@host:80/path?key=secret#secret", "http://host:80/path"),
        ("bolt://secret@host:7687", "bolt://host:7687"),
        ("host:7233", "host:7233"),
        ("secret@host:9092", "host:9092"),
        ("s3://bucket/prefix/", "s3://bucket/prefix"),
    ],
)
def test_an_address_is_shown_without_its_secrets(given: str, shown: str) -> None:
    assert address(given) == shown
    assert place(given, "some_url") == f"{shown} (SOME_URL)"


async def _httpx(url: str) -> None:
    async with httpx.AsyncClient() as client:
        await client.get(f"http://{url}")


async def _our_transport(url: str) -> None:
    async with httpx.AsyncClient(transport=Transport()) as client:
        await client.get(f"http://{url}")


async def _aiohttp(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        await session.get(f"http://{url}")


async def _qdrant(url: str) -> None:
    client = AsyncQdrantClient(url=f"http://{url}", check_compatibility=False)
    await client.get_collections()


async def _bolt(url: str) -> None:
    async with AsyncGraphDatabase.driver(f"bolt://{url}", max_transaction_retry_time=0.0) as driver:
        await driver.execute_query("RETURN 1")


CLIENTS = [_httpx, _our_transport, _aiohttp, _qdrant, _bolt]


@pytest.mark.parametrize("ask", CLIENTS)
async def test_a_port_where_nobody_listens(ask: Callable[[str], Awaitable[None]]) -> None:
    with pytest.raises(Exception) as raised:
        await ask(f"127.0.0.1:{free_ports(1)[0]}")
    assert in_words(raised.value) == "connection refused"


@pytest.mark.parametrize("ask", CLIENTS)
async def test_a_host_that_does_not_exist(ask: Callable[[str], Awaitable[None]]) -> None:
    with pytest.raises(Exception) as raised:
        await ask("nowhere.invalid:7687")
    assert in_words(raised.value) == "no such host"


def test_the_innermost_cause_is_the_reason() -> None:
    try:
        try:
            raise socket.gaierror(-2, "Name or service not known")
        except OSError as error:
            raise RuntimeError("cannot connect, timeout") from error
    except RuntimeError as error:
        assert in_words(error) == "no such host"


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("graph: bolt://host:7687 (MEMGRAPH_URI): connection refused", "graph: connection refused"),
        ("Kafka at a:1,b:2 (KAFKA_BOOTSTRAP_SERVERS): no such host", "Kafka: no such host"),
        ("parked (service_down); retry or discard it", "parked (service_down); retry or discard it"),
    ],
)
def test_a_reason_can_omit_its_address(reason: str, shown: str) -> None:
    assert without_places(reason) == shown


def test_an_unknown_error_keeps_its_text() -> None:
    assert in_words(ValueError("odd\nthing")) == "ValueError: odd thing"
    assert in_words(httpx.ReadTimeout("")) == "no answer in time"
    assert in_words(ssl.SSLError(1, "[SSL] wrong version number")).startswith("TLS failed")
