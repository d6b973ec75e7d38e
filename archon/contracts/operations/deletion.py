"""In: a request to delete a document or a project. Out: the inputs of its workflow, and the receipt.

Ids and counts only: the activities of a project's deletion query the graph for its documents.
"""

from enum import StrEnum

from pydantic import Field

from archon.contracts.types import ContentHash, DocumentId, Model, ProjectName, Timestamp, Version


class DeletionState(StrEnum):
    """`removing`: in progress; `removed`: only tombstones are left; `swept`: a later check found no late
    point either; `failed`: the run ended early, and another request resumes it; `superseded`: the document
    was indexed again before the deletion marked it, and stays."""

    REMOVING = "removing"
    REMOVED = "removed"
    SWEPT = "swept"
    FAILED = "failed"
    SUPERSEDED = "superseded"


class DeletionScope(Model):
    """What to delete: one document or, without an id, all documents of a project. Documents posted after
    `requested_at` stay, even with the same content. `version`: the document's version at that time."""

    project_name: ProjectName
    document_id: DocumentId | None = None
    version: Version | None = None
    requested_at: Timestamp


class DeletionCounts(Model):
    """Number of deleted items. `contents`: contents of the documents, current and remembered;
    `contents_kept`: contents among these that another document uses and keeps."""

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
        """The counts without those that would reveal contents of other projects."""
        contents = self.contents + self.contents_kept
        return self.model_copy(update={"contents": contents, "contents_kept": 0, "analyses": 0})

    def add(self, other: "DeletionCounts") -> None:
        for name in DeletionCounts.model_fields:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class DeletionReceipt(Model):
    """Answer to a DELETE. Counts cover everything that this run has removed, including documents that came
    back and were deleted again before the run ended. `document_version`: version of a single document's
    tombstone."""

    project_name: ProjectName
    document_id: DocumentId | None = None
    document_version: Version | None = None
    workflow_id: str
    requested_at: Timestamp
    removed_at: Timestamp | None = None
    state: DeletionState = DeletionState.REMOVING
    counts: DeletionCounts = Field(default_factory=DeletionCounts)


class DeletionInput(Model):
    """Start of a run. The scope arrives as a `delete` signal, or from the previous run of the chain: `scope`,
    and the receipt so far."""

    scope: DeletionScope | None = None
    receipt: DeletionReceipt | None = None


class Marked(Model):
    """`more`: whether there may be further documents to mark. For a single document: the tombstone's
    `version`, or `lives` if the document is newer than the deletion."""

    version: Version | None = None
    lives: bool = False
    more: bool = False


class Removed(Model):
    """`more`: whether there may be further marked documents to remove."""

    counts: DeletionCounts = Field(default_factory=DeletionCounts)
    more: bool = False


class Tombstone(Model):
    """A document that is marked as deleted, and what is still known about it."""

    document_id: DocumentId
    version: Version
    hashes: list[ContentHash] = Field(default_factory=list)
    workflow_ids: list[str] = Field(default_factory=list)
    dead_lettered: bool = False
