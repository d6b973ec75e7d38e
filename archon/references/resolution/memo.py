"""In: questions that lead to each other. Out: their answers, each computed once, in whatever order.

A question that leads back to itself finds nothing there. Whatever was answered on such a way is
forgotten, except the answer to the question at which the circle began: otherwise an answer would depend
on the questions before it.
"""

from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar

_DEEPEST: Final = 48
_MOST: Final = 300_000
_NEVER: Final = 1 << 30

T = TypeVar("T")


class Memo:
    """Bounded; `clear` when a document has changed."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Any] = {}
        self._open: dict[Hashable, int] = {}
        self._lowest = _NEVER

    @property
    def bytes(self) -> int:
        """Memory of what is known, roughly."""
        return 300 * len(self._known)

    def clear(self) -> None:
        self._known.clear()

    def get(self, key: Hashable, compute: Callable[[], T], nothing: Any) -> T:
        """The answer to `key`, which `compute` gives; `nothing` within a circle."""
        if key in self._known:
            known: T = self._known[key]
            return known
        depth = len(self._open)
        if key in self._open or depth >= _DEEPEST:
            self._lowest = min(self._lowest, self._open.get(key, -1))
            cut: T = nothing
            return cut
        outer, self._lowest = self._lowest, _NEVER
        self._open[key] = depth
        try:
            answer = compute()
        finally:
            del self._open[key]
            inner, self._lowest = self._lowest, outer
        if inner >= depth:
            self._keep(key, answer)
        else:
            self._lowest = min(outer, inner)
        return answer

    def _keep(self, key: Hashable, answer: Any) -> None:
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[key] = answer
