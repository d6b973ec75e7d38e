"""In: a body and its Content-Encoding. Out: the decoded body, limited in size.

RFC 9110, section 8.4; gzip is RFC 1952, zstd RFC 8878.
"""

import zlib
from collections.abc import Callable, Mapping
from typing import Final

import cramjam

from archon.contracts.errors import TooLargeError, UnreadableBodyError, UnsupportedMediaError

HEADER: Final = "Content-Encoding"
_MOST: Final = 2
"""Maximum number of stacked encodings. No client needs two; a long list is an attack."""
_TOO_SMALL: Final = "failed to write whole buffer"
"""cramjam's message if the output exceeds the buffer."""


def decoded(body: bytes, encodings: str, limit: int) -> bytes:
    """`body` without its encodings; the last in the list was applied last. `limit` is in bytes.

    Raises UnsupportedMediaError, UnreadableBodyError, TooLargeError.
    """
    names = [name for each in encodings.split(",") if (name := each.strip().lower()) not in {"", "identity"}]
    unknown = [name for name in names if name not in _DECODERS]
    if unknown or len(names) > _MOST:
        reason = f"{encodings[:100]!r} is not supported; use gzip or zstd"
        raise UnsupportedMediaError(HEADER, reason)
    for name in reversed(names):
        body = _DECODERS[name](body, limit)
    return body


def _gzip(body: bytes, limit: int) -> bytes:
    parts, left = [], limit
    while body:  # a file may have several members in sequence
        member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            parts.append(member.decompress(body, left + 1))
        except zlib.error as error:
            raise UnreadableBodyError("body", f"is not gzip: {error}") from error
        left -= len(parts[-1])
        if left < 0:
            raise _too_large(limit)
        if not member.eof:
            raise UnreadableBodyError("body", "is not gzip: it ends too early")
        body = member.unused_data
    return b"".join(parts)


def _zstd(body: bytes, limit: int) -> bytes:
    room = bytearray(limit)  # the system allocates only the pages that are written
    try:
        size = cramjam.zstd.decompress_into(body, room)
    except cramjam.DecompressionError as error:
        if _TOO_SMALL in str(error):
            raise _too_large(limit) from error
        raise UnreadableBodyError("body", f"is not zstd: {error}") from error
    return bytes(memoryview(room)[:size])


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError("body", f"more than {limit} bytes when decompressed")


_DECODERS: Final[Mapping[str, Callable[[bytes, int], bytes]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "zstd": _zstd,
}
