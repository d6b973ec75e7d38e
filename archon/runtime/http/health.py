"""In: a check for each dependency. Out: the routes `/livez`, `/readyz` and `/metrics`, equal for every
service.

`/livez` uses no dependency; `/readyz` checks all dependencies concurrently and reports each state.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final, Literal

from fastapi import APIRouter, FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from archon.contracts.errors import ArchonError
from archon.runtime.telemetry.metrics import Exposition

HealthCheck = Callable[[], Awaitable[object]]
"""Returns if healthy: the version of the dependency, or its whole state, if available. Raises one of our
errors otherwise."""

_SECONDS: Final = 2.0
STARTED: Final = datetime.now(UTC)
VERSION: Final = version("archon-enrichment")


class DependencyState(BaseModel):
    status: Literal["healthy", "unhealthy"]
    detail: str | None = None
    version: str | None = None


class Readiness(BaseModel):
    """`ready` if every mandatory dependency is healthy. `version` and `started_at` are those of the
    service."""

    status: Literal["ready", "not_ready"]
    dependencies: dict[str, DependencyState]
    version: str
    started_at: datetime

    def problems(self) -> str:
        """The unhealthy dependencies with reasons, on one line."""
        unhealthy = {name: each for name, each in self.dependencies.items() if each.status == "unhealthy"}
        return ", ".join(f"{name} ({each.detail or 'unhealthy'})" for name, each in unhealthy.items())


class Liveness(BaseModel):
    status: Literal["alive"] = "alive"


async def state_of(check: HealthCheck) -> DependencyState:
    """One dependency's state, within two seconds."""
    try:
        async with asyncio.timeout(_SECONDS):
            found = await check()
    except TimeoutError:
        return DependencyState(status="unhealthy", detail=f"no answer within {_SECONDS:g} s")
    except ArchonError as error:
        return DependencyState(status="unhealthy", detail=str(error))
    if isinstance(found, DependencyState):
        return found
    return DependencyState(status="healthy", version=found if isinstance(found, str) else None)


async def readiness(checks: Mapping[str, HealthCheck], optional: Collection[str] = ()) -> Readiness:
    """Checks every dependency; `optional` ones are reported but do not decide."""
    states = await asyncio.gather(*(state_of(check) for check in checks.values()))
    dependencies = dict(zip(checks, states, strict=True))
    ready = all(state.status == "healthy" or name in optional for name, state in dependencies.items())
    return Readiness(
        status="ready" if ready else "not_ready",
        dependencies=dependencies,
        version=VERSION,
        started_at=STARTED,
    )


def health_router(
    checks: Callable[[], Mapping[str, HealthCheck]],
    exposition: Exposition,
    optional: Collection[str] = (),
    detailed: Callable[[Request], bool] = lambda _: True,
) -> APIRouter:
    """Routes for a service with the dependencies in `checks`; it also serves without the `optional` ones.

    `detailed`: whether to show reasons, which contain addresses, or only the names of unhealthy dependencies.
    """
    router = APIRouter(tags=["health"])

    @router.get("/livez", operation_id="livez")
    async def livez() -> Liveness:
        """Whether the process serves; uses no dependency."""
        return Liveness()

    @router.get("/readyz", operation_id="readyz", responses={503: {"model": Readiness}})
    async def readyz(request: Request, response: Response) -> Readiness:
        """Whether every dependency answers."""
        answer = await readiness(checks(), optional)
        if not detailed(request):
            for state in answer.dependencies.values():
                state.detail = state.version = None
        response.status_code = 200 if answer.status == "ready" else 503
        return answer

    @router.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(await exposition.text(), media_type=CONTENT_TYPE_LATEST)

    return router


def health_app(title: str, checks: Mapping[str, HealthCheck], exposition: Exposition) -> FastAPI:
    """The HTTP app of a service without other routes."""
    app = FastAPI(title=title, docs_url=None, redoc_url=None)
    app.include_router(health_router(lambda: checks, exposition))
    return app
