"""In: a request and its API key. Out: the caller with its projects, or a problem that refuses it.

If keys are in force, every path that is not listed as public needs one. A route declares `Reader` or `Writer`
and checks the caller's projects; `require_declared` refuses an app with a route that does not.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Final

from fastapi import Depends, FastAPI, Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from archon.contracts.errors import ArchonError, ConfigurationError, ForbiddenError, UnauthorizedError
from archon.contracts.operations.api_keys import Access, ApiKey, key_id_of
from archon.contracts.types import Projects
from archon.runtime.http.api_keys import KeyFile
from archon.runtime.http.json_bodies import JsonRoute
from archon.runtime.http.neighbours import is_loopback
from archon.runtime.http.problems import refuse
from archon.runtime.logs import get_logger
from archon.runtime.settings import Settings
from bridge.requests.rates import KeyRates

_log = get_logger(__name__)

PUBLIC: Final = frozenset(
    {"/livez", "/readyz", "/health/enrichment", "/metrics", "/docs", "/docs/oauth2-redirect", "/openapi.json"}
)
BYTES_A_REQUEST: Final = 64 * 1024
"""Bytes of a body or an answer that count as one further request against a key's rate."""
PUBLIC_ASSETS: Final = "/static-offline-docs"


@dataclass(frozen=True)
class Caller:
    """`projects` is None for every project; `key_id` is None if no keys are in force."""

    projects: Projects
    access: Access
    key_id: str | None = None
    spend: Callable[[int], object] = lambda _: None
    """Counts more than one request against the caller's rate."""
    now: Callable[[], Projects] = lambda: None
    """The current projects of its key: none if it was revoked or has expired."""

    def scope(self, project: str | None) -> Projects:
        """The projects to which a query about `project`, or about all, is limited.

        Raises ForbiddenError for a project outside the caller's.
        """
        if project is None:
            return self.projects
        self.require(project)
        return (project,)

    def require(self, project: str) -> None:
        """Raises ForbiddenError for a project outside the caller's."""
        if self.projects is not None and project not in self.projects:
            raise ForbiddenError(f"the API key {self.key_id} has no right to project {project!r}")

    def still_reaches(self, project: str) -> bool:
        """Whether the key still has access to the project, for long-running answers."""
        projects = self.now()
        return projects is None or project in projects

    def require_all(self, what: str) -> None:
        """Raises ForbiddenError unless the caller has access to all projects."""
        if self.projects is not None:
            raise ForbiddenError(f"{what} needs an API key for all projects")


EVERYBODY: Final = Caller(None, Access.WRITE)
"""The caller if no keys are in force."""
NOBODY: Final = Caller((), Access.READ)
"""The caller of a public route without a key."""


class AccessMiddleware:
    """Determines the caller before the request's body is read. Without `keys` it is EVERYBODY."""

    def __init__(self, app: ASGIApp, keys: KeyFile | None, rate: float, burst: float) -> None:
        self._app = app
        self._keys = keys
        self._rates = KeyRates(rate, burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            scope.setdefault("state", {})["caller"] = caller = await self._caller(scope)
        except ArchonError as error:
            fields = _logged(scope)
            if self._rates.is_news(str(fields["key"] or fields["client"])):
                _log.warning("request_refused", **fields, reason=str(error))
            await refuse(error, Request(scope))(scope, receive, send)
            return
        await self._app(scope, receive, _charged(send, caller))

    async def _caller(self, scope: Scope) -> Caller:
        if self._keys is None:
            return EVERYBODY
        shown = _shown(Headers(scope=scope))
        if _is_public(scope["path"]):
            return self._known(shown) or NOBODY
        if shown is None:
            raise UnauthorizedError("an API key is needed: Authorization: Bearer archon_...")
        key = self._keys.authenticate(shown)
        await self._rates.admit(key.id, key.rate)
        return replace(
            _caller_of(key),
            now=partial(self._reached_by, shown),
            spend=partial(self._rates.spend, key.id, key.rate),
        )

    def _reached_by(self, shown: str) -> Projects:
        caller = self._known(shown)
        return () if caller is None else caller.projects

    def _known(self, shown: str | None) -> Caller | None:
        if shown is None or self._keys is None:
            return None
        try:
            return _caller_of(self._keys.authenticate(shown))
        except UnauthorizedError:
            return None


def _charged(send: Send, caller: Caller) -> Send:
    """Counts a large answer as several requests, as `GuardedRoute` does for a large body."""
    size = 0

    async def sent(message: Message) -> None:
        nonlocal size
        size += len(message.get("body", b""))
        if more := size // BYTES_A_REQUEST:
            size %= BYTES_A_REQUEST
            caller.spend(more)
        await send(message)

    return sent


def _logged(scope: Scope) -> dict[str, object]:
    """Log fields of a refused request: the key's id, never its secret."""
    shown = _shown(Headers(scope=scope))
    return {"path": scope["path"], "client": scope.get("client"), "key": key_id_of(shown) if shown else None}


def _caller_of(key: ApiKey) -> Caller:
    return Caller(key.scope, key.access, key.id)


def _is_public(path: str) -> bool:
    return path in PUBLIC or path == PUBLIC_ASSETS or path.startswith(f"{PUBLIC_ASSETS}/")


def _shown(headers: Headers) -> str | None:
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    return headers.get("x-api-key") or None


def caller_of(request: Request) -> Caller:
    """The caller from the middleware; NOBODY if it has not run."""
    caller: Caller = getattr(request.state, "caller", NOBODY)
    return caller


async def _reader(request: Request) -> Caller:
    return caller_of(request)


async def _writer(request: Request) -> Caller:
    caller = caller_of(request)
    if caller.access is not Access.WRITE:
        raise ForbiddenError(f"the API key {caller.key_id} may read, but not write")
    return caller


_BEARER: Final = HTTPBearer(scheme_name="bearer", auto_error=False, description="archon_<id>_<secret>")
_HEADER: Final = APIKeyHeader(name="X-API-Key", scheme_name="header", auto_error=False)
SCHEMES: Final = (Security(_BEARER), Security(_HEADER))
"""For the API docs only: the headers that may hold a key."""

Reader = Annotated[Caller, Depends(_reader)]
"""The caller of a reading route."""
Writer = Annotated[Caller, Depends(_writer)]
"""The caller of a changing route. Raises ForbiddenError."""


class GuardedRoute(JsonRoute):
    """Checks the caller's write access before it reads the body, and counts a large body as several
    requests."""

    async def admit(self, request: Request) -> None:
        if _writer in _calls(self.dependant):
            await _writer(request)

    def charge(self, request: Request, size: int) -> None:
        if more := size // BYTES_A_REQUEST:
            caller_of(request).spend(more)


def require_declared(app: FastAPI) -> None:
    """Raises ConfigurationError for a route that is neither public nor declares Reader or Writer."""
    for route in iter_route_contexts(app.routes):
        path, dependant = getattr(route, "path", ""), getattr(route, "dependant", None)
        declared = dependant is not None and {_reader, _writer} & set(_calls(dependant))
        if not declared and not _is_public(path):
            raise ConfigurationError(f"the route {path} does not declare its callers")


def _calls(dependant: Dependant) -> Iterable[object]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)


def keys_of(settings: Settings) -> KeyFile | None:
    """The keys in force; None if every client has access.

    Raises ConfigurationError for an invalid file, and for a bridge that would be open beyond loopback.
    """
    if settings.api_keys_file:
        return KeyFile(Path(settings.api_keys_file), settings.api_keys_grace)
    if not (is_loopback(settings.host) or settings.allow_unauthenticated):
        raise ConfigurationError(
            f"HOST={settings.host} lets other machines reach the bridge, but no API keys are in force: set"
            " API_KEYS_FILE (`enrich keys create` creates one), or ALLOW_UNAUTHENTICATED=true if something"
            " else restricts access"
        )
    return None
