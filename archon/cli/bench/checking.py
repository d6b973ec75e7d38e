"""In: what the bridge has accepted, and its listing. Out: what has become of it, document by document."""

import json
from collections.abc import Mapping
from pathlib import Path

from archon.cli.bench.report import Validation
from archon.contracts.documents import DocumentAccepted, DocumentRow
from archon.contracts.types import EnrichmentStatus

_SHOWN = 100


def write_list(path: Path, accepted: list[DocumentAccepted]) -> None:
    """JSON Lines that `enrich validate --against` reads."""
    lines = [
        json.dumps({"document_id": each.document_id, "content_hash": each.content_hash}) for each in accepted
    ]
    path.write_text("".join(f"{line}\n" for line in lines))


def check(accepted: list[DocumentAccepted], rows: Mapping[str, DocumentRow]) -> Validation:
    """Each accepted document is there with its content, and enriched from it or parked; or it is lost."""
    enriched = [each.document_id for each in accepted if _enriched(each, rows)]
    parked = [
        each.document_id
        for each in accepted
        if _kept(each, rows) and rows[each.document_id].enrichment_status is EnrichmentStatus.FAILED
    ]
    lost = {each.document_id for each in accepted} - {*enriched, *parked}
    return Validation(
        submitted=len(accepted),
        enriched=len(enriched),
        parked=len(parked),
        lost=len(lost),
        lost_ids=sorted(lost)[:_SHOWN],
    )


def _kept(accepted: DocumentAccepted, rows: Mapping[str, DocumentRow]) -> bool:
    row = rows.get(accepted.document_id)
    return row is not None and row.content_hash == accepted.content_hash


def _enriched(accepted: DocumentAccepted, rows: Mapping[str, DocumentRow]) -> bool:
    if not _kept(accepted, rows):
        return False
    row = rows[accepted.document_id]
    return (
        row.enrichment_status is EnrichmentStatus.COMPLETED
        and row.enrichment_content_hash == accepted.content_hash
    )
