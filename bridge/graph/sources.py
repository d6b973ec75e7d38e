"""In: symbols with their content's hash. Out: the same with source text and documentation."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import filterfalse
from typing import Final

from archon.contracts.code.answers import Shown, Symbol
from archon.contracts.errors import StoreError
from archon.contracts.text import notebooks
from archon.contracts.text.lines import Lines
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

    async def sources_in(content_hash: str) -> Mapping[str, str]:
        own = [each.symbol for each in found.symbols if each.content_hash == content_hash]
        try:
            text = await stores.content.get_text(content_hash)
        except StoreError as error:  # the rest is useful without it
            _log.warning("source_not_read", error=str(error))
            return {}
        # In a thread: a text has up to 10 MB.
        return await asyncio.to_thread(_sources, text, own) if text is not None else {}

    by_hash = await answers(hashes, sources_in, _AT_ONCE)
    sources = {name: source for each in by_hash.values() for name, source in each.items()}
    said = await stores.graph.entity_texts([each.symbol.symbol_id for each in found.symbols])
    symbols, cut = [], False
    for each in found.symbols:
        source = sources.get(each.symbol.symbol_id)
        cut = cut or (source is not None and len(source) > SOURCE_CHARACTERS)
        signature, documentation = said.get(each.symbol.symbol_id, (None, None))
        update = {
            "source": source[:SOURCE_CHARACTERS] if source is not None else None,
            "signature": signature,
            "documentation": documentation,
        }
        symbols.append(each.model_copy(update=update))
    return found.model_copy(update={"symbols": symbols, "complete": found.complete and not cut})


def _sources(text: str, symbols: Sequence[Symbol]) -> Mapping[str, str]:
    """The texts of symbols of one document, by their ids, each with at most one character too many."""
    most = SOURCE_CHARACTERS + 1
    found = {}
    if any(map(_is_notebook, symbols)):
        shown = notebooks.shown_lines(text)
        for each in filter(_is_notebook, symbols):
            found[each.symbol_id] = _joined(shown[max(each.start_line - 1, 0) : each.end_line])[:most]
    lines = Lines(text)
    for each in filterfalse(_is_notebook, symbols):
        found[each.symbol_id] = lines.range(each.start_line, each.end_line, most)
    return found


def _is_notebook(symbol: Symbol) -> bool:
    return symbol.language == notebooks.LANGUAGE


def _joined(lines: Sequence[str | None]) -> str:
    return "\n".join(line for line in lines if line is not None)
