"""In: the bridge's listing of a project. Out: what of it is there already, and whose files are gone."""

from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from archon.cli.api import BridgeApi
from archon.cli.walk import is_gone
from archon.contracts import identity


@dataclass
class Known:
    """A project before an ingest: each document's content hash by its id, both as bytes.

    `gone`: id and path of those that an ingest made and whose files are no longer there.
    """

    documents: int = 0
    hashes: dict[bytes, bytes] = field(default_factory=dict)
    gone: list[tuple[str, str]] = field(default_factory=list)

    @property
    def mostly_gone(self) -> bool:
        return 2 * len(self.gone) > self.documents


async def known(api: BridgeApi, project: str, root: Path | None) -> Known:
    """The documents of `project`, page by page; files are looked for below `root` where there is one."""
    found = Known()
    async for row in api.documents(project):
        found.documents += 1
        found.hashes[UUID(row.document_id).bytes] = bytes.fromhex(row.content_hash)
        ingested = identity.document_id(project, None, row.file_path) == (row.document_id, None)
        if root is not None and ingested and is_gone(root, row.file_path):
            found.gone.append((row.document_id, row.file_path))
    return found
