"""In: where a run stands. Out: the Markdown that the Temporal Web UI shows as its current details."""

from archon.contracts.analysis import AnalysisSummary
from archon.contracts.workflow import Failure


def markdown(
    stage: str, version: int | None, failure: Failure | None, summary: AnalysisSummary | None
) -> str:
    """A few lines: the stage, what was found or what failed, and what an operator can do about it."""
    lines = [f"**{stage}**" + (f" · version {version}" if version else "")]
    if summary is not None:
        lines.append(_found(summary))
    if failure is not None:
        lines += [
            f"**Failed:** {failure.stage} · `{failure.failure_type}` · `{failure.error_type}`",
            f"> {' '.join(failure.message.split())[:500]}",
            "**What to do:** mend the cause, then send the signal `retry`; or send `discard` to give it up.",
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
