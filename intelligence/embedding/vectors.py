"""In: texts. Out: vectors of unit length, near each other for texts with similar meaning.

The bundled model is WordLlama's, with 256 dimensions. A text's first line is its title: title and rest have a
vector each, the mean of their words' vectors, and count the same, however long the rest is. A text without a
title begins with a line break. Identifiers are split into words first, stop words are left out, and each word
of the rest counts once.
"""

from collections.abc import Sequence
from importlib.metadata import version
from itertools import chain, islice
from typing import Final

from archon.contracts.analysis import Entity
from archon.contracts.packed import Vector
from archon.contracts.text.words import STOP, names, words, words_of
from intelligence.embedding.vocabulary import between, bundled

DIMENSIONS: Final = 256
IDENTITY: Final = f"wordllama {version('wordllama')} {DIMENSIONS} titles"
HEAD_CHARACTERS: Final = 4000
HALF: Final = 15.0
"""Words of a query after which a word counts half: a sentence begins with what it is about, and ends with
circumstances."""


def embed(texts: Sequence[str]) -> list[Vector]:
    """One vector for each text; a text without words gets the vector of the word `empty`."""
    parts = [_parts(text) for text in texts]
    vectors = iter(bundled().embed(list(chain.from_iterable(parts))))
    return [between(list(islice(vectors, len(each)))) for each in parts]


def embed_queries(texts: Sequence[str]) -> list[Vector]:
    """Like `embed`, but a query has no title, and its earlier words count more."""
    return [bundled().embed_query(_query_words(text), HALF) for text in texts]


def _parts(text: str) -> list[list[str]]:
    """The words of the title and of the rest, at least one word in all; stop words only if there are no
    others."""
    title, _, rest = text.partition("\n")
    # A repeated name adds no new word, so each is split once.
    once = dict.fromkeys(chain.from_iterable(map(words_of, dict.fromkeys(names(rest)))))
    found = words(title), list(once)
    telling = [_telling(part) for part in found]
    return [part for part in telling if part] or [part for part in found if part] or [["empty"]]


def _query_words(text: str) -> list[str]:
    """At least one; stop words only if there are no others."""
    found = words(text)
    return _telling(found) or found or ["empty"]


def _telling(found: list[str]) -> list[str]:
    """Without stop words."""
    return [word for word in found if word not in STOP]


def digest(text: str, entities: Sequence[Entity]) -> str:
    """The part of a document that its vector represents, without a title: the head of the text, names, and
    their documentation."""
    said = [f"{entity.name} {entity.documentation or ''}" for entity in entities if entity.kind != "link"]
    head = text[: HEAD_CHARACTERS // 8 if said else HEAD_CHARACTERS]
    return "\n".join(["", head, *said])[: 2 * HEAD_CHARACTERS]
