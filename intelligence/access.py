"""In: a request's bearer key. Out: nothing where it is the service's own, or none is set; else a refusal."""

import hmac
from collections.abc import Callable
from typing import Annotated, Final

from fastapi import Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import SecretStr

from archon.contracts.errors import UnauthorizedError

PUBLIC: Final = frozenset({"/health", "/livez", "/readyz", "/metrics", "/docs", "/docs/oauth2-redirect"})
_BEARER: Final = HTTPBearer(scheme_name="bearer", auto_error=False)
Shown = Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]


def guard(key: SecretStr) -> Callable[[Request, Shown], None]:
    """A dependency of every route that raises UnauthorizedError, but for the public ones."""
    wanted = key.get_secret_value().encode()

    def check(request: Request, shown: Shown) -> None:
        if not wanted or request.url.path in PUBLIC:
            return
        given = shown.credentials if shown else ""
        if not hmac.compare_digest(given.encode(), wanted):
            raise UnauthorizedError("the bearer key is missing or wrong")

    return check
