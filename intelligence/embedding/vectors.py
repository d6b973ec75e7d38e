"""In: texts. Out: vectors of unit length, near each other for texts with similar meaning.

The bundled model is WordLlama's, with 256 dimensions: the mean of its words' vectors. Identifiers are split
into words first, and stop words are left out. Each word counts once, and words of the first line count more.
"""

from collections.abc import Sequence
from importlib.metadata import version
from itertools import chain
from typing import Final

from archon.contracts.analysis import Entity
from archon.contracts.packed import Vector
from archon.contracts.text.words import STOP, names, words, words_of
from intelligence.embedding.vocabulary import bundled

DIMENSIONS: Final = 256
IDENTITY: Final = f"wordllama {version('wordllama')} {DIMENSIONS}"
HEAD_CHARACTERS: Final = 4000
_TITLE_WEIGHT: Final = 4
"""Weight of a word in a text's first line; later words have weight 1, whatever their number."""


def embed(texts: Sequence[str]) -> list[Vector]:
    """One vector for each text; a text without words gets the vector of the word `empty`."""
    return bundled().embed([_telling(_weighted(text)) or ["empty"] for text in texts])


def _telling(found: list[str]) -> list[str]:
    """Without stop words, unless there are no others."""
    return [word for word in found if word not in STOP] or found


def _weighted(text: str) -> list[str]:
    title, _, rest = text.partition("\n")
    # A repeated name adds no new word, so each is split once.
    once = dict.fromkeys(chain.from_iterable(map(words_of, dict.fromkeys(names(rest)))))
    return [*words(title) * _TITLE_WEIGHT, *once]


def digest(text: str, entities: Sequence[Entity]) -> str:
    """The part of a document that its vector represents: names, their documentation, and the head of the
    text."""
    said = [f"{entity.name} {entity.documentation or ''}" for entity in entities if entity.kind != "link"]
    head = text[: HEAD_CHARACTERS // 8 if said else HEAD_CHARACTERS]
    return "\n".join([head, *said])[: 2 * HEAD_CHARACTERS]
