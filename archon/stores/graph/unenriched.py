"""In: criteria. Out: documents without enrichment, page by page, and their number.

Omits live traffic and parked, discarded or deleted documents: they are enriched in another way, or not at
all.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from archon.contracts import identity
from archon.contracts.operations.backfill import Candidate, CandidatePage, Criteria, Reason, UnenrichedCount
from archon.contracts.operations.versions import older
from archon.contracts.types import WORKING, EnrichmentStatus
from archon.stores.bolt.session import Bolt
from archon.stores.graph import nodes, older_shape

LIVE_FOR: Final = timedelta(minutes=10)
"""How long a pending or processing document counts as live traffic after its indexing."""
_GIVEN_UP: Final = (EnrichmentStatus.DELETED, EnrichmentStatus.DISCARDED)


class Unenriched:
    """Raises StoreError."""

    def __init__(self, bolt: Bolt) -> None:
        self._bolt = bolt

    async def page(self, criteria: Criteria, after: str, limit: int) -> CandidatePage:
        """Candidates among the next `limit` nodes by id; a page may be empty without being the last."""
        rows = await self._bolt.rows("unenriched", after=after, limit=limit, **_parameters(criteria))
        last = rows[-1]["document_id"] if len(rows) == limit else None
        return CandidatePage(candidates=_candidates(rows, criteria), next=last)

    async def among(self, criteria: Criteria, document_ids: Sequence[str]) -> list[Candidate]:
        """The documents on the list that match."""
        rows = await self._bolt.rows("unenriched_among", ids=list(document_ids), **_parameters(criteria))
        return _candidates(rows, criteria)

    async def unknown(self, document_ids: Sequence[str]) -> list[str]:
        """The ids without a node."""
        rows = await self._bolt.rows("standings", ids=list(document_ids))
        known = {row["document_id"] for row in rows}
        return [each for each in document_ids if each not in known]

    async def count(self, criteria: Criteria) -> UnenrichedCount:
        """Does not count nodes of the older shape, which cannot be requested directly."""
        parameters = {**_parameters(criteria), "left_out": [str(status) for status in _GIVEN_UP]}
        counts = {False: 0, True: 0}
        for row in await self._bolt.rows("unenriched_count", **parameters):
            if not row["enriched"] or _is_older(row["analyser_version"], criteria):
                counts[row["parked"]] += row["documents"]
        return UnenrichedCount(documents=counts[False], parked=counts[True])


def _parameters(criteria: Criteria) -> dict[str, Any]:
    return {
        "project": criteria.project_name,
        "analyser": criteria.analyser_older_than,
        "left_out": [str(status) for status in (*_GIVEN_UP, EnrichmentStatus.FAILED)],
        "live": [str(status) for status in WORKING],
        "live_since": nodes.timestamp(datetime.now(UTC) - LIVE_FOR),
    }


def _candidates(rows: Sequence[Mapping[str, Any]], criteria: Criteria) -> list[Candidate]:
    found = [_candidate(row["document"], criteria) for row in rows]
    return [each for each in found if each is not None]


def _candidate(node: Mapping[str, Any], criteria: Criteria) -> Candidate | None:
    """None if a closer look shows another project or a newer analyser."""
    project = older_shape.project_of(node)
    if criteria.project_name not in {None, project}:
        return None
    found = Candidate(
        document_id=node["entity_id"],
        project_name=project,
        file_path=older_shape.path_of(node),
        content_hash=older_shape.hash_of(node),
        version=node.get("version"),
        reason=Reason.UNENRICHED,
    )
    if older_shape.is_older(node):
        return found.model_copy(
            update={"reason": Reason.OLDER_SHAPE, "problem": older_shape.problem_of(node)}
        )
    if node.get("enrichment_content_hash") == node["content_hash"]:
        if not _is_older(node.get("analyser_version"), criteria):
            return None
        found.reason = Reason.OLDER_ANALYSER
    try:
        unset = identity.event_id(node["entity_id"], node["version"], "backfill")
        found.request = nodes.request_of(node, unset)
    except (ValueError, KeyError) as error:  # a model's ValidationError is a ValueError
        found.problem = f"its node cannot be read: {' '.join(str(error).split())[:200]}"
    return found


def _is_older(version: str | None, criteria: Criteria) -> bool:
    than = criteria.analyser_older_than
    return than is not None and older(version, than)
