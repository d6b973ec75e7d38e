"""In: a dead-lettered failure. Out: the reason to continue, as soon as there is one; the only place where a
run waits."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from temporalio import workflow

from archon.contracts.types import FailureType
from archon.contracts.workflow import ParkInput, WriteResult
from workflows.mailbox import Mailbox, Wake

SELF_RETRY_AFTER: Final = timedelta(minutes=5)
"""A transient failure retries itself after this time, then after twice the time, and so on."""
SELF_RETRIES: Final = 5
DEAD_LETTER_AGAIN: Final = timedelta(days=20)
"""Renews the letter of a waiting run well before the topic's retention of 30 days deletes it."""


def note(mailbox: Mailbox, park: ParkInput, marked: WriteResult | None) -> None:
    """Stops the wait for a document that could not be marked because a newer version has replaced it."""
    if marked is not None and marked.past and park.claimed:
        mailbox.superseded_by = max(mailbox.superseded_by, park.step.version + 1)


async def wait(mailbox: Mailbox, park: ParkInput, publish_again: Callable[[], Awaitable[bool]]) -> Wake:
    """Waits for a signal, a newer version, a new submission, or the time of an automatic retry.

    An unclaimed request is claimed again from time to time, because nothing signals a newer version to its
    run.
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
