"""In: requests by owner. Out: whether a request may be made now, or in how many seconds.

Counts within one process.
"""

import time
from collections.abc import Callable

from archon.contracts.errors import RateLimitedError


class TokenBuckets:
    """Token buckets by key, refilled at a rate. Each holds `size` tokens, by default those of one second, and
    at least one.

    https://en.wikipedia.org/wiki/Token_bucket; `clock` is in seconds. `most`: number of buckets to keep, the
    most recently used ones.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = 100_000) -> None:
        self._clock = clock
        self._most = most
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key: str, rate: float, size: float | None = None) -> None:
        """Takes a token. Raises RateLimitedError if there is none."""
        tokens, now = self._filled(key, rate, size or rate)
        taken = tokens >= 1
        self._keep(key, tokens - taken, now)
        if not taken:
            raise RateLimitedError((1 - tokens) / rate)

    def has(self, key: str, rate: float, size: float) -> bool:
        """Takes a token if there is one."""
        tokens, now = self._filled(key, rate, size)
        taken = tokens >= 1
        self._keep(key, tokens - taken, now)
        return taken

    def spend(self, key: str, rate: float, size: float, more: int) -> float:
        """Takes `more` tokens for work that was already admitted. Returns the seconds until the balance is
        positive again, for callers that wait themselves."""
        tokens, now = self._filled(key, rate, size)
        self._keep(key, tokens - more, now)
        return max(0.0, (more - tokens) / rate)

    def _filled(self, key: str, rate: float, size: float) -> tuple[float, float]:
        """The current balance, and the time."""
        now, size = self._clock(), max(1.0, size)
        tokens, since = self._buckets.pop(key, (size, now))
        return min(size, tokens + (now - since) * rate), now

    def _keep(self, key: str, tokens: float, now: float) -> None:
        self._buckets[key] = (tokens, now)
        if len(self._buckets) > self._most:
            del self._buckets[next(iter(self._buckets))]
