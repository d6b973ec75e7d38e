"""In: a dead-lettered failure. Out: the reason to go on, once there is one; a run waits nowhere else."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from temporalio import workflow

from archon.contracts.types import FailureType
from archon.contracts.workflow import ParkInput, WriteResult
from workflows.mailbox import Mailbox, Wake

SELF_RETRY_AFTER: Final = timedelta(minutes=5)
"""A transient failure retries itself after this, twice this, and so on."""
SELF_RETRIES: Final = 5
DEAD_LETTER_AGAIN: Final = timedelta(days=20)
"""Well before the topic's 30 days of retention drop the letter of a run that still waits."""


def note(mailbox: Mailbox, park: ParkInput, marked: WriteResult | None) -> None:
    """A document that could not be marked because a newer version has it is not waited for any longer."""
    if marked is not None and marked.past and park.claimed:
        mailbox.superseded_by = max(mailbox.superseded_by, park.step.version + 1)


async def wait(mailbox: Mailbox, park: ParkInput, publish_again: Callable[[], Awaitable[bool]]) -> Wake:
    """Wait for a signal, a newer version, a new submission, or the hour of an own retry.

    What was never claimed is claimed again now and then: nobody would tell it of a newer version.
    """
    count = park.failure_count
    own = park.failure.failure_type is FailureType.TRANSIENT and count <= SELF_RETRIES
    patience = SELF_RETRY_AFTER * count if own else DEAD_LETTER_AGAIN
    until = workflow.now() + patience
    mailbox.letter_lost = False
    while True:
        try:
            await workflow.wait_condition(
                lambda: mailbox.letter_lost or mailbox.wake(park.step.version) is not None,
                timeout=max(until - workflow.now(), timedelta(0)),
                timeout_summary="until its own retry" if own else "until a signal, or its letter's renewal",
            )
        except TimeoutError:
            if own or not park.claimed:
                return Wake.RETRY
            until, mailbox.letter_lost = workflow.now() + patience, True
        if mailbox.letter_lost:
            mailbox.letter_lost = False
            if not await publish_again():
                return Wake.SUPERSEDED
        if wake := mailbox.wake(park.step.version):
            mailbox.take(wake)
            return wake
