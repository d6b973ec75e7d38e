"""In: a request's bearer key. Out: nothing if it is correct, or none is configured; an error otherwise."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import SecretStr

from archon.contracts.errors import UnauthorizedError

_BEARER: Final = HTTPBearer(scheme_name="bearer", auto_error=False)
Shown = Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]


def guard(key: SecretStr) -> Callable[[Shown], Awaitable[None]]:
    """A dependency of routes that are not public. It raises UnauthorizedError."""
    # A coroutine: FastAPI would run a plain function in a thread, for every request.
    wanted = key.get_secret_value().encode()

    async def check(shown: Shown) -> None:
        given = shown.credentials if shown else ""
        if wanted and not hmac.compare_digest(given.encode(), wanted):
            raise UnauthorizedError("the bearer key is missing or wrong")

    return check
