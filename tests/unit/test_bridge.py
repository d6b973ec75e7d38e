"""The bridge's normalisation of submissions."""

import pytest

from archon.contracts import identity
from archon.contracts.documents import DocumentSubmission
from archon.contracts.errors import InvalidInputError
from archon.contracts.identity import language_named
from archon.contracts.types import DocumentType
from bridge.documents.normalise import PREVIEW_CHARACTERS, normalise
from bridge.requests.correlation import CorrelationMiddleware, new_correlation_id
from tests import factories


def submission(**fields: object) -> DocumentSubmission:
    return DocumentSubmission.model_validate({"project_id": "p", **fields})


def test_missing_values_are_derived() -> None:
    document = normalise(submission(source_path="src/app.py"), "x = 1\ny = 2")
    assert document.name == "app.py"
    assert document.language == "python"
    assert document.document_type is DocumentType.CODE
    assert document.content_hash == identity.content_hash("x = 1\ny = 2")
    assert document.metadata == {"file_size_bytes": 11, "line_count": 2}


@pytest.mark.parametrize(
    ("name", "language"),
    [("Python", "python"), ("js", "javascript"), ("C++", "cpp"), ("TSX", "tsx"), ("klingon", "klingon")],
)
def test_a_language_may_be_called_otherwise(name: str, language: str) -> None:
    assert language_named(name) == language


@pytest.mark.parametrize("given", ["Python", " PYTHON ", "py"])
def test_a_language_is_kept_as_it_is_searched_for(given: str) -> None:
    assert normalise(submission(source_path="run", language=given), "").language == "python"
    assert factories.request(language=given).language == "python"


def test_given_values_are_kept() -> None:
    given = submission(
        source_path="x",
        title="T",
        language="cobol",
        document_type="other",
        metadata={"git_commit_hash": "abc", "mine": [1]},
    )
    document = normalise(given, "")
    assert (document.name, document.language, document.document_type) == ("T", "cobol", DocumentType.OTHER)
    assert document.metadata == {"file_size_bytes": 0, "line_count": 0, "git_commit_hash": "abc", "mine": [1]}


def test_our_own_names_are_understood_too() -> None:
    given = DocumentSubmission.model_validate({"project_name": "p", "file_path": "a.md", "content": "# A"})
    assert (given.project_id, given.source_path, given.full_text) == ("p", "a.md", "# A")


def test_a_title_or_an_id_may_stand_for_the_path() -> None:
    assert normalise(submission(title="notes.md"), "").file_path == "notes.md"
    assert normalise(submission(document_id="doc 7"), "").external_id == "doc 7"
    with pytest.raises(InvalidInputError) as raised:
        normalise(submission(), "")
    assert raised.value.field == "source_path"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"content_hash": "0" * 64}, "content_hash"),
        ({"metadata": {"blob": "x" * 70_000}}, "metadata"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        normalise(submission(source_path="a.py", **fields), "text")
    assert raised.value.field == field


def test_the_preview_is_short_and_storable() -> None:
    preview = normalise(submission(source_path="a"), "a\0" * 1000).content_preview
    assert "\0" not in preview
    assert len(preview) <= PREVIEW_CHARACTERS


@pytest.mark.parametrize("header", [None, b"", b"nonsense", b"\xff"])
async def test_a_bad_correlation_id_is_replaced(header: bytes | None) -> None:
    assert await _correlation_of(header) != (header or b"").decode("latin-1")


async def test_a_good_correlation_id_is_kept() -> None:
    mine = new_correlation_id()
    assert await _correlation_of(mine.lower().encode()) == mine


async def _correlation_of(header: bytes | None) -> str:
    seen: list[str] = []

    async def app(scope: dict, receive: object, send: object) -> None:
        seen.append(scope["state"]["correlation_id"])

    headers = [] if header is None else [(b"x-correlation-id", header)]
    await CorrelationMiddleware(app)({"type": "http", "headers": headers}, None, None)  # type: ignore[arg-type]
    assert len(seen[0]) == 36
    return seen[0]
