"""In: dead letters. Out: the result of retrying or discarding each document."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from rich.progress import Progress

from archon.cli.terminal.output import err
from archon.clients.bridge import BridgeApi
from archon.contracts.errors import NotFoundError, NotParkedError
from archon.contracts.operations.dead_letters import DeadLetterRow

_CONCURRENCY: Final = 8
_POLL_EVERY: Final = 0.5


@dataclass(frozen=True)
class Outcome:
    """The result for one dead letter."""

    row: DeadLetterRow
    what: str
    failed: bool = False

    def as_json(self) -> dict[str, Any]:
        row = self.row.model_dump(mode="json", include={"key", "document_id", "project_name", "file_path"})
        return {**row, "outcome": self.what, "failed": self.failed}


class Retrying:
    """Uses the bridge, several requests at once. `timeout`: seconds to wait for a canary."""

    def __init__(self, api: BridgeApi, timeout: float = 300) -> None:
        self._api = api
        self._timeout = timeout

    async def all(self, rows: Sequence[DeadLetterRow]) -> list[Outcome]:
        return await self._each("Retrying", rows, self._retry)

    async def discard(self, rows: Sequence[DeadLetterRow]) -> list[Outcome]:
        return await self._each("Discarding", rows, self._discard)

    async def after_canaries(self, rows: Sequence[DeadLetterRow]) -> list[Outcome]:
        """Retries one of each group of similar failures first, and the rest of its group after it has
        recovered."""
        outcomes = [Outcome(row, reason, failed=True) for row in rows if (reason := refusal(row))]
        waiting = sorted((row for row in rows if not refusal(row)), key=_alike)
        for _, group in groupby(waiting, key=_alike):
            first, *rest = group
            tried = await self._canary(first)
            outcomes.append(tried)
            if tried.failed:
                outcomes += [Outcome(row, "not tried: its canary did not recover") for row in rest]
            else:
                outcomes += await self.all(rest)
        return outcomes

    async def _canary(self, row: DeadLetterRow) -> Outcome:
        outcome = await self._retry(row)
        if outcome.failed or row.document_id is None:
            return outcome
        deadline = time.monotonic() + self._timeout
        with err.status(f"Waiting for {row.file_path or row.key} ..."):
            while time.monotonic() < deadline:
                try:
                    letter = (await self._api.dead_letter(row.key)).dead_letter
                except NotFoundError:
                    return Outcome(row, "canary: recovered")
                if letter.failure_timestamp > row.failure_timestamp:
                    return Outcome(row, f"canary: failed again: {letter.failure_reason}", failed=True)
                await asyncio.sleep(_POLL_EVERY)
        return Outcome(row, f"canary: not recovered within {self._timeout:g} s", failed=True)

    async def _retry(self, row: DeadLetterRow) -> Outcome:
        if reason := refusal(row):
            return Outcome(row, reason, failed=True)
        try:
            answer = await self._api.retry(row.document_id or row.key)
        except (NotParkedError, NotFoundError) as error:
            return Outcome(row, str(error), failed=True)
        return Outcome(row, "retried" if answer.action == "retry" else "submitted again")

    async def _discard(self, row: DeadLetterRow) -> Outcome:
        try:
            if row.workflow_id is None or row.document_id is None:
                await self._api.discard_dead_letter(row.key)
            else:
                await self._api.discard(row.document_id)
        except (NotParkedError, NotFoundError) as error:
            return Outcome(row, str(error), failed=True)
        return Outcome(row, "discarded")

    async def _each(
        self,
        title: str,
        rows: Sequence[DeadLetterRow],
        work: Callable[[DeadLetterRow], Awaitable[Outcome]],
    ) -> list[Outcome]:
        slots = asyncio.Semaphore(_CONCURRENCY)
        with Progress(console=err, transient=True) as progress:
            bar = progress.add_task(title, total=len(rows))

            async def one(row: DeadLetterRow) -> Outcome:
                async with slots:
                    outcome = await work(row)
                    progress.advance(bar)
                    return outcome

            return list(await asyncio.gather(*map(one, rows)))


def refusal(row: DeadLetterRow) -> str | None:
    """Why a letter's document cannot be retried, or None."""
    return None if row.workflow_id else "cannot be retried: the message itself is wrong"


def _alike(row: DeadLetterRow) -> tuple[str, str]:
    """Failures with the same key are expected to behave alike on a retry."""
    return str(row.failure_type), row.exception_type
