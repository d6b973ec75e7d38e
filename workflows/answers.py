"""In: the progress of a run's submissions. Out: for a waiting client, how its submission ended, or that it is
parked.

A parked submission is not settled, but the client gets an answer: only an operator can end the wait.
"""

from archon.contracts.workflow import EnrichmentOutcome, Failure, SubmissionAnswer


class Answers:
    def __init__(self) -> None:
        self._ended: dict[str, SubmissionAnswer] = {}
        self._parked: tuple[str, Failure] | None = None
        self.leaving = False
        """The run ends, or continues as new: no client may wait here any longer."""

    def end(self, correlation_id: str, outcome: EnrichmentOutcome) -> None:
        self._ended[correlation_id] = SubmissionAnswer.of(outcome)

    def park(self, correlation_id: str, failure: Failure) -> None:
        self._parked = correlation_id, failure

    def wake(self) -> None:
        self._parked = None

    def of(self, correlation_id: str) -> SubmissionAnswer | None:
        """None while the run works on it."""
        if correlation_id in self._ended:
            return self._ended[correlation_id]
        if self._parked is not None and self._parked[0] == correlation_id:
            return SubmissionAnswer.parked(self._parked[1])
        return SubmissionAnswer(state="open") if self.leaving else None
