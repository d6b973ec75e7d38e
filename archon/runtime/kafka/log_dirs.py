"""In: a broker. Out: the bytes of each of its partitions, by a request that aiokafka lacks.

Kafka's protocol guide, DescribeLogDirs (API key 35), version 1: https://kafka.apache.org/protocol
"""

from aiokafka import TopicPartition
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Int64, Schema, String


class _Answer(Response):  # type: ignore[misc]
    API_KEY = 35
    API_VERSION = 1
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "results",
            Array(
                ("error_code", Int16),
                ("log_dir", String("utf-8")),
                (
                    "topics",
                    Array(
                        ("name", String("utf-8")),
                        (
                            "partitions",
                            Array(
                                ("partition", Int32),
                                ("size", Int64),
                                ("offset_lag", Int64),
                                ("is_future", Boolean),
                            ),
                        ),
                    ),
                ),
            ),
        ),
    )


class _Question(RequestStruct):  # type: ignore[misc]
    API_KEY = 35
    API_VERSION = 1
    RESPONSE_TYPE = _Answer
    SCHEMA = Schema(("topics", Array(("topic", String("utf-8")), ("partitions", Array(Int32)))))


class DescribeLogDirs(Request[_Question]):  # type: ignore[misc]
    """Partition numbers by topic."""

    API_KEY = 35

    def __init__(self, partitions: dict[str, list[int]]) -> None:
        self._partitions = partitions

    def build(self, request_struct_class: type[_Question]) -> _Question:
        return request_struct_class(list(self._partitions.items()))


def sizes(answer: Response) -> dict[TopicPartition, int]:
    """Bytes of each partition of the broker; a replica that moves to another disk counts at its
    destination."""
    return {
        TopicPartition(topic, partition): size
        for error_code, _, topics in answer.results
        if error_code == 0
        for topic, partitions in topics
        for partition, size, _, is_future in partitions
        if not is_future
    }
