"""In: analyses that this process stores. Out: the same, without reading the store, for the writes that
follow."""

from collections import OrderedDict
from typing import Any, Final

from archon.contracts.analysis import AnalysisResult
from archon.stores.content import ContentStore

MOST: Final = 64
"""Number of cached analyses: more than a worker writes at once."""
LARGE: Final = 1000
"""Entities and chunks from which an analysis is not cached: a worker must not hold many of these."""


class RecentContent(ContentStore):
    """A content store that caches the last analyses in memory. It does not notice deletions or replacements
    by others: the document's version fences the writers of an analysis."""

    def __init__(self, store: Any, url: str = "") -> None:
        super().__init__(store, url)
        self._recent: OrderedDict[str, AnalysisResult] = OrderedDict()

    async def put_analysis(self, reference: str, result: AnalysisResult) -> None:
        await super().put_analysis(reference, result)
        self._recent.pop(reference, None)
        if len(result.entities) + len(result.chunks) <= LARGE:
            self._recent[reference] = result
        if len(self._recent) > MOST:
            self._recent.popitem(last=False)

    async def get_analysis(self, reference: str) -> AnalysisResult | None:
        return self._recent.get(reference) or await super().get_analysis(reference)

    async def delete_analysis(self, reference: str) -> None:
        self._recent.pop(reference, None)
        await super().delete_analysis(reference)
