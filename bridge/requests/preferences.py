"""In: a request's Prefer headers (RFC 7240). Out: how long its answer may wait."""

from collections.abc import Iterable


def longest_wait(headers: Iterable[str], limit: float) -> float:
    """Seconds. `wait=N` of the client, but never more than `limit`; 0 for `respond-async` without it.

    A preference that cannot be read is left out of account, as the RFC asks of a server.
    """
    preferences: dict[str, str] = {}
    for each in ",".join(headers).lower().split(","):
        name, _, value = each.partition(";")[0].partition("=")
        preferences.setdefault(name.strip(), value.strip().strip('"'))
    wait = preferences.get("wait", "")
    if wait.isascii() and wait.isdecimal():
        return min(float(wait), limit)
    return 0.0 if "respond-async" in preferences else limit
