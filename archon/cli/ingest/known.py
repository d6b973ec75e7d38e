"""In: the bridge's listing of a project. Out: what of it is there already, under which ids, and what is gone.

The id of a document is made of its path. Where a file is renamed the document keeps its id, and remembers the
path that the id was made of; the old path, should a file have it again, gets an id of its own.
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
    """Where a file's document is. `original`: the path to remember, where the id is not that of the path;
    `renamed_from`: the path that the document has until this is sent."""

    document_id: str
    original: str | None = None
    renamed_from: str | None = None

    @property
    def key(self) -> bytes:
        return UUID(self.document_id).bytes


@dataclass
class Known:
    """A project before an ingest: each document's content hash by its id, both as bytes.

    `gone`: ids by path of those that an ingest made and whose files are no longer there; `renamed`: those of
    them that a new file continues, by the new path.
    """

    project: str
    documents: int = 0
    hashes: dict[bytes, bytes] = field(default_factory=dict)
    gone: dict[str, Place] = field(default_factory=dict)
    renamed: dict[str, Place] = field(default_factory=dict)
    moved: dict[str, Place] = field(default_factory=dict)
    """Documents whose ids are not those of their paths, by path."""
    taken: set[bytes] = field(default_factory=set)
    """The ids of these."""

    @property
    def mostly_gone(self) -> bool:
        return 2 * len(self.gone) > self.documents

    def add(self, row: DocumentRow, root: Path | None) -> None:
        """Take one document; its file is looked for below `root` where there is one."""
        place = Place(row.document_id, row.original_path)
        self.documents += 1
        self.hashes[place.key] = bytes.fromhex(row.content_hash)
        own, _ = identity.document_id(self.project, None, row.file_path)
        if own != row.document_id:
            if row.original_path is None:  # a client's, under an id of its own
                return
            self.moved[row.file_path] = place
            self.taken.add(place.key)
        if root is not None and is_gone(root, row.file_path):
            self.gone[row.file_path] = place

    def has(self, path: str) -> bool:
        """Whether an ingest made a document of this path."""
        own = self._own(path).key
        return path in self.moved or (own in self.hashes and own not in self.taken)

    def place(self, path: str) -> Place:
        """Where the document of a file is, or is to be."""
        found = self.renamed.get(path) or self.moved.get(path)
        return found or self._free(path)

    def ids(self, paths: Iterable[str]) -> list[str]:
        """Of those that have a document."""
        return [self.place(path).document_id for path in paths if self.has(path)]

    def rename(self, old: str, new: str) -> None:
        """Let the document of `old`, which is gone, be that of `new`."""
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
    """The documents of `project`, page by page; files are looked for below `root` where there is one."""
    found = Known(project)
    async for row in api.documents(project):
        found.add(row, root)
    return found
