"""In: a request about a project's code. Out: its caller's access to that project, with limits on time and
rate."""

import asyncio
import time
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

from fastapi import Depends, Query, Request

from archon.contracts.code.answers import (
    Answer,
    Impact,
    Neighbourhood,
    Outline,
    Relation,
    Relations,
    Route,
    RouteStep,
    Shown,
    Symbols,
)
from archon.contracts.errors import StoreUnavailableError
from archon.contracts.types import ProjectName
from archon.references.port import Questions
from bridge.requests.access import Caller, Reader

ANSWER_SECONDS: Final = 25.0
"""Less than the 30 seconds after which our clients give up."""
ENTRIES_A_REQUEST: Final = 100
"""Entries of an answer, or files of a question, that count as one further request against a key's rate."""
SECONDS_A_REQUEST: Final = 0.25
"""The same, of the time that an answer takes, also one that nobody waits for."""
RETRY_AFTER: Final = 5.0

Found = TypeVar("Found", bound=Answer)


@dataclass(frozen=True)
class Asking:
    """One caller's questions about one project, which its key covers."""

    questions: Questions
    caller: Caller
    project: str

    async def answer(self, work: Awaitable[Found]) -> Found:
        """Charges the caller for an answer that is long or takes long. Raises the errors of the question, and
        StoreUnavailableError if it takes too long: the index of a large project is read once, and the next
        question finds it."""
        begun = time.monotonic()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                found = await work
        except TimeoutError as error:
            reason = f"no answer within {ANSWER_SECONDS:g} s; a smaller depth or limit takes less"
            raise StoreUnavailableError("graph", reason, RETRY_AFTER) from error
        finally:
            self.caller.spend(int((time.monotonic() - begun) / SECONDS_A_REQUEST))
        self.spend(entries(found))
        return found

    def spend(self, count: int) -> None:
        if more := count // ENTRIES_A_REQUEST:
            self.caller.spend(more)


def entries(found: Answer) -> int:
    """The number of symbols, places of relations and the like in an answer."""
    count = 0
    match found:
        case Symbols():
            count = len(found.symbols)
        case Shown():
            count = sum(1 + len(each.members) + _all(each.bases.values()) for each in found.symbols)
        case Relations():
            count = len(found.subjects) + _places(found.relations)
        case Impact():
            count = len(found.changed) + _places([*found.relations, *found.tests])
        case Route():
            count = len(found.sources) + len(found.targets) + _places(found.steps)
        case Neighbourhood():
            count = len(found.nodes) + len(found.edges)
        case Outline():
            count = len(found.packages) + len(found.hubs) + _all(found.cycles) + len(found.dead)
    return count


def _places(found: Iterable[Relation | RouteStep]) -> int:
    """Nearly every relation has one; a caller may refer to a symbol in a hundred."""
    return sum(max(len(each.sites), 1) for each in found)


def _all(lists: Iterable[Sequence[object]]) -> int:
    return sum(map(len, lists))


async def _questions(request: Request) -> Questions:
    questions: Questions = request.app.state.questions
    return questions


QuestionsDep = Annotated[Questions, Depends(_questions)]


async def _asking(
    caller: Reader,
    questions: QuestionsDep,
    project: Annotated[ProjectName, Query(description="The project.", examples=["shop"])],
) -> Asking:
    """Raises ForbiddenError for a project outside the key's, whether it exists or not."""
    caller.require(project)
    return Asking(questions, caller, project)


AskingDep = Annotated[Asking, Depends(_asking)]
