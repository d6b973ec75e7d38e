"""In: a stage that a run has reached. Out: its progress event, passed to Kafka in order."""

from datetime import UTC, datetime

from activities.ports import ProgressSink
from archon.contracts.events import EnrichmentProgress, EnrichmentRequest
from archon.contracts.workflow import Stage


class Progress:
    def __init__(self, sink: ProgressSink) -> None:
        self._sink = sink

    def report(
        self,
        request: EnrichmentRequest,
        version: int,
        stage: Stage,
        since: datetime | None,
        now: datetime | None = None,
    ) -> None:
        """`since`: when the run took up the submission; None reports nothing."""
        if since is None:
            return
        updated_at = now or datetime.now(UTC)
        self._sink.progress(
            EnrichmentProgress(
                document_id=request.document_id,
                project_name=request.project_name,
                correlation_id=request.correlation_id,
                stage=stage,
                progress_percent=stage.percent,
                updated_at=updated_at,
                estimated_completion=_estimate(since, updated_at, stage),
                document_version=version,
            )
        )


def _estimate(started_at: datetime, updated_at: datetime, stage: Stage) -> datetime:
    """The estimated end of the run at its pace so far."""
    return updated_at + (updated_at - started_at) * ((100 - stage.percent) / stage.percent)
