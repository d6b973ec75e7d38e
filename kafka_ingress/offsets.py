"""In: offsets started and done, in any order. Out: the position up to which everything is done."""


class OffsetTracker:
    """One partition's offsets. Offsets may have gaps (compaction, transactions), so the order of starting
    counts, not arithmetic."""

    def __init__(self) -> None:
        self._open: dict[int, bool] = {}
        self._position: int | None = None
        self._committed: int | None = None

    def begin(self, offset: int) -> None:
        """Offsets must be started in rising order."""
        self._open[offset] = False

    def done(self, offset: int) -> None:
        self._open[offset] = True
        while self._open:
            first = next(iter(self._open))
            if not self._open[first]:
                return
            del self._open[first]
            self._position = first + 1

    @property
    def uncommitted(self) -> int | None:
        """The position to commit, or None if there is no new contiguous one."""
        return None if self._position == self._committed else self._position

    def committed(self, position: int) -> None:
        self._committed = position

    @property
    def in_flight(self) -> int:
        """Offsets started and not yet before the position."""
        return len(self._open)
