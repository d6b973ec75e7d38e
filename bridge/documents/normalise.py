"""In: a client's submission. Out: the document to store, with derived values for missing fields.

Raises InvalidInputError with the field, before anything is stored.
"""

import json
from datetime import UTC, datetime
from typing import Any, Final

from archon.contracts import identity
from archon.contracts.documents import Document, DocumentSubmission
from archon.contracts.errors import InvalidInputError
from archon.contracts.events import RequestMetadata
from archon.contracts.text import notebooks
from archon.contracts.text.languages import language_of_file
from archon.contracts.text.lines import count_lines

PREVIEW_CHARACTERS: Final = 500
METADATA_BYTES: Final = 64 * 1024


def normalise(submission: DocumentSubmission, text: str, *, is_own: bool = False) -> Document:
    """The document of `submission`, with the content `text`. `is_own`: as in identity.document_id."""
    path = submission.source_path or submission.title or submission.document_id
    if path is None or not path.strip():
        raise InvalidInputError("source_path", "required if there is neither a title nor a document_id")
    content_hash = identity.content_hash(text)
    if submission.content_hash is not None and submission.content_hash != content_hash:
        raise InvalidInputError(
            "content_hash",
            f"is not the BLAKE3 of the text, which is {content_hash}; omit it to let the bridge compute it",
        )
    document_id, external_id = identity.document_id(
        submission.project_id, submission.document_id, path, is_own=is_own
    )
    language = submission.language or language_of_file(path, text)
    return Document(
        entity_id=document_id,
        external_id=external_id,
        name=submission.title or path.replace("\\", "/").rstrip("/").rpartition("/")[2] or path,
        project_name=submission.project_id,
        file_path=path,
        document_type=submission.document_type or identity.document_type_of(path, language),
        language=language,
        content_hash=content_hash,
        indexed_at=datetime.now(UTC),
        content_preview=_readable(text, language)[:PREVIEW_CHARACTERS].replace("\0", ""),
        metadata=_metadata(submission.metadata, text),
    )


def _readable(text: str, language: str | None) -> str:
    return notebooks.shown_text(text) if language == notebooks.LANGUAGE else text


def _metadata(given: RequestMetadata, text: str) -> dict[str, Any]:
    """The client's metadata, with size and line count added if missing."""
    known = given.model_copy()
    if known.file_size_bytes is None:
        known.file_size_bytes = len(text.encode())
    if known.line_count is None:
        known.line_count = count_lines(text)
    metadata = known.model_dump(mode="json", exclude_none=True)
    if len(json.dumps(metadata, ensure_ascii=False).encode()) > METADATA_BYTES:
        raise InvalidInputError("metadata", f"larger than {METADATA_BYTES} bytes as JSON")
    return metadata
