"""In: the state of a run. Out: its search attributes, and its details in Markdown for the Temporal Web UI."""

from typing import Final

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from archon.contracts import names
from archon.contracts.analysis import AnalysisSummary
from archon.contracts.text.markdown import plain
from archon.contracts.types import EnrichmentStatus
from archon.contracts.workflow import Failure

_STATUS: Final = SearchAttributeKey.for_keyword(names.SEARCH_ENRICHMENT_STATUS)
_VERSION: Final = SearchAttributeKey.for_keyword(names.SEARCH_DOCUMENT_VERSION)
_FAILURE_TYPE: Final = SearchAttributeKey.for_keyword(names.SEARCH_FAILURE_TYPE)


class Display:
    """The visible state of a run."""

    def __init__(self) -> None:
        self.status = EnrichmentStatus.PENDING
        self.stage = "waiting for a submission"
        self.version: int | None = None
        self.failure: Failure | None = None

    def file(self, status: str, failure_type: str | None = None) -> None:
        """Sets the search attributes. Each call is an event, so it is only made if the state has changed."""
        reason = _FAILURE_TYPE.value_set(failure_type) if failure_type else _FAILURE_TYPE.value_unset()
        version = [_VERSION.value_set(str(self.version))] if self.version is not None else []
        workflow.upsert_search_attributes([_STATUS.value_set(str(status)), reason, *version])

    def report(self, status: EnrichmentStatus, stage: str, summary: AnalysisSummary | None = None) -> None:
        """Sets the text for the query and the Web UI; costs no event."""
        self.status = status
        self.stage = stage
        workflow.set_current_details(markdown(stage, self.version, self.failure, summary))


def markdown(
    stage: str, version: int | None, failure: Failure | None, summary: AnalysisSummary | None
) -> str:
    """A few lines: the stage, the results or the failure, and what an operator can do."""
    lines = [f"**{stage}**" + (f" · version {version}" if version else "")]
    if summary is not None:
        lines.append(_found(summary))
    if failure is not None:
        lines += [
            f"**Failed:** {failure.stage} · `{failure.failure_type}` · `{failure.error_type}`",
            f"> {plain(failure.message[:500])}",
            "**What to do:** fix the cause, then send the signal `retry`; or send `discard` to give it up.",
        ]
    return "\n\n".join(lines)


def _found(summary: AnalysisSummary) -> str:
    parts = [f"{summary.entities_extracted} entities"]
    if summary.quality_score is not None:
        parts.append(f"quality {summary.quality_score:.2f}")
    if summary.complexity_score is not None:
        parts.append(f"complexity {summary.complexity_score:.2f}")
    if summary.anti_patterns_detected:
        parts.append("anti-patterns: " + ", ".join(summary.anti_patterns_detected))
    if summary.cached:
        parts.append("analysis from the cache")
    return " · ".join(parts)
