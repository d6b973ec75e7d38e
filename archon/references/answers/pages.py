"""In: a whole answer in order. Out: one page of it, and where the next begins."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from archon.contracts.errors import InvalidInputError

T = TypeVar("T")


class Page(NamedTuple):
    """At most `limit` entries, after the cursor `after`."""

    limit: int
    after: str | None = None


def page_of(
    entries: Sequence[T], page: Page, identify: Callable[[T], Sequence[Any]]
) -> tuple[Sequence[T], str | None]:
    """The page, and the cursor of the next one. If the last entry of the previous page is gone, the
    page begins at its former position."""
    first = _position(entries, page.after, identify) if page.after else 0
    last = first + page.limit
    part = entries[first:last]
    if last >= len(entries):
        return part, None
    cursor = json.dumps([last, *identify(part[-1])], separators=(",", ":"))
    return part, base64.urlsafe_b64encode(cursor.encode()).decode().rstrip("=")


def _position(entries: Sequence[T], cursor: str, identify: Callable[[T], Sequence[Any]]) -> int:
    try:
        position, *identity = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        first = int(position)
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error) as error:
        raise InvalidInputError("after", "is no cursor of a former page") from error
    for place in (first, *range(len(entries) + 1)):
        if 0 < place <= len(entries) and list(identify(entries[place - 1])) == identity:
            return int(place)
    return min(max(first, 0), len(entries))
