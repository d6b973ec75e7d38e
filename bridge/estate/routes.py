"""In: requests for the state of the installation. Out: the state of every part, and what documents wait
for."""

from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Request

from archon.contracts.estate import EstateStatus, Part, WaitingFor
from archon.contracts.types import ProjectName
from archon.runtime.reasons import without_places
from bridge.estate.waiting import Waiting
from bridge.requests.access import Caller, Reader
from bridge.requests.dependencies import REFUSED

Waits = TypeVar("Waits", bound=WaitingFor)

router = APIRouter(prefix="/api/bridge", tags=["health"], responses=REFUSED)


async def _waiting(request: Request) -> Waiting:
    waiting: Waiting = request.app.state.waiting
    return waiting


WaitingDep = Annotated[Waiting, Depends(_waiting)]


@router.get("/status", operation_id="get_status")
async def get_status(caller: Reader, waiting: WaitingDep, project: ProjectName | None = None) -> EstateStatus:
    """Whether each service and server answers, since when, and what unfinished documents wait for, by cause.

    With many runs, the counts are extrapolated from a sample. Addresses are only shown to callers with access
    to all projects.
    """
    found = await waiting.estate(caller.scope(project))
    found.parts = [_shown(part, caller) for part in found.parts]
    found.waiting = [waits(each, caller) for each in found.waiting]
    found.problem = _reason(found.problem, caller)
    return found


def waits(waiting: Waits, caller: Caller) -> Waits:
    """The service that is waited for; with addresses only for callers with access to all projects."""
    return waiting.model_copy(update={"reason": _reason(waiting.reason, caller)})


def _shown(part: Part, caller: Caller) -> Part:
    return part.model_copy(
        update={
            "address": part.address if caller.projects is None else None,
            "reason": _reason(part.reason, caller),
            "waiting_for": [waits(each, caller) for each in part.waiting_for],
        }
    )


def _reason(reason: str | None, caller: Caller) -> str | None:
    return reason if reason is None or caller.projects is None else without_places(reason)
