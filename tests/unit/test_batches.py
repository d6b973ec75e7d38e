"""Batches of documents whose stores fail in between."""

from typing import Any, cast

from archon.contracts.documents import BatchSubmission, DocumentSubmission
from archon.contracts.errors import StoreUnavailableError
from bridge.documents.indexing import Indexer
from bridge.documents.routes import index_documents
from bridge.requests.access import EVERYBODY


class FailingIndexer:
    """Fails after it has perhaps stored the document; `texts`: what it was given."""

    def __init__(self) -> None:
        self.texts: list[str | None] = []

    async def index(self, submission: DocumentSubmission, *_: object, **__: object) -> Any:
        self.texts.append(submission.full_text)
        raise StoreUnavailableError("graph", "the answer is lost")


async def test_an_older_revision_does_not_replace_one_whose_fate_is_unknown() -> None:
    documents = [{"project_id": "p", "source_path": "a.py", "full_text": text} for text in ("old", "new")]
    indexer = FailingIndexer()
    batch = BatchSubmission.model_validate({"documents": documents})
    answer = await index_documents(batch, EVERYBODY, cast(Indexer, indexer), 0.0)
    assert indexer.texts == ["new"]
    assert (answer.accepted, answer.failed) == (0, 2)
    assert [cast(dict[str, Any], each.problem)["status"] for each in answer.results] == [503, 503]
