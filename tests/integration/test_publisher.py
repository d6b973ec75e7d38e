"""The publisher with a hanging broker, which may have read events that it does not acknowledge."""

from pathlib import Path

import pytest

from archon.contracts.errors import PublishError
from archon.devstack.kafka import kafka
from archon.runtime.kafka.publisher import KafkaPublisher
from archon.runtime.kafka.topics import ensure_topics
from archon.runtime.local_ports import HOST, free_ports
from archon.runtime.settings import Settings
from tests import factories
from tests.e2e.events import read_all
from tests.eventually import eventually
from tests.outages.servers import freeze, thaw

ATTEMPTS = 4


async def test_retries_leave_no_copies_with_a_broker_that_hangs(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    settings = Settings(
        kafka_bootstrap_servers=f"{HOST}:{port}", kafka_enable_idempotence=False, kafka_publish_timeout=1
    )
    request = factories.request("p")
    async with kafka(tmp_path, port) as broker:
        await ensure_topics(settings)
        async with KafkaPublisher.connect(settings, "test") as publisher:

            async def available() -> bool:
                return publisher.available

            async def published() -> bool:
                await eventually(available)
                try:
                    await publisher.request(request)
                except PublishError:
                    return False
                return True

            await eventually(published)
            before = len(await read_all(settings, settings.kafka_enrichment_topic))
            await freeze(broker)
            try:
                for _ in range(ATTEMPTS):
                    await eventually(available)
                    with pytest.raises(PublishError):
                        await publisher.request(request)
            finally:
                thaw(broker)
            await eventually(published)
            after = len(await read_all(settings, settings.kafka_enrichment_topic))
    assert after - before <= 2  # the first abandoned event, and the acknowledged one
