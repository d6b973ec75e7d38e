"""In: the name of a point. Out: a process killed there while documents are in progress, and the state
afterwards.

At a hook the process kills itself (archon.runtime.crash); a row whose hook was not reached fails. Servers are
killed from outside during a run, and restarted.
"""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from archon.devstack.process import ChildProcess, ServerFailedError
from archon.devstack.stack import Stack
from archon.runtime.crash import CRASH_AT, CRASH_MARK
from tests.crash.invariants import INVARIANTS, Broken, at_rest
from tests.crash.load import Load
from tests.eventually import eventually

DOWN_SECONDS = 4.0
"""How long a server that was killed from outside stays down."""
REST_SECONDS = 150.0
OVERRIDES = {
    "MAX_CONCURRENT_ENRICHMENTS": "4",
    "CIRCUIT_BREAKER_RECOVERY_TIMEOUT": "2",
    "RETRY_BACKOFF_BASE": "1",
}

Crash = Callable[[Stack, Load], Awaitable[None]]


class NotReachedError(Exception):
    """The process did not reach the point where it should have killed itself."""


@dataclass
class Row:
    """The result of a crash. `broken`: violations by invariant."""

    point: str
    seconds: float = 0.0
    submitted: int = 0
    broken: dict[str, Broken] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        return not any(self.broken.values())


def itself(service: str, point: str, *, unanswered: bool = False) -> Crash:
    """The service ends itself at `point`. `unanswered`: during a POST."""

    async def crash(stack: Stack, load: Load) -> None:
        await load.submit(range(8))
        process: ChildProcess = getattr(stack.services, service)
        mark = stack.data_dir / f"{load.project}.reached"
        armed = dataclasses.replace(
            process, environment={**process.environment, CRASH_AT: point, CRASH_MARK: str(mark)}
        )
        await process.stop()
        try:
            # Leftover work may bring it to the hook before it counts as ready.
            with contextlib.suppress(ServerFailedError):
                await armed.start()
            if unanswered:
                await load.submit_unanswered(7)  # an update, which nobody repeats
            else:
                await load.submit(range(4, 12))
                await load.submit_refused()
            await until_dead(armed, mark)
        finally:
            await armed.kill()
            await process.start()
        await load.submit(range(10, 14))
        await load.revert(range(2))
        if unanswered:
            await load.submit_refused()

    return crash


async def until_dead(process: ChildProcess, mark: Path, seconds: float = 60) -> None:
    """Raises NotReachedError if it has not ended itself at the hook that writes `mark`."""
    try:
        await asyncio.wait_for(process.ended(), seconds)
    except TimeoutError as error:
        raise NotReachedError(f"{process.name} still runs") from error
    if not mark.exists():
        raise NotReachedError(f"{process.name} ended of something else; see {process.log}")


def killed(group: str, server: str) -> Crash:
    """Kills the server while documents are being enriched, and restarts it."""

    async def crash(stack: Stack, load: Load) -> None:
        process: ChildProcess = getattr(getattr(stack, group), server)
        await load.submit(range(32))
        await load.submit_refused()
        await load.under_way()
        await process.kill()
        await asyncio.sleep(DOWN_SECONDS)  # duration of the outage
        await process.start()
        await load.submit(range(28, 36))
        await load.revert(range(2))

    return crash


POINTS: dict[str, Crash] = {
    "ingress: between poll and submit": itself("ingress", "request-polled"),
    "ingress: between submit and commit": itself("ingress", "request-submitted"),
    "worker: during the analysis": itself("worker", "analysis-answered"),
    "worker: between vectors and graph": itself("worker", "vectors-written"),
    "worker: between graph and event": itself("worker", "graph-written"),
    "bridge: between graph and publish": itself("bridge", "document-indexed", unanswered=True),
    "graph killed": killed("servers", "graph"),
    "vectors killed": killed("servers", "vectors"),
    "intelligence killed": killed("services", "intelligence"),
    "Temporal killed": killed("servers", "temporal"),
}


async def rehearse(stack: Stack, point: str) -> Row:
    """Crashes at one point, waits until everything is at rest, and checks."""
    row, load, started = Row(point), Load(stack.settings), time.monotonic()
    try:
        await POINTS[point](stack, load)
    except NotReachedError as error:
        row.broken["reached"] = [str(error)]
    try:
        await eventually(lambda: at_rest(stack.settings, load), REST_SECONDS)
    except AssertionError as error:
        row.broken["at rest"] = [str(error)]
    row.submitted = len(load.expected)
    for name, invariant in INVARIANTS.items():
        row.broken[name] = await invariant(stack.settings, load)
    row.seconds = time.monotonic() - started
    return row
