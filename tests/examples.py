"""In: how many examples of a property `make test-all` tries. Out: how many this run tries, by its marks."""

from typing import Final

import pytest
from hypothesis import HealthCheck, settings

_SHARES: Final = {"not full": 3, "not full and not slow": 9}
"""Of `make test` and `make test-fast`: one in so many."""
_share = 1

# A busy machine fails no test.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
settings.load_profile("patient")


def pytest_configure(config: pytest.Config) -> None:
    """Before the tests are imported."""
    global _share  # noqa: PLW0603  decorators of tests read it
    _share = _SHARES.get(config.getoption("markexpr"), 1)


def examples(number: int) -> int:
    return max(number // _share, 1)
