"""In: a query. Out: the nearest lines, with data about their documents."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query

from archon.contracts.errors import InvalidInputError, StoreError
from archon.contracts.identity import GivenLanguage
from archon.contracts.text import notebooks
from archon.contracts.text.lines import lines_of
from archon.contracts.text.words import stems, words
from archon.contracts.types import DocumentType, ProjectName
from archon.contracts.views import Preview, SearchHit, SearchResults, Why
from archon.runtime.logs import get_logger
from archon.runtime.tasks import answers
from archon.stores.vectors.search import Hit, Mode, Wanted
from archon.stores.vectors.search import Query as Signals
from bridge.requests.access import Caller, Reader
from bridge.requests.clients import Stores
from bridge.requests.dependencies import REFUSED, StoresDep

SNIPPET_LINES: Final = 12
SNIPPET_CHARACTERS: Final = 1200
PREVIEW_CHARACTERS: Final = 200
HITS_A_REQUEST: Final = 10
"""Hits that count as one further request against a key's rate: a search costs more than a read."""
MATCHED_LINES: Final = 200
MATCHED_CHARACTERS: Final = 4000
"""The part of a hit that is searched for matched words."""
_AT_ONCE: Final = 16
"""Maximum number of texts that one search reads concurrently."""

_log = get_logger(__name__)
router = APIRouter(prefix="/api/bridge", tags=["search"], responses=REFUSED)


async def _wanted(
    caller: Reader,
    project: ProjectName | None = None,
    project_name: Annotated[ProjectName | None, Query(description="Same as `project`.")] = None,
    language: Annotated[GivenLanguage | None, Query()] = None,
    document_type: DocumentType | None = None,
    kind: Annotated[str | None, Query(max_length=64, description="As class, function, heading.")] = None,
) -> Wanted:
    """Raises ForbiddenError, or InvalidInputError for two different projects."""
    if project is not None and project_name is not None and project != project_name:
        raise InvalidInputError("project_name", "differs from `project`")
    return Wanted(
        _scope(caller, project or project_name),
        language,
        document_type,
        kind.lower() if kind is not None else None,
    )


def _scope(caller: Caller, project: str | None) -> tuple[str, ...] | None:
    projects = caller.scope(project)
    return None if projects is None else tuple(projects)


WantedDep = Annotated[Wanted, Depends(_wanted)]


@router.get("/search", operation_id="search_documents")
async def search_documents(
    stores: StoresDep,
    wanted: WantedDep,
    caller: Reader,
    q: Annotated[str, Query(min_length=1, max_length=4096, description="The query, in words or names.")],
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
    mode: Annotated[Mode, Query(description="By names and words, by meaning, or both.")] = Mode.COMBINED,
) -> SearchResults:
    """The symbols, sections and other lines nearest to `q`, best first, at most three of a document.

    Only enriched documents are found. New content is found after its enrichment: until then the previous
    lines are found, and are not `fresh`.
    """
    if not any(character.isalnum() for character in q):
        raise InvalidInputError("q", "has no word to look for")
    caller.spend(limit // HITS_A_REQUEST)
    signals = await stores.intelligence.embed([q])
    query = Signals(signals.embeddings[0], signals.terms[0] if signals.terms else None, q)
    hits = await stores.vectors.search.nearest(query, wanted, limit, mode)
    known = await stores.graph.previews(list({hit.document_id for hit in hits}), wanted.projects)
    shown = [hit for hit in hits if hit.document_id in known]
    lines = await _lines(stores, shown)
    return SearchResults(query=q, hits=[_hit(q, hit, known[hit.document_id], lines) for hit in shown])


Lines = Mapping[str, Sequence[str | None]]
"""Lines of texts, by content hash; texts that cannot be read are omitted."""


async def _lines(stores: Stores, hits: list[Hit]) -> Lines:
    hashes = list(dict.fromkeys(hit.payload["content_hash"] for hit in hits))

    async def text_of(content_hash: str) -> str | None:
        try:
            return await stores.content.get_text(content_hash)
        except StoreError as error:  # a hit is useful without its text
            _log.warning("snippet_not_read", error=str(error))
            return None

    texts = await answers(hashes, text_of, _AT_ONCE)
    of_notebooks = {
        hit.payload["content_hash"] for hit in hits if hit.payload.get("language") == notebooks.LANGUAGE
    }
    return {
        each: notebooks.shown_lines(text) if each in of_notebooks else lines_of(text)
        for each, text in texts.items()
        if text is not None
    }


def _said(lines: Sequence[str | None], hit: Hit) -> Iterator[str]:
    """The hit's lines that are not blank in the document's view, from its column on."""
    skipped = (hit.payload.get("start_column") or 1) - 1
    for line in lines[hit.payload["start_line"] - 1 : hit.payload["end_line"]]:
        if line is not None:
            yield line[skipped:]
            skipped = 0


def _snippet(lines: Sequence[str | None], hit: Hit) -> str:
    read = "\n".join(islice(_said(lines, hit), SNIPPET_LINES)).split("\n")[:SNIPPET_LINES]
    return "\n".join(line.rstrip() for line in read)[:SNIPPET_CHARACTERS]


def _why(q: str, hit: Hit, path: str, lines: Sequence[str | None]) -> Why:
    text = "\n".join(islice(_said(lines, hit), MATCHED_LINES))[:MATCHED_CHARACTERS]
    there = set(stems(f"{hit.payload.get('symbol') or ''} {path} {text}"))
    asked = dict.fromkeys(word for word in words(q) if there.intersection(stems(word)))
    return Why(parts={name: round(part, 4) for name, part in hit.parts.items()}, matched=list(asked))


def _hit(q: str, hit: Hit, document: Preview, read: Lines) -> SearchHit:
    said = {name: hit.payload.get(name) for name in _SAID}
    lines = read.get(hit.payload["content_hash"])
    return SearchHit.model_validate(
        {
            **said,
            "title": document.name,
            # A renamed document's chunks still have the old path.
            "file_path": document.file_path,
            "snippet": document.preview[:PREVIEW_CHARACTERS] if lines is None else _snippet(lines, hit),
            "score": round(hit.score, 4),
            "why": _why(q, hit, document.file_path, lines or ()),
            "copies": hit.copies,
            "overloads": hit.overloads,
            "fresh": hit.payload["content_hash"] == document.content_hash,
            "enrichment_status": document.status,
            "enriched_at": document.enriched_at,
            "indexed_at": document.indexed_at,
        }
    )


_SAID: Final = (
    *("document_id", "project_name", "language", "document_type"),
    *("symbol", "kind", "start_line", "end_line"),
)
"""Payload fields of a chunk's own point."""
