"""In: texts. Out: vectors of unit length, near each other for texts with similar meaning.

The bundled model is WordLlama's, with 256 dimensions: the mean of its words' vectors. Identifiers are split
into words first. Each word counts once, and words of the first line count more.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import version
from itertools import chain
from typing import Final

from archon.contracts.analysis import Entity
from archon.contracts.packed import Vector
from intelligence.embedding.vocabulary import bundled

DIMENSIONS: Final = 256
IDENTITY: Final = f"wordllama {version('wordllama')} {DIMENSIONS}"
HEAD_CHARACTERS: Final = 4000
_TITLE_WEIGHT: Final = 4
"""Weight of a word in a text's first line; later words have weight 1, whatever their number."""
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NAME: Final = re.compile(r"\w+")


def embed(texts: Sequence[str]) -> list[Vector]:
    """One vector for each text; a text without words gets the vector of the word `empty`."""
    return bundled().embed([_weighted(text) or ["empty"] for text in texts])


def _weighted(text: str) -> list[str]:
    title, _, rest = text.partition("\n")
    # A repeated name adds no new word, so each is split once.
    once = dict.fromkeys(chain.from_iterable(map(_words_of, dict.fromkeys(_NAME.findall(rest)))))
    return [*_words(title) * _TITLE_WEIGHT, *once]


def _words(text: str) -> list[str]:
    return [word for name in _NAME.findall(text) for word in _words_of(name)]


def words(text: str) -> str:
    """Lower-case words; splits camelCase and snake_case."""
    return " ".join(_words(text))


@lru_cache(maxsize=65_536)
def _words_of(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for part in name.split("_") if part for word in _CAMEL.split(part))


def digest(text: str, entities: Sequence[Entity]) -> str:
    """The part of a document that its vector represents: names, their documentation, and the head of the
    text."""
    names = [f"{entity.name} {entity.documentation or ''}" for entity in entities if entity.kind != "link"]
    head = text[: HEAD_CHARACTERS // 8 if names else HEAD_CHARACTERS]
    return "\n".join([head, *names])[: 2 * HEAD_CHARACTERS]
