"""In: signals, queries and updates from ingress, operators and waiting clients. Out: the run's mailbox, and
answers.

Handlers only change or read state; the run acts on it.
"""

from temporalio import workflow

from archon.contracts import names
from archon.contracts.events import EnrichmentRequest
from archon.contracts.workflow import Carried, SubmissionAnswer, WorkflowStatus
from workflows.answers import Answers
from workflows.display import Display
from workflows.mailbox import Mailbox, Wake


class Handlers:
    """The signals, the query and the update of EnrichDocument."""

    def __init__(self, carried: Carried) -> None:
        self._mailbox = Mailbox(carried)
        self._display = Display()
        self._answers = Answers()

    @workflow.signal(name=names.SIGNAL_SUBMIT)
    def submit(self, request: EnrichmentRequest) -> None:
        """Adds a request for this content."""
        self._mailbox.submit(request)

    @workflow.signal(name=names.SIGNAL_RETRY)
    def retry(self) -> None:
        """Retries a parked document."""
        self._mailbox.ask(Wake.RETRY)

    @workflow.signal(name=names.SIGNAL_DISCARD)
    def discard(self) -> None:
        """Discards a parked document."""
        self._mailbox.ask(Wake.DISCARD)

    @workflow.signal(name=names.SIGNAL_SUPERSEDE)
    def supersede(self, version: int) -> None:
        """Another content of this document was claimed at `version`."""
        self._mailbox.superseded_by = max(self._mailbox.superseded_by, version)

    @workflow.signal(name=names.SIGNAL_LETTER)
    def publish_letter(self) -> None:
        """The dead letter of this parked run is lost."""
        self._mailbox.letter_lost = True

    @workflow.update(name=names.UPDATE_SETTLED)
    async def answer(self, correlation_id: str) -> SubmissionAnswer:
        """Returns when the submission with this correlation id has ended or is parked."""
        await workflow.wait_condition(lambda: self._answers.of(correlation_id) is not None)
        found = self._answers.of(correlation_id)
        assert found is not None
        return found

    @workflow.query(name=names.QUERY_STATUS)
    def status(self) -> WorkflowStatus:
        return WorkflowStatus(
            status=self._display.status,
            parked=self._display.failure is not None,
            stage=self._display.stage,
            version=self._display.version,
            failure=self._display.failure,
            retries=self._mailbox.retries,
            submissions=self._mailbox.seen,
            duplicates=self._mailbox.duplicates,
        )

    async def _let_go(self) -> None:
        """Answers all waiting clients before the run ends."""
        self._answers.leaving = True
        await workflow.wait_condition(workflow.all_handlers_finished)
