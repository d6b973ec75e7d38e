"""In: code, prose, paths. Out: their words: identifiers split, Unicode composed (NFC), case folded; and
English stems.

Scripts without spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese) give pairs of neighbouring
characters (J. Nie, J. Gao, J. Zhang, M. Zhou, *On the Use of Words and N-grams for Chinese Information
Retrieval*, IRAL 2000).
"""

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise
from typing import Final

import Stemmer

LONGEST: Final = 64
_SPACELESS: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_IDENTIFIER: Final = re.compile(r"[^\W\d_]\w*|\d+")
_ANY_IDENTIFIER: Final = re.compile(rf"[{_SPACELESS}]+|[^\W\d_{_SPACELESS}][^\W{_SPACELESS}]*|\d+")
_NAME: Final = re.compile(r"\w+")
_ANY_NAME: Final = re.compile(rf"[{_SPACELESS}]+|[^\W{_SPACELESS}]+")
_RUN: Final = re.compile(rf"[{_SPACELESS}]+")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NUMBER_OR_NONE: Final = re.compile(r"\d+|\D+")
_WORDS_ALONE: Final = """
    a an and are as at be by for from if in into is it its no not of on or such that the their then there
    these they this to was will with which who when return returns self cls def none
"""
STOP: Final = frozenset(_WORDS_ALONE.split())
"""Stop words of English and of code."""
_stem = Stemmer.Stemmer("english", 0).stemWord


def identifiers(text: str) -> list[str]:
    """Names and numbers; a name begins with a letter."""
    if text.isascii():
        return _IDENTIFIER.findall(text)
    return _ANY_IDENTIFIER.findall(unicodedata.normalize("NFC", text))


def names(text: str) -> list[str]:
    """Runs of letters, digits and underscores."""
    return _NAME.findall(text) if text.isascii() else _ANY_NAME.findall(unicodedata.normalize("NFC", text))


def words(text: str) -> list[str]:
    """Splits camelCase and snake_case."""
    return [word for name in names(text) for word in words_of(name)]


@lru_cache(maxsize=65_536)
def words_of(name: str) -> tuple[str, ...]:
    """The words of one of `names` or `identifiers`."""
    if name.isascii():
        return tuple(word.lower() for part in name.split("_") if part for word in _CAMEL.split(part))
    if _RUN.fullmatch(name):
        return tuple(one + other for one, other in pairwise(name)) or (name,)
    return tuple(word.casefold() for part in name.split("_") if part for word in _CAMEL.split(part))


@lru_cache(maxsize=65_536)
def parts_of(identifier: str) -> tuple[str, ...]:
    """Its words, with numbers apart from letters."""
    return tuple(part for word in words_of(identifier) for part in _NUMBER_OR_NONE.findall(word))


@lru_cache(maxsize=65_536)
def stems_of(identifier: str) -> tuple[str, ...]:
    """The stems of its words, without stop words."""
    return tuple(_stem(part) for part in parts_of(identifier) if part not in STOP and len(part) <= LONGEST)


def stems(text: str) -> list[str]:
    return [stem for identifier in identifiers(text) for stem in stems_of(identifier)]
