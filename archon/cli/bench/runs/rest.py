"""In: an idle stack. Out: the duration of single documents, each sent after the previous one is done."""

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
"""Documents before the measured ones, which cause one-time initialisation."""
_NOT_STARTED: Final = 0.01
"""Seconds between checks for a run that has not started; its end is awaited without polling."""
_PATIENCE: Final = 180.0
"""Seconds: background processes hardly get processor time on a busy machine."""


async def at_rest(
    settings: Settings,
    temporal: Client,
    reader: Reader,
    project: str,
    documents: Sequence[Generated],
    advance: Callable[[], None],
) -> AtRest:
    """Measures all but the first WARM_UP documents. Raises StoreUnavailableError for a refused document,
    TimeoutError for one that is not enriched."""
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
            advance()
    return AtRest(enriched=Latency.of(enriched[WARM_UP:]), ended=Latency.of(ended[WARM_UP:]))


async def _ended(temporal: Client, accepted: Accepted) -> None:
    """Waits through Temporal's long poll: polling the bridge would be a load."""
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
    """Waits for its end, successful or not; False if the run has not started."""
    try:
        await handle.result()
    except WorkflowFailureError:
        return True
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True
