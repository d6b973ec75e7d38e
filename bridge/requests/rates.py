"""In: requests of keys. Out: the same requests at the keys' rates, or refusals that come late.

A refusal at once invites the next request at once, and clients that ignore `Retry-After` then cost as much
as the work they are kept from.
"""

import asyncio
import time
from collections import Counter
from typing import Final

from archon.contracts.errors import RateLimitedError
from archon.runtime.flow.rates import TokenBuckets

HELD: Final = 1.0
"""Seconds that a request waits at most for its key's rate, or for its refusal."""
MOST_HELD: Final = 1000
"""Requests of one key that wait at once; each keeps a connection, and no body. Those beyond are refused at
once."""
_LOGGED_EVERY: Final = 1.0


class KeyRates:
    """Rates of keys within one process; `clock` in seconds."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets = TokenBuckets()
        self._held: Counter[str] = Counter()
        self._logged: dict[str, float] = {}

    async def admit(self, key_id: str, own_rate: float | None) -> None:
        """Returns when the key may make a request. Raises RateLimitedError."""
        rate, size = self._limits(own_rate)
        if not rate:
            return
        try:
            self._buckets.take(key_id, rate, size)
        except RateLimitedError as refused:
            if self._held[key_id] >= MOST_HELD:
                raise
            await self._hold(key_id, min(HELD, refused.retry_after or HELD))
            self._buckets.take(key_id, rate, size)

    async def _hold(self, key_id: str, seconds: float) -> None:
        self._held[key_id] += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._held[key_id] -= 1
            if not self._held[key_id]:
                del self._held[key_id]

    def spend(self, key_id: str, own_rate: float | None, more: int) -> None:
        """Counts more requests of the key, for work that was already admitted."""
        rate, size = self._limits(own_rate)
        if rate:
            self._buckets.spend(key_id, rate, size, more)

    def is_news(self, key_id: str) -> bool:
        """Whether a refusal of the key is worth a line in the log: once a second."""
        now = time.monotonic()
        while self._logged and now - next(iter(self._logged.values())) >= _LOGGED_EVERY:
            del self._logged[next(iter(self._logged))]  # the oldest is the first
        if key_id in self._logged:
            return False
        self._logged[key_id] = now
        return True

    def _limits(self, own_rate: float | None) -> tuple[float, float]:
        """A key with a rate of its own has a burst of one second."""
        return (own_rate, own_rate) if own_rate else (self._rate, self._burst)
