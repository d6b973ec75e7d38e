"""Requests of web pages open on this machine to servers on loopback."""

from collections.abc import Collection, Mapping

import httpx
import pytest
from starlette.responses import PlainTextResponse

from archon.runtime.http.neighbours import NeighbourMiddleware, is_loopback

pytestmark = pytest.mark.threat
HERE = "127.0.0.1:8054"


async def status(method: str, headers: Mapping[str, str], hosts: Collection[str] | None = ()) -> int:
    app = NeighbourMiddleware(PlainTextResponse("served"), PlainTextResponse("refused", 403), hosts)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{HERE}") as http:
        return (await http.request(method, "/x", headers=headers)).status_code


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "localhost:8054"},
        {"host": "LOCALHOST"},
        {"host": "[::1]:8054"},
        {"host": "bridge.localhost:8054"},
        {"host": "127.8.9.1:8054"},
        {"origin": f"http://{HERE}"},
        {"origin": f"http://{HERE}", "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors"},
        {"sec-fetch-site": "none", "sec-fetch-mode": "navigate"},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_programs_and_pages_of_our_own_are_served(method: str, headers: Mapping[str, str]) -> None:
    assert await status(method, headers) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "attacker.example:8054"},
        {"host": "127.0.0.1.attacker.example"},
        {"host": "localhost.attacker.example:8054"},
        {"host": "10.0.0.1:8054"},
        {"host": "127.0.0.1@attacker.example"},
        {"host": "[::1"},
        {"host": ""},
        {"origin": "http://attacker.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "null"},
        {"origin": "http://["},
        {"origin": ""},
        {"origin": "http://localhost:8054"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"},
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_pages_of_others_and_names_of_others_are_refused(
    method: str, headers: Mapping[str, str]
) -> None:
    assert await status(method, headers) == 403


async def test_a_link_may_be_followed_and_a_form_not_sent() -> None:
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert await status("GET", link) == 200
    assert await status("POST", link) == 403


async def test_a_service_that_is_reached_by_name_lists_its_names() -> None:
    assert await status("GET", {"host": "bridge.example"}, {"bridge.example"}) == 200
    assert await status("GET", {"host": "other.example"}, {"bridge.example"}) == 403
    assert await status("GET", {"host": "10.0.0.1"}, None) == 200
    assert await status("POST", {"host": "bridge", "origin": "http://attacker.example"}, None) == 403


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "localhost.example", "", "127.1.example"])
def test_an_address_that_others_reach_is_not_loopback(host: str) -> None:
    assert not is_loopback(host)
