"""In: texts. Out: vectors of unit length, near each other where the texts mean alike.

The bundled model is WordLlama's, 256 dimensions: the mean of its words' vectors. Identifiers are split into
words first, and what a text says often, or first, is not left to how often it says it.
"""

import re
from array import array
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

from archon.contracts.analysis import Entity
from archon.contracts.packed import Vector

DIMENSIONS: Final = 256
IDENTITY: Final = f"wordllama {version('wordllama')} {DIMENSIONS}"
HEAD_CHARACTERS: Final = 4000
_TITLE_WEIGHT: Final = 4
"""Of the words of a text's first line, against one for each that comes after it, however often."""
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS: Final = re.compile(r"[\W_]+")


@cache
def _model() -> Any:
    import wordllama  # noqa: PLC0415  its import sets up logging, which is the process's own to do

    # The package looks for its tokenizer where it is not, unless it is told its own folder.
    return wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)


def embed(texts: Sequence[str]) -> list[Vector]:
    """One vector a text; a text without words has the vector of the word `empty`."""
    worded = [_weighted(text) or "empty" for text in texts]
    vectors: np.ndarray[Any, Any] = _model().embed(worded, norm=True)
    return [array("f", vector.astype(np.float32).tobytes()) for vector in vectors]


def _weighted(text: str) -> str:
    title, _, rest = text.partition("\n")
    once = dict.fromkeys(words(rest).split())
    return " ".join([*[words(title)] * _TITLE_WEIGHT, *once]).strip()


def words(text: str) -> str:
    """Lower-case words; camelCase and snake_case fall into theirs."""
    return " ".join(_SEPARATORS.split(_CAMEL.sub(" ", text))).strip().lower()


def digest(text: str, entities: Sequence[Entity]) -> str:
    """What of a document its vector is made of: names, what is said of them, and the head of the text."""
    told = [f"{entity.name} {entity.documentation or ''}" for entity in entities if entity.kind != "link"]
    head = text[: HEAD_CHARACTERS // 8 if told else HEAD_CHARACTERS]
    return "\n".join([head, *told])[: 2 * HEAD_CHARACTERS]
