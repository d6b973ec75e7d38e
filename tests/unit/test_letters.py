"""Dead letters on a terminal: readable reasons, and an unambiguous key."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from archon.cli.dead_letters import letters
from archon.cli.terminal import columns
from archon.contracts.errors import InvalidInputError, NotFoundError
from archon.contracts.operations.dead_letters import DeadLetterRow
from archon.contracts.types import FailureType

REASON = "metadata.last_modified: Input should be a valid datetime or date, invalid character in year"


def letter(key: str, path: str | None = None, project: str | None = None) -> DeadLetterRow:
    return DeadLetterRow(
        key=key,
        document_id=None if ":" in key else key,
        project_name=project,
        file_path=path,
        failure_type=FailureType.DATA_QUALITY,
        failure_reason=REASON,
        exception_type="InvalidInputError",
        failure_timestamp=datetime(2026, 3, 2, 8, 5, tzinfo=UTC),
        failure_count=1,
        document_version=None,
        workflow_id=None,
        source=key if ":" in key else None,
    )


ROWS = [
    letter("dev.archon-intelligence.enrich-document.v1:0:12345"),
    letter(
        "dev.archon-intelligence.tree.index.v1:3:7", "src/main/java/org/example/shop/Cart.java", "shop" * 9
    ),
    letter(str(uuid4()), "文書/" * 30 + "合計.py", "shop"),
    letter("t:0:1", "a.py", "shop"),
]


@pytest.mark.parametrize("width", [120, 160])
def test_the_reason_can_be_read_on_one_line_a_row(width: int) -> None:
    lines = columns.lines([letters.COLUMNS, *letters.cells(ROWS, width)], width)
    for line, path in zip(lines[1:], ["", "Cart.java", "合計.py", "a.py"], strict=True):
        assert REASON[:37] in line
        assert "data_quality" in line
        assert "03-02 08:05" in line
        assert path in line


def test_what_is_piped_is_whole() -> None:
    for row, cells in zip(ROWS, letters.cells(ROWS, None), strict=True):
        assert cells[0] == row.key
        assert cells[2] == (row.file_path or "")


def test_a_key_as_it_is_shown_names_its_letter() -> None:
    for row, shown in zip(ROWS, letters.cells(ROWS, 120), strict=True):
        assert letters.named(shown[0], ROWS) is row
        assert letters.named(row.key, ROWS) is row


def test_a_part_of_several_keys_or_too_little_of_one_names_none() -> None:
    alike = [letter("a.enrich-document.v1:0:12"), letter("b.enrich-document.v1:0:12")]
    assert [each[0] for each in letters.cells(alike, 120)] == [row.key for row in alike]
    with pytest.raises(InvalidInputError, match="give more characters"):
        letters.named("document.v1:0:12", alike)
    for given in ("", "…", ":0:12", "nothing at all"):
        with pytest.raises(NotFoundError):
            letters.named(given, alike[:1])
