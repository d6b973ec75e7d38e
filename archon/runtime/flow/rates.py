"""In: requests by whose they are. Out: whether one may be made now, or in how many seconds.

What one process counts.
"""

import time
from collections.abc import Callable

from archon.contracts.errors import RateLimitedError


class TokenBuckets:
    """A bucket each, refilled at a rate; it holds `size` tokens, or a second's, and at least one.

    https://en.wikipedia.org/wiki/Token_bucket; `clock` is in seconds. `most`: buckets that are kept, of those
    that were asked for last.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = 100_000) -> None:
        self._clock = clock
        self._most = most
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key: str, rate: float, size: float | None = None) -> None:
        """Take a token. Raises RateLimitedError when there is none."""
        tokens, now = self._filled(key, rate, size or rate)
        taken = tokens >= 1
        self._keep(key, tokens - taken, now)
        if not taken:
            raise RateLimitedError((1 - tokens) / rate)

    def has(self, key: str, rate: float, size: float) -> bool:
        """Take a token where there is one."""
        tokens, now = self._filled(key, rate, size)
        taken = tokens >= 1
        self._keep(key, tokens - taken, now)
        return taken

    def spend(self, key: str, rate: float, size: float, more: int) -> float:
        """Take `more` tokens for what has been let in already. Returns the seconds until what was missing is
        there, for callers that wait for it themselves."""
        tokens, now = self._filled(key, rate, size)
        self._keep(key, tokens - more, now)
        return max(0.0, (more - tokens) / rate)

    def _filled(self, key: str, rate: float, size: float) -> tuple[float, float]:
        """What is in a bucket now, and when that is."""
        now, size = self._clock(), max(1.0, size)
        tokens, since = self._buckets.pop(key, (size, now))
        return min(size, tokens + (now - since) * rate), now

    def _keep(self, key: str, tokens: float, now: float) -> None:
        self._buckets[key] = (tokens, now)
        if len(self._buckets) > self._most:
            del self._buckets[next(iter(self._buckets))]
