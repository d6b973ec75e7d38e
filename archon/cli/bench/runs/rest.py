"""In: a stack with nothing to do. Out: how long a single document takes, sent when the one before is done."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from archon.cli.bench.load.documents import Generated
from archon.cli.bench.load.reading import Accepted, Reader
from archon.cli.bench.load.sending import body_of, client, post
from archon.cli.bench.measured.report import AtRest, Latency
from archon.contracts.errors import StoreUnavailableError
from archon.contracts.types import Priority
from archon.runtime.settings import Settings

WARM_UP: Final = 5
"""Documents before those that count: what is first used then is loaded then."""
_NOT_STARTED: Final = 0.01
"""Seconds between two questions for a run that has not begun; its end is waited for without asking."""
_PATIENCE: Final = 180.0
"""Seconds: on a machine that others keep busy, what runs in the background hardly runs at all."""


async def at_rest(
    settings: Settings,
    temporal: Client,
    reader: Reader,
    project: str,
    documents: Sequence[Generated],
    told: Callable[[], None],
) -> AtRest:
    """Of all but the first WARM_UP. Raises StoreUnavailableError for one that is refused, TimeoutError for
    one that is not enriched."""
    enriched, ended = [], []
    async with client(settings, 1) as http:
        for document in documents:
            sent = time.perf_counter()
            problem, accepted = await post(http, body_of(project, document, Priority.NORMAL))
            if accepted is None:
                raise StoreUnavailableError("bridge", f"a document at rest was not accepted: {problem}")
            await _ended(temporal, accepted)
            ended.append((time.perf_counter() - sent) * 1000)
            row = await reader.document(accepted.document_id)
            if row.enriched_at is not None:
                enriched.append((row.enriched_at - row.indexed_at).total_seconds() * 1000)
            told()
    return AtRest(enriched=Latency.of(enriched[WARM_UP:]), ended=Latency.of(ended[WARM_UP:]))


async def _ended(temporal: Client, accepted: Accepted) -> None:
    """By a question that Temporal answers when it is so: asking the bridge all the time would be a load."""
    handle = temporal.get_workflow_handle(accepted.workflow_id)
    try:
        async with asyncio.timeout(_PATIENCE):
            while True:
                if await _has_ended(handle):
                    return
                await asyncio.sleep(_NOT_STARTED)
    except TimeoutError:
        raise TimeoutError(f"{accepted.workflow_id} has not ended within {_PATIENCE:g} s") from None


async def _has_ended(handle: WorkflowHandle[Any, Any]) -> bool:
    """Waits for its end, good or bad; False where it has not even begun."""
    try:
        await handle.result()
    except WorkflowFailureError:
        return True
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True
