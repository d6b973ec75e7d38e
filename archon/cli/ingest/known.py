"""In: the bridge's listing of a project. Out: the documents that exist already, their ids, and which are
gone.

A document's id is derived from its path. When a file is renamed, the document keeps its id and remembers the
original path; if a new file takes the old path, it gets another id.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID, uuid5

from archon.cli.files.walk import is_gone
from archon.clients.bridge import BridgeApi
from archon.contracts import identity
from archon.contracts.views import DocumentRow

_KEEP: Final = "{project}\0path\0{path}\0{number}"


@dataclass(frozen=True)
class Place:
    """The document of a file. `original`: the path of the id, if it differs from the current path;
    `renamed_from`: the path of the document until it is sent."""

    document_id: str
    original: str | None = None
    renamed_from: str | None = None

    @property
    def key(self) -> bytes:
        return UUID(self.document_id).bytes


@dataclass
class Known:
    """A project before an ingest: each document's content hash by id, both as bytes.

    `gone`: ids by path of ingested documents whose files no longer exist; `renamed`: by new path, those of
    them that continue under a new file.
    """

    project: str
    documents: int = 0
    hashes: dict[bytes, bytes] = field(default_factory=dict)
    gone: dict[str, Place] = field(default_factory=dict)
    renamed: dict[str, Place] = field(default_factory=dict)
    moved: dict[str, Place] = field(default_factory=dict)
    """Documents whose ids are not derived from their current paths, by path."""
    taken: set[bytes] = field(default_factory=set)
    """The ids of these documents."""

    @property
    def mostly_gone(self) -> bool:
        return 2 * len(self.gone) > self.documents

    def add(self, row: DocumentRow, root: Path | None) -> None:
        """Adds one document; looks for its file below `root`, if given."""
        place = Place(row.document_id, row.original_path)
        self.documents += 1
        self.hashes[place.key] = bytes.fromhex(row.content_hash)
        own, _ = identity.document_id(self.project, None, row.file_path)
        if own != row.document_id:
            if row.original_path is None:  # a client's document, with its own id
                return
            self.moved[row.file_path] = place
            self.taken.add(place.key)
        if root is not None and is_gone(root, row.file_path):
            self.gone[row.file_path] = place

    def has(self, path: str) -> bool:
        """Whether an ingest created a document with this path."""
        own = self._own(path).key
        return path in self.moved or (own in self.hashes and own not in self.taken)

    def place(self, path: str) -> Place:
        """The current or future document of a file."""
        found = self.renamed.get(path) or self.moved.get(path)
        return found or self._free(path)

    def ids(self, paths: Iterable[str]) -> list[str]:
        """The ids of the paths that have a document."""
        return [self.place(path).document_id for path in paths if self.has(path)]

    def rename(self, old: str, new: str) -> None:
        """Makes the gone document `old` the document of `new`."""
        gone = self.gone.pop(old)
        back = self._own(new) == Place(gone.document_id)
        self.renamed[new] = Place(gone.document_id, None if back else gone.original or old, old)
        self.taken.add(gone.key)

    def _own(self, path: str) -> Place:
        return Place(identity.document_id(self.project, None, path)[0])

    def _free(self, path: str) -> Place:
        place, number = self._own(path), 1
        while place.key in self.taken:
            name = _KEEP.format(project=self.project, path=path, number=(number := number + 1))
            place = Place(str(uuid5(identity.NAMESPACE, name)), original=path)
        return place


async def known(api: BridgeApi, project: str, root: Path | None) -> Known:
    """The documents of `project`, page by page; looks for files below `root`, if given."""
    found = Known(project)
    async for row in api.documents(project):
        found.add(row, root)
    return found
