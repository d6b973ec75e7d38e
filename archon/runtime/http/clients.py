"""Common behaviour of our HTTP clients: transport, keys, and Retry-After."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from pydantic import SecretStr

KEEP_ALIVE: Final = 3.0
"""Seconds that an idle connection is kept. Servers close theirs after 5 s or more; a request sent at that
moment would be lost."""


class Transport(AiohttpTransport):
    """Sends the requests of an httpx client by aiohttp, which needs half of the processor time of httpx's own
    transport.

    Honours proxies and certificates in the environment, like httpx.
    """

    def __init__(self) -> None:
        super().__init__(client=self._session)

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=self.ssl_context, keepalive_timeout=KEEP_ALIVE),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=True,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await super().handle_async_request(request)
        except httpx.ConnectTimeout as error:
            # aiohttp uses this name for every connection error; the misleading name would cost an operator
            # time.
            match error.__cause__:
                case aiohttp.ServerTimeoutError():
                    raise
                case aiohttp.ClientConnectorError():
                    raise httpx.ConnectError(str(error)) from error.__cause__
                case _:
                    raise httpx.RemoteProtocolError(str(error)) from error.__cause__


def bearer(key: SecretStr) -> dict[str, str]:
    """The header with `key` (RFC 6750, section 2.1); none if it is empty."""
    return {"authorization": f"Bearer {secret}"} if (secret := key.get_secret_value()) else {}


def retry_after(header: str | None) -> float | None:
    """Seconds to wait by a Retry-After header, a number or an HTTP date (RFC 9110, section 10.2.3)."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
