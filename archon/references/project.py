"""In: pages of changes. Out: one project's index, with the resolution along it."""

from archon.contracts.code.answers import Freshness
from archon.contracts.code.packing import unpack
from archon.contracts.code.references import CodeMap
from archon.contracts.errors import InvalidInputError
from archon.contracts.imports import normal
from archon.references.index.layout import Layout
from archon.references.index.store import Store
from archon.references.port import ChangedDocument, Changes
from archon.references.resolution.memo import Memo
from archon.references.resolution.resolver import Resolver
from archon.runtime.logs import get_logger

_NOTHING = CodeMap([], [], [], [])
_log = get_logger(__name__)


class Project:
    """The index of one project; not for several threads at once. `generation` counts its changes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.memo = Memo()
        self.store = Store(self.memo)
        self.layout = Layout(self.memo)
        self.resolver = Resolver(self.store, self.layout, self.memo)
        self.freshness = Freshness(documents=0, waiting=0, unanalysed=0)
        self.generation = 0

    def close(self) -> None:
        self.memo.clear()
        self.store.close()

    @property
    def bytes(self) -> int:
        """Memory and disk, roughly."""
        return self.store.bytes + 1000 * len(self.layout.documents) + self.memo.bytes

    def apply(self, changes: Changes) -> None:
        """Brings the index up to date with one page of changes."""
        self.freshness = changes.freshness
        if not changes.documents and not changes.gone:
            return
        self.generation += 1
        self.store.begin()
        for document_id in changes.gone:
            self._remove(document_id)
        for document in changes.documents:
            self._put(document)
        self.store.commit()
        self.memo.settle()

    def _put(self, document: ChangedDocument) -> None:
        path, code = normal(document.file_path), _code(document)
        number = self.layout.with_document_id(document.document_id)
        if number is not None:
            stored = self.layout.stored(number)
            if (stored.path, stored.language) != (path, document.language):
                self._remove(document.document_id)
        stored = self.store.put(document.document_id, path, document.language, document.content_hash, code)
        self.layout.add(stored, code.package, code.settings)

    def _remove(self, document_id: str) -> None:
        number = self.store.remove(document_id)
        if number is not None:
            self.layout.remove(number)


def _code(document: ChangedDocument) -> CodeMap:
    """Nothing also for a damaged map, which is logged: it must not hide the others."""
    try:
        return unpack(document.code_map) if document.code_map is not None else _NOTHING
    except InvalidInputError as error:
        _log.warning("code_map_unreadable", document_id=document.document_id, error=str(error))
        return _NOTHING
