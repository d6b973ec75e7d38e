"""In: why a document has its scores and findings. Out: tables with measures, values and limits."""

from collections.abc import Iterator, Sequence

from archon.cli.terminal.output import table
from archon.contracts.analysis import Finding, ScorePart
from archon.contracts.views import Reasons


def show(why: Reasons) -> None:
    """What lowers the quality and raises the complexity, the largest effects first; then the findings."""
    for score, parts in (("quality", why.quality_parts), ("complexity", why.complexity_parts)):
        rows = list(_rows(parts))
        if rows:
            table("", (score, "measure", "value", "where"), rows)
    findings = [(each.severity or "", each.rule, sentence(each)) for each in why.findings]
    if why.more_findings:
        findings.append(("", "", f"and {why.more_findings} more"))
    if findings:
        table("", ("severity", "finding", "where"), findings)


def _rows(parts: Sequence[ScorePart]) -> Iterator[tuple[str, str, str, str]]:
    """One row for each place of a part that has an effect."""
    for part in sorted(parts, key=lambda each: -abs(each.effect)):
        if part.effect:
            first, *others = [sentence(each) for each in part.places] or [""]
            yield f"{part.effect:+.3f}", part.measure, f"{part.value:g}", first
            yield from (("", "", "", other) for other in others)


def sentence(finding: Finding) -> str:
    """Such as: `load` has 60 lines of code, more than 50 (line 30)."""
    words = finding.message or finding.rule
    if finding.symbol is not None and finding.value is None and f"`{finding.symbol}`" not in words:
        words = f"{words}, in `{finding.symbol}`"
    return words if finding.line is None else f"{words} (line {finding.line})"
