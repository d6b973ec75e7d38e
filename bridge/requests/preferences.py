"""In: a request's Prefer headers (RFC 7240). Out: how long its answer may wait."""

from collections.abc import Iterable


def longest_wait(headers: Iterable[str], limit: float) -> float:
    """Seconds. The client's `wait=N`, but at most `limit`; 0 for `respond-async` without it.

    An invalid preference is ignored, as the RFC requires.
    """
    preferences: dict[str, str] = {}
    for each in ",".join(headers).lower().split(","):
        name, _, value = each.partition(";")[0].partition("=")
        preferences.setdefault(name.strip(), value.strip().strip('"'))
    wait = preferences.get("wait", "")
    if wait.isascii() and wait.isdecimal():
        return min(float(wait), limit)
    return 0.0 if "respond-async" in preferences else limit
