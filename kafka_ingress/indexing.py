"""In: `tree.index` records with the bridge's POST body. Out: documents that the bridge has accepted."""

import contextlib
from typing import Final

import httpx
from aiokafka import ConsumerRecord

from archon.contracts.errors import InvalidInputError, StoreUnavailableError
from archon.runtime.http.problems import MEDIA_TYPE, Problem
from archon.runtime.logs import get_logger
from archon.runtime.reasons import in_words, place
from archon.runtime.telemetry import tracing
from kafka_ingress.enrichment import refused
from kafka_ingress.poison import Handler

_NOT_THE_DOCUMENT: Final = frozenset({408, 429})
"""Client errors that are not about the document: our request rate."""
_HEADERS: Final = {"content-type": "application/json", "prefer": "respond-async"}
"""Nobody reads the answer, so it need not wait for an enrichment within the request."""
_OUR_KEY: Final = frozenset({401, 403})
_WANTED: Final = "BRIDGE_API_KEY must be a key with write access to every project; indexing waits for one"
_log = get_logger(__name__)


def indexing_handler(http: httpx.AsyncClient) -> Handler:
    """POSTs each record to the bridge, whose address `http` has. Raises InvalidInputError,
    StoreUnavailableError."""

    async def handle(record: ConsumerRecord) -> None:
        if record.value is None:
            raise InvalidInputError("value", "null, but a document is required")
        try:
            headers = {**_HEADERS, **tracing.headers()}
            response = await http.post("/api/bridge/document", content=record.value, headers=headers)
        except httpx.TransportError as error:
            reason = f"{place(str(http.base_url), 'bridge_url')}: {in_words(error)}"
            raise StoreUnavailableError("bridge", reason) from error
        _check(response)

    return handle


def _check(response: httpx.Response) -> None:
    if response.is_success:
        return
    answer = f"HTTP {response.status_code}: {response.text[:1000]}"
    # A stopping bridge ends open requests with its server's own 500, which is not about the document.
    is_problem = response.headers.get("content-type", "").startswith(MEDIA_TYPE)
    if response.status_code == httpx.codes.INTERNAL_SERVER_ERROR and is_problem:
        raise RuntimeError(f"the bridge failed on it: {answer}")
    if response.status_code in _OUR_KEY:
        _log.error("bridge_refuses_our_key", status=response.status_code, wanted=_WANTED)
        raise StoreUnavailableError("bridge", f"{answer}; {_WANTED}")
    if response.is_server_error or response.status_code in _NOT_THE_DOCUMENT:
        raise StoreUnavailableError("bridge", answer)
    raise _refused(response)


def _refused(response: httpx.Response) -> InvalidInputError:
    """The fields in the bridge's problem, or its sentence if it names none."""
    reason = response.text[:1000]
    with contextlib.suppress(ValueError):  # another server's answer
        problem = Problem.model_validate_json(response.content)
        if problem.errors:
            return refused(problem.errors)
        reason = problem.detail
    return InvalidInputError("value", f"the bridge refused it with HTTP {response.status_code}: {reason}")
