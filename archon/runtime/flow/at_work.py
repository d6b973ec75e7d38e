"""In: callers that begin and end. Out: how many there are now, for those who may wait for each other."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Final

Count = Callable[[], int]
NOBODY: Final[Count] = lambda: 0  # noqa: E731  a default, where a def would need a name of its own


class AtWork:
    """Call it for the count."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self) -> int:
        return self._count

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """One more for as long as the context lasts."""
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1
