"""In: how many examples of a property `make test-all` tries. Out: how many this run tries."""

from typing import Final

import pytest

_SHARE: Final = 3
_whole = True


def configure(config: pytest.Config) -> None:
    """Called before the tests are imported."""
    global _whole  # noqa: PLW0603  decorators of tests read it
    _whole = config.getoption("markexpr") != "not full"


def examples(number: int) -> int:
    return number if _whole else max(number // _SHARE, 1)
