"""In: texts. Out: vectors of unit length, near each other where the texts mean alike.

The bundled model is WordLlama's, 256 dimensions: the mean of its words' vectors. Identifiers are split into
words first, and what a text says often, or first, is not left to how often it says it.
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
"""Of the words of a text's first line, against one for each that comes after it, however often."""
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NAME: Final = re.compile(r"\w+")


def embed(texts: Sequence[str]) -> list[Vector]:
    """One vector a text; a text without words has the vector of the word `empty`."""
    return bundled().embed([_weighted(text) or ["empty"] for text in texts])


def _weighted(text: str) -> list[str]:
    title, _, rest = text.partition("\n")
    # A name that has been there brings no new word: each is looked at once.
    once = dict.fromkeys(chain.from_iterable(map(_words_of, dict.fromkeys(_NAME.findall(rest)))))
    return [*_words(title) * _TITLE_WEIGHT, *once]


def _words(text: str) -> list[str]:
    return [word for name in _NAME.findall(text) for word in _words_of(name)]


def words(text: str) -> str:
    """Lower-case words; camelCase and snake_case fall into theirs."""
    return " ".join(_words(text))


@lru_cache(maxsize=65_536)
def _words_of(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for part in name.split("_") if part for word in _CAMEL.split(part))


def digest(text: str, entities: Sequence[Entity]) -> str:
    """What of a document its vector is made of: names, what is said of them, and the head of the text."""
    told = [f"{entity.name} {entity.documentation or ''}" for entity in entities if entity.kind != "link"]
    head = text[: HEAD_CHARACTERS // 8 if told else HEAD_CHARACTERS]
    return "\n".join([head, *told])[: 2 * HEAD_CHARACTERS]
