"""In: batches of records from brokers. Out: their records, or placeholders with the reason.

aiokafka unpacks batches of any size, so that a kilobyte may become gigabytes. A batch that it cannot unpack,
or a header key that is not UTF-8, fails the whole poll, and every later poll again. The replacements here
limit both problems to the batch.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import cramjam
from aiokafka import ConsumerRecord
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record import default_records, legacy_records
from aiokafka.record._crecords import default_records as compiled_records
from aiokafka.record._crecords import legacy_records as compiled_legacy_records

from archon.runtime.encodings import decoded

UNPACKED_BYTES: Final = 64 * 1024 * 1024
"""Maximum size of an unpacked batch; Kafka's own limit, a megabyte, applies to the packed size."""
_XERIAL: Final = b"\x82SNAPPY\0"
_XERIAL_HEADER: Final = 16
"""Bytes: the magic, and two versions."""
STAND_INS: Final = 100
"""Maximum number of placeholders for a batch; the last one stands for all further records."""


@dataclass
class UnreadableRecord(ConsumerRecord):  # type: ignore[misc]
    """The placeholder for a record. Its key and value are None."""

    reason: str


def _gzip(payload: bytes) -> bytes:
    return decoded(bytes(payload), "gzip", UNPACKED_BYTES)


def _zstd(payload: bytes) -> bytes:
    return decoded(bytes(payload), "zstd", UNPACKED_BYTES)


def _lz4(payload: bytes) -> bytes:
    room = bytearray(UNPACKED_BYTES)  # the system allocates only the pages that are written
    return bytes(memoryview(room)[: cramjam.lz4.decompress_into(payload, room)])


def _snappy(payload: bytes) -> bytes:
    """One block, or the blocks of the xerial library, each with its length before it."""
    data = bytes(payload)
    if not data.startswith(_XERIAL):
        return _block(data, UNPACKED_BYTES)
    parts, at, left = [], _XERIAL_HEADER, UNPACKED_BYTES
    while at < len(data):
        (size,) = struct.unpack_from(">i", data, at)
        at += 4
        if not 0 < size <= len(data) - at:
            raise ValueError(f"a block of {size} bytes, where {len(data) - at} are left")
        parts.append(_block(data[at : at + size], left))
        left -= len(parts[-1])
        at += size
    return b"".join(parts)


def _block(data: bytes, left: int) -> bytes:
    if cramjam.snappy.decompress_raw_len(data) > left:
        raise ValueError(f"more than {UNPACKED_BYTES} bytes when unpacked")
    return bytes(cramjam.snappy.decompress_raw(data))


_DECODERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "gzip_decode": _gzip,
    "zstd_decode": _zstd,
    "lz4_decode": _lz4,
    "snappy_decode": _snappy,
}


class _Remembering:
    """A fetch's batches, and the last one returned."""

    def __init__(self, batches: Any) -> None:
        self._batches = batches
        self.last: Any = None

    def has_next(self) -> bool:
        return bool(self._batches.has_next())

    def next_batch(self) -> Any:
        self.last = None
        self.last = self._batches.next_batch()
        return self.last


class Records(fetcher.PartitionRecords):  # type: ignore[misc]
    """The records of a fetch from one partition."""

    next_fetch_offset: int

    def __init__(self, partition: Any, batches: Any, *rest: Any) -> None:
        super().__init__(partition, _Remembering(batches), *rest)

    def _unpack_records(self) -> Iterator[ConsumerRecord]:
        while True:
            try:
                yield from super()._unpack_records()
            except Exception as error:
                # Damage in transit disappears on the next fetch.
                damaged = isinstance(error, CorruptRecordException) and "CRC" in str(error)
                if damaged or self._records.last is None:
                    raise
                yield from self._stand_ins(error)
            else:
                return

    def _stand_ins(self, error: Exception) -> Iterator[UnreadableRecord]:
        batch = self._records.last
        # Batch formats before v2 do not contain their first offset.
        first = max(self.next_fetch_offset, getattr(batch, "base_offset", 0))
        last = batch.next_offset - 1
        for offset in range(first, min(last, first + STAND_INS - 1)):
            self.next_fetch_offset = offset + 1
            yield self._stand_in(offset, "it", error)
        if self.next_fetch_offset <= last:
            since = max(first, self.next_fetch_offset)
            self.next_fetch_offset = last + 1
            yield self._stand_in(last, "it" if since == last else f"it, and all from {since} on,", error)

    def _stand_in(self, offset: int, which: str, error: Exception) -> UnreadableRecord:
        return UnreadableRecord(
            topic=self._tp.topic,
            partition=self._tp.partition,
            offset=offset,
            timestamp=0,
            timestamp_type=0,
            key=None,
            value=None,
            checksum=None,
            serialized_key_size=-1,
            serialized_value_size=-1,
            headers=(),
            reason=f"{which} cannot be read with its batch: {_why(error)}"[:500],
        )


def _why(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"a header's key is not UTF-8: {error.reason} at byte {error.start}"
    return f"{type(error).__name__}: {error}"


def install() -> None:
    """Makes aiokafka's consumers use this module. Safe to repeat."""
    fetcher.PartitionRecords = Records
    for module in (default_records, legacy_records, compiled_records, compiled_legacy_records):
        for name, decode in _DECODERS.items():
            if hasattr(module, name):
                setattr(module, name, decode)
