"""In: a wish to delete a document or a project. Out: the inputs of its workflow, and a receipt of what went.

Ids and counts only: which documents a project's deletion is about, its activities ask the graph.
"""

from enum import StrEnum

from pydantic import Field

from archon.contracts.types import ContentHash, DocumentId, Model, ProjectName, Timestamp, Version


class DeletionState(StrEnum):
    """`removing`: under way; `removed`: nothing but tombstones is left; `swept`: nor came any point late;
    `failed`: its run was ended before that, and asking again goes on with it; `superseded`: the document was
    indexed anew before it was marked, and lives."""

    REMOVING = "removing"
    REMOVED = "removed"
    SWEPT = "swept"
    FAILED = "failed"
    SUPERSEDED = "superseded"


class DeletionScope(Model):
    """What is to be deleted: one document, or, without an id, all of a project; what is posted after
    `requested_at` lives, be it the same content. `version`: the document's at that time."""

    project_name: ProjectName
    document_id: DocumentId | None = None
    version: Version | None = None
    requested_at: Timestamp


class DeletionCounts(Model):
    """What is gone. `contents`: those that the documents had or remembered; `contents_kept`: those of these
    that another document has as well, and keeps."""

    documents: int = 0
    entities: int = 0
    modules: int = 0
    points: int = 0
    chunks: int = 0
    contents: int = 0
    contents_kept: int = 0
    analyses: int = 0
    dead_letters: int = 0
    runs_ended: int = 0

    def to_its_project(self) -> "DeletionCounts":
        """Without what would tell whether other projects have, or had, the same contents."""
        contents = self.contents + self.contents_kept
        return self.model_copy(update={"contents": contents, "contents_kept": 0, "analyses": 0})

    def add(self, other: "DeletionCounts") -> None:
        for name in DeletionCounts.model_fields:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class DeletionReceipt(Model):
    """Answer to a DELETE. Counts are of all that this run has removed; where its documents came back and were
    deleted again before it ended, of both times. `document_version`: a single document's tombstone."""

    project_name: ProjectName
    document_id: DocumentId | None = None
    document_version: Version | None = None
    workflow_id: str
    requested_at: Timestamp
    removed_at: Timestamp | None = None
    state: DeletionState = DeletionState.REMOVING
    counts: DeletionCounts = Field(default_factory=DeletionCounts)


class DeletionInput(Model):
    """Start of a run. What is to be deleted arrives as a `delete` signal, or is carried over from the run
    before in the same chain: `scope`, and the receipt so far."""

    scope: DeletionScope | None = None
    receipt: DeletionReceipt | None = None


class Marked(Model):
    """`more`: whether documents may be left to mark. Of a single document: its tombstone's `version`, or that
    it `lives`, as it is later than what was to be deleted."""

    version: Version | None = None
    lives: bool = False
    more: bool = False


class Removed(Model):
    """`more`: whether marked documents may be left to remove."""

    counts: DeletionCounts = Field(default_factory=DeletionCounts)
    more: bool = False


class Tombstone(Model):
    """A document that is marked as deleted, and what is still known of it."""

    document_id: DocumentId
    version: Version
    hashes: list[ContentHash] = Field(default_factory=list)
    workflow_ids: list[str] = Field(default_factory=list)
    dead_lettered: bool = False
