"""In: requests from browsers on this machine. Out: the requests, except those that a page of another site has
sent.

An open web page may send requests to any server on loopback. It cannot read the answers, unless its host name
resolves to this machine (DNS rebinding); but some requests, such as a POST without a body, take effect
anyway. Browsers send the origin of the page (Fetch Standard, section 3.2; W3C Fetch Metadata) and the host
name that they used (RFC 9110, section 7.2).
"""

from collections.abc import Collection
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

_LOCAL: Final = "localhost"
_OWN: Final = frozenset({"same-origin", "none"})
_SAFE: Final = frozenset({"GET", "HEAD"})


def is_loopback(host: str) -> bool:
    """Whether a name or address means this machine only (RFC 6761, section 6.3)."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == _LOCAL or host.endswith(f".{_LOCAL}")


class NeighbourMiddleware:
    """Passes a request to `app`, or to `refused` if a page of another site has sent it.

    `hosts`: accepted host names in addition to those of loopback; None for any, if other machines can reach
    us.
    """

    def __init__(self, app: ASGIApp, refused: ASGIApp, hosts: Collection[str] | None = ()) -> None:
        self._app = app
        self._refused = refused
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        served = scope["type"] != "http" or self._is_ours(scope["method"], Headers(scope=scope))
        await (self._app if served else self._refused)(scope, receive, send)

    def _is_ours(self, method: str, headers: Headers) -> bool:
        host = headers.get("host", "")
        if self._hosts is not None and not self._leads_here(host):
            return False
        origin = headers.get("origin")
        if origin is not None and origin not in {f"http://{host}", f"https://{host}"}:
            return False
        # A followed link shows our page, which the other page cannot read.
        is_link = headers.get("sec-fetch-mode") == "navigate" and method in _SAFE
        return headers.get("sec-fetch-site", "none") in _OWN or is_link

    def _leads_here(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return is_loopback(name) or name in (self._hosts or ())
