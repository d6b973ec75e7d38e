"""In: real sources and random numbers. Out: sources that nobody would write: cut, garbled, nested very
deeply."""

import random
from collections.abc import Callable, Sequence
from typing import Final

from intelligence.adapters import READERS
from intelligence.measures import findings
from intelligence.syntax.grammar import grammars

LANGUAGES: Final = (*sorted(grammars()), *sorted(READERS), "vue", "notebook", "markdown", "klingon", None)
OPENERS: Final = (
    "(",
    "[",
    "{",
    "<",
    "((",
    "{[(",
    "if (x) {",
    "[[",
    "f(",
    "<a>",
    "> ",
    "- ",
    "*a **b ",
    "!",
    "-",
    "a.b(",
)
_HUGE: Final = 5_000_000
Mutation = Callable[[random.Random, str, str], str]
"""From a random generator, a source and another one."""


def examples() -> dict[str, list[str]]:
    """The rules' examples by language: the only sources of some rare languages."""
    found: dict[str, list[str]] = {}
    for rules in findings.rule_sets():
        for language in rules.languages:
            found.setdefault(language, []).extend(text for rule in rules.rules for text in rule.positive)
    return found


def _cut(chance: random.Random, text: str, _: str) -> str:
    return text[: chance.randrange(len(text) + 1)]


def _beheaded(chance: random.Random, text: str, _: str) -> str:
    return text[chance.randrange(len(text) + 1) :]


def _spliced(chance: random.Random, text: str, other: str) -> str:
    here, start = chance.randrange(len(text) + 1), chance.randrange(len(other) + 1)
    return text[:here] + other[start : start + chance.randrange(1, 2000)] + text[here:]


def _without_a_part(chance: random.Random, text: str, _: str) -> str:
    start = chance.randrange(len(text) + 1)
    return text[:start] + text[start + chance.randrange(1, 200) :]


def _flipped(chance: random.Random, text: str, _: str) -> str:
    data = bytearray(text.encode(errors="replace"))
    for _number in range(chance.randrange(1, 40)):
        if data:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data.decode(errors="replace")


def _in_another_encoding(chance: random.Random, text: str, other: str) -> str:
    data = text.encode("utf-16") + other.encode(errors="replace")
    return data.decode(chance.choice(["utf-8", "latin-1", "cp437"]), errors="replace")


def _nested(chance: random.Random, text: str, _: str) -> str:
    here = chance.randrange(len(text) + 1)
    return text[:here] + chance.choice(OPENERS) * chance.choice([100, 1000, 10_000]) + text[here:]


def _closed(chance: random.Random, text: str, _: str) -> str:
    count = chance.choice([100, 1000, 10_000])
    left, right = chance.choice(["()", "[]", "{}"])
    return f"{text}\n{left * count}{right * count}\n"


def _indented(chance: random.Random, text: str, _: str) -> str:
    line = chance.choice(["if x:", "for x in y:", "def f():", "- a", "class A:", "> a"])
    return "\n".join(" " * depth + line for depth in range(chance.choice([50, 500, 1500]))) + "\n" + text


def _repeated_line(chance: random.Random, text: str, _: str) -> str:
    lines = text.splitlines() or [""]
    here = chance.randrange(len(lines))
    return "\n".join([*lines[:here], *[lines[here]] * chance.choice([100, 5000]), *lines[here:]])


def _minified(_: random.Random, text: str, other: str) -> str:
    return " ".join((text + other).split())


def _chained(chance: random.Random, text: str, _: str) -> str:
    joint = chance.choice(
        [" && a", " || a", " + a", " and a", ".f()", " ? a : b", ", a", " else if (a) b", "->x", "|a"]
    )
    return f"{text}\nx = a{joint * chance.choice([100, 3000, 20_000])}\n"


def _quoted(chance: random.Random, text: str, _: str) -> str:
    here = chance.randrange(len(text) + 1)
    return (
        text[:here] + chance.choice(["'", '"', "`", '"""', "/*", "<<EOF\n", "#{", "${", 'r#"']) + text[here:]
    )


def _strange(chance: random.Random, text: str, _: str) -> str:
    signs = ["\0", "\ufeff", "\u202e", "𝄞", "é" * 50, "\x1b[0m", "\r", "\u2028", "\ufffd" * 100, "\v\f"]
    for _number in range(chance.randrange(1, 20)):
        here = chance.randrange(len(text) + 1)
        text = text[:here] + chance.choice(signs) + text[here:]
    return text


def _large(chance: random.Random, text: str, _: str) -> str:
    size = chance.choice([200_000, 1_000_000, _HUGE])
    return (text + "\n") * (1 + size // (len(text) + 1)) if text else "\n" * size


def _noise(chance: random.Random, text: str, _: str) -> str:
    return chance.randbytes(chance.randrange(1, 50_000)).decode(errors="replace") + text


MUTATIONS: Final[dict[str, Mutation]] = {
    "cut": _cut,
    "beheaded": _beheaded,
    "spliced": _spliced,
    "without a part": _without_a_part,
    "flipped": _flipped,
    "in another encoding": _in_another_encoding,
    "nested": _nested,
    "closed": _closed,
    "indented": _indented,
    "repeated line": _repeated_line,
    "minified": _minified,
    "chained": _chained,
    "quoted": _quoted,
    "strange": _strange,
    "large": _large,
    "noise": _noise,
}


def mutated(chance: random.Random, texts: Sequence[str]) -> tuple[str, str]:
    """The mutation of one of `texts`, and the result."""
    text = chance.choice(texts)
    done = chance.choices(
        list(MUTATIONS), [1 if name == "large" else 8 for name in MUTATIONS], k=chance.choice([1, 1, 2, 3])
    )
    for name in done:
        text = MUTATIONS[name](chance, text, chance.choice(texts))[:_HUGE]
    return ", ".join(done), text
