"""In: the result of each file of an ingest. Out: figures of bounded size, ids as 16 bytes, never models."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from archon.cli.files.skipped import Skipped
from archon.contracts.types import WORKING, EnrichmentStatus
from archon.contracts.views import DocumentRow

SHOWN: Final = 20
"""Maximum number of paths of each kind to show."""


@dataclass
class Report:
    """The result of an ingest, or its preview. Times in milliseconds unless stated otherwise.

    `sent`: content hashes of submissions by document id; `kept`: ids of documents that already had this
    content.
    """

    project: str
    commit: str | None = None
    sent: dict[bytes, bytes] = field(default_factory=dict)
    kept: set[bytes] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    """Number of files of each kind: new, changed, renamed, rejected, pruned, guessed."""
    paths: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """The first paths that are new, changed or pruned."""
    reasons: dict[str, str] = field(default_factory=dict)
    """The reasons for the first rejected files, by path."""
    skipped: Skipped = field(default_factory=Skipped)
    without_git: str | None = None
    """Why git was not used for the list of files although it should have been."""
    gone: set[str] = field(default_factory=set)
    """Paths of earlier ingested documents whose files no longer exist."""
    exposed: list[str] = field(default_factory=list)
    """Ids of documents with secrets that an earlier ingest has sent."""
    renamed: dict[str, str] = field(default_factory=dict)
    """Old paths by the new ones."""
    guessed: dict[str, str] = field(default_factory=dict)
    """Encodings of the first files with a guessed encoding, by path; `counts` has the total."""
    index_ms: "array[float]" = field(default_factory=lambda: array("d"))
    enrich_ms: "array[float]" = field(default_factory=lambda: array("d"))
    statuses: Counter[EnrichmentStatus] = field(default_factory=Counter)
    seconds: float = 0.0
    refusal: str | None = None
    """Why the previewed ingest would be refused."""

    def note(self, kind: str, path: str) -> None:
        self.counts[kind] += 1
        if len(self.paths[kind]) < SHOWN:
            self.paths[kind].append(path)

    def expect(self, gone: Iterable[str], without_git: str | None) -> None:
        """Adds the facts known before the first file is sent."""
        self.gone, self.without_git = set(gone), without_git

    def rename(self, old: str, new: str) -> None:
        self.counts["renamed"] += 1
        self.renamed[new] = old

    def note_guess(self, path: str, encoding: str) -> None:
        self.counts["guessed"] += 1
        if len(self.guessed) < SHOWN:
            self.guessed[path] = encoding

    def reject(self, path: str, reason: str) -> None:
        self.counts["rejected"] += 1
        if len(self.reasons) < SHOWN:
            self.reasons[path] = reason

    def has(self, row: DocumentRow) -> bool:
        """Whether the document belongs to this ingest."""
        key = UUID(row.document_id).bytes
        return key in self.sent or key in self.kept

    def finish(self, row: DocumentRow) -> None:
        """Adds the result of one document of this ingest."""
        self.statuses[row.enrichment_status] += 1
        if (
            row.enrichment_status is EnrichmentStatus.COMPLETED
            and row.enriched_at is not None
            and UUID(row.document_id).bytes in self.sent
        ):
            self.enrich_ms.append((row.enriched_at - row.indexed_at).total_seconds() * 1000)

    @property
    def accepted(self) -> int:
        return len(self.sent) + len(self.kept)

    @property
    def documents(self) -> int:
        return self.accepted + self.counts["rejected"]

    @property
    def enriched(self) -> int:
        return self.statuses[EnrichmentStatus.COMPLETED]

    @property
    def parked(self) -> int:
        return self.statuses[EnrichmentStatus.FAILED]

    @property
    def failed(self) -> int:
        """Parked and rejected documents."""
        return self.parked + self.counts["rejected"]

    @property
    def pending(self) -> int:
        return sum(self.statuses[status] for status in WORKING)

    @property
    def missing(self) -> int:
        """Documents that were accepted but are in no listing: deleted meanwhile, or not yet arrived through
        Kafka."""
        return self.accepted - self.statuses.total()

    @property
    def example(self) -> str | None:
        """The id of one of the documents."""
        return next((str(UUID(bytes=key)) for keys in (self.sent, self.kept) for key in keys), None)

    def as_json(self) -> dict[str, Any]:
        """The report's figures. Latencies cover the documents that this run submitted; indexing as the client
        saw it."""
        return {
            **self.plan_as_json(),
            "enriched": self.enriched,
            "parked": self.parked,
            "pending": self.pending,
            "indexed_only": self.statuses[EnrichmentStatus.SKIPPED],
            "discarded": self.statuses[EnrichmentStatus.DISCARDED],
            "missing": self.missing,
            "failed": self.failed,
            "rejected": self.reasons,
            "rejected_documents": self.counts["rejected"],
            "seconds": round(self.seconds, 2),
            "documents_per_second": round(len(self.sent) / self.seconds, 1) if self.seconds else 0.0,
            "index_p50_ms": percentile(self.index_ms, 50),
            "index_p95_ms": percentile(self.index_ms, 95),
            "enrich_p50_ms": percentile(self.enrich_ms, 50),
            "enrich_p95_ms": percentile(self.enrich_ms, 95),
        }

    def plan_as_json(self) -> dict[str, Any]:
        """The figures known before anything is sent."""
        return {
            "project": self.project,
            "commit": self.commit,
            "documents": self.documents,
            "new": self.counts["new"],
            "changed": self.counts["changed"],
            "unchanged": len(self.kept),
            "renamed": self.counts["renamed"],
            "renamed_files": [{"from": old, "to": new} for new, old in sorted(self.renamed.items())],
            "gone": len(self.gone),
            "gone_files": sorted(self.gone),
            "documents_with_secrets": self.exposed,
            "pruned": self.counts["pruned"],
            "skipped": len(self.skipped.entries),
            "skipped_by_reason": self.skipped.counts,
            "skipped_files": [{"path": path, "reason": reason} for path, reason in self.skipped.listed()],
            "without_git": self.without_git,
            "guessed_encodings": self.counts["guessed"],
            "guessed": self.guessed,
        }


def percentile(values: Sequence[float], percent: int) -> float | None:
    """Nearest-rank percentile, rounded to a tenth; None for an empty list."""
    if not values:
        return None
    ordered = sorted(values)
    return round(ordered[max(0, -(-len(ordered) * percent // 100) - 1)], 1)
