"""In: contents of documents that are deleted. Out: those that no other has, gone with their analyses."""

from collections.abc import Sequence
from typing import Final

from activities.ports import ContentRemoval, Tombstones
from archon.contracts.deletion import DeletionCounts
from archon.runtime.concurrently import answers

_AT_ONCE: Final = 8


class Contents:
    """Removes texts and analyses. Raises StoreError."""

    def __init__(self, graph: Tombstones, store: ContentRemoval) -> None:
        self._graph = graph
        self._store = store

    async def remove(self, hashes: Sequence[str]) -> DeletionCounts:
        """Remove the contents that no live document has at present."""
        kept = await self._graph.referenced(hashes)
        counts = DeletionCounts(contents_kept=len(kept))
        gone = [content_hash for content_hash in hashes if content_hash not in kept]
        for removed in (await answers(gone, self._remove, _AT_ONCE)).values():
            counts.add(removed)
        return counts

    async def _remove(self, content_hash: str) -> DeletionCounts:
        """Who indexes a document puts its text there first: one that came by now finds it put back."""
        text = await self._store.get_text(content_hash)
        references = await self._store.analyses(content_hash)
        analyses = {each: await self._store.get_analysis(each) for each in references}
        await self._store.delete_text(content_hash)
        for reference in references:
            await self._store.delete_analysis(reference)
        if not await self._graph.referenced([content_hash]):
            return DeletionCounts(contents=int(text is not None), analyses=len(references))
        if text is not None:
            await self._store.put_text(content_hash, text)
        for reference, analysis in analyses.items():
            if analysis is not None:
                await self._store.put_analysis(reference, analysis)
        return DeletionCounts(contents_kept=1)
