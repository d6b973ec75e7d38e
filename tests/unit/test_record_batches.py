"""Batches that cannot be unpacked, or become too large: each only affects its own records."""

import struct
from collections.abc import Sequence

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record._crc32c import crc as crc32c
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from archon.runtime.kafka import brokers, record_batches
from archon.runtime.kafka.record_batches import STAND_INS, Records, UnreadableRecord

pytestmark = pytest.mark.threat
GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
CODECS = [GZIP, SNAPPY, LZ4, ZSTD]
_CRC, _CRC_OF = 17, 21
"""Position of the CRC in a batch of format v2, and the offset from which it is computed."""


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_batches, "UNPACKED_BYTES", 1024 * 1024)


def batch(codec: int, values: Sequence[bytes], first: int = 0) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=codec,
        is_transactional=False,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=64 * 1024 * 1024,
    )
    for number, value in enumerate(values):
        assert builder.append(number, 0, None, value, []) is not None
    built = bytearray(builder.build())
    struct.pack_into(">q", built, 0, first)  # like the broker
    return bytes(built)


def spoilt(built: bytes) -> bytes:
    """With junk as packed data, and the right CRC."""
    made = bytearray(built)
    made[61:] = bytes(len(made) - 61)
    struct.pack_into(">I", made, _CRC, crc32c(bytes(made[_CRC_OF:])))
    return bytes(made)


def read(*batches: bytes) -> list[tuple[int, bytes | None, str | None]]:
    """Offset, value, and the reason if it cannot be read."""
    fetched = MemoryRecords(b"".join(batches))
    records = Records(TopicPartition("t", 0), fetched, None, 0, None, None, True, "read_uncommitted")
    return [(each.offset, each.value, getattr(each, "reason", None)) for each in records]


def test_every_consumer_of_ours_reads_by_it() -> None:
    assert brokers.record_batches is record_batches
    assert fetcher.PartitionRecords is Records


@pytest.mark.parametrize("codec", [0, *CODECS])
def test_readable_batches_are_read(codec: int) -> None:
    assert read(batch(codec, [b"a", b"b"])) == [(0, b"a", None), (1, b"b", None)]


@pytest.mark.parametrize("codec", CODECS)
def test_a_batch_of_junk_holds_up_no_other(codec: int) -> None:
    junk = spoilt(batch(codec, [b"b" * 50] * 3, 1))
    first, *unread, last = read(batch(codec, [b"a"]), junk, batch(codec, [b"c"], 4))
    assert (first, last) == ((0, b"a", None), (4, b"c", None))
    assert [(offset, value) for offset, value, _ in unread] == [(1, None), (2, None), (3, None)]
    assert all("cannot be read with its batch" in (reason or "") for *_, reason in unread)


@pytest.mark.parametrize("codec", CODECS)
def test_a_batch_that_becomes_too_large_is_not_unpacked(codec: int) -> None:
    bomb = batch(codec, [bytes(8 * 1024 * 1024)])
    assert len(bomb) < 1024 * 1024
    (unread, good) = read(bomb, batch(codec, [b"good"], 1))
    assert unread[:2] == (0, None)
    assert good == (1, b"good", None)


def test_many_records_are_checked_by_a_sample() -> None:
    found = read(spoilt(batch(GZIP, [b"x"] * 5000)), batch(GZIP, [b"good"], 5000))
    # The last placeholder has the batch's last offset, so the consumer moves past all of it.
    assert [offset for offset, *_ in found] == [*range(STAND_INS - 1), 4999, 5000]
    assert f"all from {STAND_INS - 1} on" in (found[STAND_INS - 1][2] or "")


@pytest.mark.parametrize("size", [0, -1, -20, 2**31 - 1, 100])
def test_blocks_of_a_size_that_cannot_be_end_it(size: int) -> None:
    """A negative size would lead back, forever."""
    made = bytearray(batch(SNAPPY, [b"a" * 50]))
    struct.pack_into(">i", made, 61 + 16, size)
    struct.pack_into(">I", made, _CRC, crc32c(bytes(made[_CRC_OF:])))
    (unread,) = read(bytes(made))
    assert unread[:2] == (0, None)


@pytest.mark.parametrize("before", [[], [batch(GZIP, [b"a"])]])
def test_bytes_that_are_no_batch_are_fetched_again(before: list[bytes]) -> None:
    with pytest.raises(CorruptRecordException):
        read(*before, struct.pack(">qi", 1, 5) + bytes(40))


def test_a_batch_with_a_wrong_checksum_is_fetched_again() -> None:
    damaged = bytearray(batch(GZIP, [b"a"]))
    damaged[-1] ^= 1
    with pytest.raises(CorruptRecordException):
        read(bytes(damaged))


def test_a_stand_in_is_a_record() -> None:
    (unread,) = Records(
        TopicPartition("t", 3), MemoryRecords(spoilt(batch(ZSTD, [b"x"]))), None, 0, None, None, True, ""
    )
    assert isinstance(unread, UnreadableRecord)
    assert (unread.topic, unread.partition, unread.key, unread.headers) == ("t", 3, None, ())
