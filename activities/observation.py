"""In: every attempt of every activity. Out: its log line with the document's fields, and its metrics."""

import asyncio
import time
from typing import Any

from structlog.contextvars import bound_contextvars
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from archon.contracts.workflow import request_in
from archon.runtime.flow.at_work import AtWork
from archon.runtime.logs import get_logger, milliseconds
from archon.runtime.telemetry import metrics

_log = get_logger(__name__)


class Observation(Interceptor):
    """All log lines of an activity carry the fields bound here."""

    def __init__(self) -> None:
        self.at_work = AtWork()
        """Number of running attempts, including local ones."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _Observed(next, self.at_work)


class _Observed(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, at_work: AtWork) -> None:  # noqa: A002
        super().__init__(next)
        self._at_work = at_work

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        info = activity.info()
        if info.attempt > 1:
            metrics.RETRIES.labels(info.activity_type).inc()
        request = request_in(input.args)
        with (
            self._at_work.one(),
            bound_contextvars(
                activity=info.activity_type,
                workflow_id=info.workflow_id,
                retry_count=info.attempt - 1,
                **(request.about if request is not None else {}),
            ),
        ):
            return await self._timed(input)

    async def _timed(self, attempt: ExecuteActivityInput) -> Any:
        started = time.monotonic()
        try:
            result = await super().execute_activity(attempt)
        except asyncio.CancelledError:
            _log.info("activity_cancelled", status="cancelled", duration_ms=_since(started))
            raise
        except Exception as error:
            error_type = _type(error)
            metrics.ERRORS.labels(error_type).inc()
            _log.warning(
                "activity_failed",
                status="failed",
                error_type=error_type,
                error=str(error),
                duration_ms=_since(started),
            )
            raise
        _log.debug("activity_completed", status="completed", duration_ms=_since(started))
        return result


def _type(error: Exception) -> str:
    """The class of our error in the failure."""
    named = error.type if isinstance(error, ApplicationError) else None
    return named or type(error).__name__


def _since(started: float) -> float:
    return milliseconds(time.monotonic() - started)
