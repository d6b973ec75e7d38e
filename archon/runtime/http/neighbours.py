"""In: requests from the browsers of this machine. Out: those that a page of another site has sent, refused.

A page that somebody has open may send requests to whatever listens on loopback. It cannot read the answers,
unless a name of its own leads here (DNS rebinding); what needs no answer, such as a POST without a body, it
need not read. Browsers say where a page is from (Fetch Standard, section 3.2; W3C Fetch Metadata), and by
which name they reached us (RFC 9110, section 7.2).
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
    """Whether a name or address leads to this machine alone (RFC 6761, section 6.3)."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == _LOCAL or host.endswith(f".{_LOCAL}")


class NeighbourMiddleware:
    """Hands a request to `app`, or to `refused` where a page of another site has sent it.

    `hosts`: names by which we are reached, beside those of loopback; None for any, where others than this
    machine reach us.
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
        # A link that is followed shows a page of ours, which the other one cannot read.
        is_link = headers.get("sec-fetch-mode") == "navigate" and method in _SAFE
        return headers.get("sec-fetch-site", "none") in _OWN or is_link

    def _leads_here(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return is_loopback(name) or name in (self._hosts or ())
