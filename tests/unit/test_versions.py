"""Which analyser versions are older than which."""

import pytest

from archon.contracts.operations.versions import older


@pytest.mark.parametrize(
    ("version", "than", "expected"),
    [
        (None, "1", True),
        ("1.9", "1.10", True),
        ("1.10", "1.9", False),
        ("2.0", "2", False),
        ("v1.2.3", "1.3", True),
        ("1-abc", "2-abc", True),
        ("2-abc", "2", False),
        ("2-abc", "2-abc", False),
        ("2-abc", "2-def", True),
        ("3-abc", "2-def", False),
        ("faulty-1", "faulty-1", False),
        ("faulty-1", "faulty-2", True),
        ("unknown", "2", True),
        ("2", "main", True),
    ],
)
def test_a_version_is_older(version: str | None, than: str, expected: bool) -> None:
    assert older(version, than) is expected
