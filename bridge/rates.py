"""In: requests by key. Out: whether one may be made now, or in how many seconds; one process's own count."""

import time
from collections.abc import Callable

from archon.contracts.errors import RateLimitedError


class TokenBuckets:
    """A bucket a key, which holds a second's tokens, and at least one, and is refilled at the key's rate.

    https://en.wikipedia.org/wiki/Token_bucket; `clock` is in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key: str, rate: float) -> None:
        """Take a token of a key's. Raises RateLimitedError when there is none."""
        now, size = self._clock(), max(1.0, rate)
        tokens, since = self._buckets.get(key, (size, now))
        tokens = min(size, tokens + (now - since) * rate)
        taken = tokens >= 1
        self._buckets[key] = (tokens - taken, now)
        if not taken:
            raise RateLimitedError((1 - tokens) / rate)
