"""In: contents that documents no longer have. Out: unshared contents removed, with their analyses.

A deletion removes the contents that a document remembers, so contents are removed before they are forgotten.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from archon.contracts.analysis import AnalysisResult
from archon.contracts.errors import StoreError
from archon.contracts.operations.deletion import DeletionCounts
from archon.runtime.logs import get_logger
from archon.runtime.tasks import answers

MOST_FORMER: Final = 64
"""Number of former contents that triggers a removal; concurrent writers may exceed it."""
KEPT_FORMER: Final = 32
"""Number of former contents after a removal: far more than runs may still work on."""
_AT_ONCE: Final = 8
_log = get_logger(__name__)


class References(Protocol):
    """Knows which contents documents use."""

    async def referenced(self, hashes: Sequence[str]) -> set[str]: ...


class FormerHashes(Protocol):
    """Hashes of a document's earlier contents, the oldest first."""

    async def former_contents(self, document_id: str) -> list[str]: ...

    async def forget_contents(self, document_id: str, hashes: Sequence[str]) -> None: ...


class ContentRemoval(Protocol):
    """Texts by content hash, analyses by reference."""

    async def get_text(self, content_hash: str) -> str | None: ...

    async def put_text(self, content_hash: str, text: str) -> None: ...

    async def delete_text(self, content_hash: str) -> None: ...

    async def analyses(self, content_hash: str) -> list[str]: ...

    async def get_analysis(self, reference: str) -> AnalysisResult | None: ...

    async def put_analysis(self, reference: str, result: AnalysisResult) -> None: ...

    async def delete_analysis(self, reference: str) -> None: ...


class Contents:
    """Removes texts and analyses. Raises StoreError."""

    def __init__(self, graph: References, store: ContentRemoval) -> None:
        self._graph = graph
        self._store = store

    async def remove(self, hashes: Sequence[str]) -> DeletionCounts:
        """Removes the contents that no live document uses."""
        kept = await self._graph.referenced(hashes)
        counts = DeletionCounts(contents_kept=len(kept))
        gone = [content_hash for content_hash in hashes if content_hash not in kept]
        for removed in (await answers(gone, self._remove, _AT_ONCE)).values():
            counts.add(removed)
        return counts

    async def _remove(self, content_hash: str) -> DeletionCounts:
        """A writer puts a document's text before it indexes the document. If a document appeared in the
        meantime, the text is put back.

        Each remover deletes only what it has read. With several concurrent removers, the last one can still
        put it back.
        """
        text = await self._store.get_text(content_hash)
        references = await self._store.analyses(content_hash)
        analyses = {
            each: analysis for each in references if (analysis := await self._store.get_analysis(each))
        }
        wanted = True
        try:
            if text is not None:
                await self._store.delete_text(content_hash)
            for reference in analyses:
                await self._store.delete_analysis(reference)
            wanted = bool(await self._graph.referenced([content_hash]))
        finally:
            if wanted:
                await self._put_back(content_hash, text, analyses)
        if wanted:
            return DeletionCounts(contents_kept=1)
        for reference in set(references) - set(analyses):  # the current model cannot read these
            await self._store.delete_analysis(reference)
        return DeletionCounts(contents=1, analyses=len(references))

    async def _put_back(
        self, content_hash: str, text: str | None, analyses: Mapping[str, AnalysisResult]
    ) -> None:
        if text is not None:
            await self._store.put_text(content_hash, text)
        for reference, analysis in analyses.items():
            await self._store.put_analysis(reference, analysis)


class FormerContents:
    """Limits what a document remembers that changes often."""

    def __init__(self, documents: FormerHashes, contents: Contents) -> None:
        self._documents = documents
        self._contents = contents
        self._limited: set[str] = set()

    async def limit(self, document_id: str, former: int) -> None:
        """`former`: number of its earlier contents. If a store is unavailable nothing is forgotten; the
        document's next change tries again."""
        if former <= MOST_FORMER or document_id in self._limited:
            return
        self._limited.add(document_id)
        try:
            oldest = (await self._documents.former_contents(document_id))[:-KEPT_FORMER]
            await self._contents.remove(oldest)
            await self._documents.forget_contents(document_id, oldest)
        except StoreError as error:
            _log.warning("former_contents_kept", document_id=document_id, error=str(error))
        finally:
            self._limited.discard(document_id)
