"""In: a seed, a mean size and numbers. Out: different source files, the same ones every time.

A file consists of blocks from `templates/LANGUAGE.SUFFIX.txt`. The first block opens it, the others follow at
random with generated names, up to a size that is distributed like real file sizes: many small, few large.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from typing import Final

SMALLEST: Final = 512
"""Bytes; the opening of every language fits into this size."""
_SPREAD: Final = 0.5
"""Standard deviation of the logarithm of a size."""
_LARGEST: Final = 4
"""Largest size, as a multiple of the mean."""
_WEIGHTS: Final = {"python": 60, "typescript": 15, "javascript": 7, "go": 7, "java": 6, "markdown": 5}
_TEMPLATES: Final = Path(__file__).parent / "templates"
_VERBS, _NOUNS, _ADJECTIVES = (
    words.split()
    for words in (
        "load merge count rank split build parse price check route fetch store sort join plan",
        "order stock price cart label parcel refund tax batch token region quota invoice shelf",
        "open late stale nested partial local urgent sorted signed spare weekly remote",
    )
)
WORDS: Final = (_VERBS, _NOUNS, _ADJECTIVES)
"""Words for generated names."""


@dataclass(frozen=True)
class Generated:
    """A generated file; `text` is ASCII, so its length is its size in bytes."""

    path: str
    language: str
    text: str


@dataclass(frozen=True)
class _Language:
    suffix: str
    opening: Template
    blocks: tuple[Template, ...]

    @property
    def comment(self) -> str:
        return {"py": "# {}", "md": "<!-- {} -->"}.get(self.suffix, "// {}")


def generate(seed: str, count: int, size: int) -> Iterator[Generated]:
    """`count` files with a mean size of `size` bytes, each at least SMALLEST."""
    return (document(seed, number, size) for number in range(count))


def document(seed: str, number: int, size: int) -> Generated:
    """The file with this number; independent of all other files."""
    rng = random.Random(f"{seed}\0{number}\0{size}")
    name = rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
    language = _languages()[name]
    path = f"{rng.choice(_NOUNS)}/{rng.choice(_VERBS)}_{number:06}.{language.suffix}"
    return Generated(path, name, _text(language, f"{seed} {number}", rng, _bytes(size, rng)))


def _bytes(mean: int, rng: random.Random) -> int:
    """A log-normal size with this mean (ignoring the bounds)."""
    drawn = rng.lognormvariate(math.log(mean) - _SPREAD**2 / 2, _SPREAD)
    return max(SMALLEST, min(round(drawn), mean * _LARGEST))


def _text(language: _Language, title: str, rng: random.Random, size: int) -> str:
    """Blocks as long as they fit, then comments to fill up to exactly `size`."""
    text = language.comment.format(title) + "\n" + language.opening.substitute(_names(rng, 0, "str"))
    called = "str"
    for number in range(1, size):
        names = _names(rng, number, called)
        block = "\n\n" + rng.choice(language.blocks).substitute(names)
        if len(text) + len(block) > size:
            break
        text += block
        called = str(names["name" if language.suffix == "py" else "camel"])
    return _filled(text, language.comment, rng, size)


def _filled(text: str, comment: str, rng: random.Random, size: int) -> str:
    while (left := size - len(text)) > 0:
        words = " ".join(rng.choices(_NOUNS, k=10))
        text += ("\n" + comment.format(words)[: left - 1]) if left > 1 else "\n"
    return text


def _names(rng: random.Random, number: int, called: str) -> dict[str, str | int]:
    verb, noun, other = rng.choice(_VERBS), *rng.sample(_NOUNS, 2)
    name = f"{verb}_{noun}_{number}"
    capitalised = "".join(part.capitalize() for part in name.split("_"))
    return {
        "name": name,
        "Name": capitalised,
        "camel": capitalised[0].lower() + capitalised[1:],
        "noun": noun,
        "other": other,
        "adjective": rng.choice(_ADJECTIVES),
        "number": rng.randrange(2, 100),
        "called": called,
    }


@cache
def _languages() -> dict[str, _Language]:
    found = {}
    for path in sorted(_TEMPLATES.glob("*.txt")):
        name, suffix, _ = path.name.split(".")
        opening, *blocks = map(Template, path.read_text().split("===\n"))
        found[name] = _Language(suffix, opening, tuple(blocks))
    return found
