"""In: symbols with their content's hash. Out: the same with source text and documentation."""

from collections.abc import Mapping, Sequence
from typing import Final

from archon.contracts.code.answers import Shown, ShownSymbol
from archon.contracts.errors import StoreError
from archon.contracts.text import notebooks
from archon.contracts.text.lines import lines_of
from archon.runtime.logs import get_logger
from archon.runtime.tasks import answers
from bridge.requests.clients import Stores

SOURCE_CHARACTERS: Final = 20_000
"""Longest source text of one symbol."""
_AT_ONCE: Final = 8

_log = get_logger(__name__)


async def with_texts(stores: Stores, found: Shown) -> Shown:
    """A symbol whose content is gone has no source. A text that is too long is cut, and the answer is then
    not complete."""
    hashes = list(dict.fromkeys(each.content_hash for each in found.symbols))

    async def text_of(content_hash: str) -> str | None:
        try:
            return await stores.content.get_text(content_hash)
        except StoreError as error:  # the rest is useful without it
            _log.warning("source_not_read", error=str(error))
            return None

    texts = await answers(hashes, text_of, _AT_ONCE)
    said = await stores.graph.entity_texts([each.symbol.symbol_id for each in found.symbols])
    symbols, cut = [], False
    for each in found.symbols:
        source = _source(each, texts)
        cut = cut or (source is not None and len(source) > SOURCE_CHARACTERS)
        signature, documentation = said.get(each.symbol.symbol_id, (None, None))
        update = {
            "source": source[:SOURCE_CHARACTERS] if source is not None else None,
            "signature": signature,
            "documentation": documentation,
        }
        symbols.append(each.model_copy(update=update))
    return found.model_copy(update={"symbols": symbols, "complete": found.complete and not cut})


def _source(shown: ShownSymbol, texts: Mapping[str, str | None]) -> str | None:
    text = texts.get(shown.content_hash)
    if text is None:
        return None
    is_notebook = shown.symbol.language == notebooks.LANGUAGE
    lines: Sequence[str | None] = notebooks.shown_lines(text) if is_notebook else lines_of(text)
    own = lines[shown.symbol.start_line - 1 : shown.symbol.end_line]
    return "\n".join(line for line in own if line is not None)
