"""In: callers that start and end. Out: their current number, for callers that may wait for each other."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Final

Count = Callable[[], int]
NOBODY: Final[Count] = lambda: 0  # noqa: E731  a default, where a def would need a name of its own


class AtWork:
    """Calling it returns the number."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(self) -> int:
        return self._count

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """Counts one more during the context."""
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1
