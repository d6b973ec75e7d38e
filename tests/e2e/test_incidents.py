"""Some incidents of `make incidents`, on a separate stack."""

from collections.abc import AsyncIterator

import pytest

from tests.incidents.estate import Estate, estate
from tests.incidents.handling import handle
from tests.incidents.incidents import INCIDENTS

pytestmark = pytest.mark.timeout(400)
NAMES = ("intelligence killed", "graph killed", "worker killed", "wrong password", "poison")


@pytest.fixture(scope="module")
async def own(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Estate]:
    async with estate(tmp_path_factory.mktemp("incidents")) as running:
        yield running


@pytest.mark.full
@pytest.mark.parametrize("name", NAMES)
async def test_an_incident_is_named_and_costs_no_document(own: Estate, name: str) -> None:
    handled = await handle(own, name, INCIDENTS[name], documents=5)
    assert handled.named, handled.signals
    assert (handled.lost, handled.disagreements) == ([], [])
    assert handled.parked == handled.expected_parked
    assert handled.recovery is not None
