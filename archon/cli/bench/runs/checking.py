"""In: the documents that the bridge accepted, and its listing. Out: the final state of each document."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from archon.cli.bench.load.reading import Accepted, Row
from archon.cli.bench.measured.report import Validation
from archon.cli.estate.validation import validate
from archon.contracts.types import EnrichmentStatus
from archon.runtime.settings import Settings

_SHOWN = 100


def write_list(path: Path, accepted: list[Accepted]) -> None:
    """JSON Lines for `enrich validate --against`."""
    lines = [
        json.dumps({"document_id": each.document_id, "content_hash": each.content_hash}) for each in accepted
    ]
    path.write_text("".join(f"{line}\n" for line in lines))


def check(accepted: list[Accepted], rows: Mapping[str, Row]) -> Validation:
    """Each accepted document is present with its content and enriched from it, parked or skipped; otherwise
    lost."""
    fates = {each.document_id: _fate(each, rows.get(each.document_id)) for each in accepted}
    counts = Counter(fates.values())
    return Validation(
        submitted=len(fates),
        enriched=counts[EnrichmentStatus.COMPLETED],
        parked=counts[EnrichmentStatus.FAILED],
        skipped=counts[EnrichmentStatus.SKIPPED],
        lost=counts[None],
        lost_ids=sorted(document_id for document_id, fate in fates.items() if fate is None)[:_SHOWN],
    )


async def drift(settings: Settings, project: str, accepted: list[Accepted]) -> dict[str, int]:
    """The result of `enrich validate --against` for the same list, by kind; empty without drift.

    Raises StoreError, WorkflowUnavailableError.
    """
    submitted = {each.document_id: each.content_hash for each in accepted}
    found = await validate(settings, project=project, submitted=submitted)
    assert found.submitted is not None
    lost = {"missing": found.submitted.missing, "changed": found.submitted.changed}
    kinds = {str(kind): count for kind, count in found.drift.items()}
    return {kind: count for kind, count in (lost | kinds).items() if count}


def _fate(accepted: Accepted, row: Row | None) -> EnrichmentStatus | None:
    if row is None or row.content_hash != accepted.content_hash:
        return None
    if row.enrichment_status == EnrichmentStatus.COMPLETED:
        stale = row.enrichment_content_hash != accepted.content_hash
        return None if stale else EnrichmentStatus.COMPLETED
    kept = (EnrichmentStatus.FAILED, EnrichmentStatus.SKIPPED)
    return EnrichmentStatus(row.enrichment_status) if row.enrichment_status in kept else None
