"""In: a source. Out: the source for its parser: equally long, line for line, without text that the parser
does not know."""

import re
from collections.abc import Sequence
from functools import partial
from typing import Final

from intelligence.syntax.grammar import Grammar, Rewrite

_WITHIN_LINE: Final = re.compile(r"[^\n]")
_BRACE: Final = re.compile(r"[{}]")


def readable(text: str, grammar: Grammar) -> str:
    """The source for the first look."""
    if grammar.blank is not None:
        text = grammar.blank.sub(lambda found: _filled(found[0], " "), text)
    return rewritten(text, grammar.rewrites)


def rewritten(text: str, rewrites: Sequence[Rewrite]) -> str:
    for rewrite in rewrites:
        if rewrite.words and not any(word in text for word in rewrite.words):
            continue
        if rewrite.closes:
            text = _without_closing(text, rewrite)
        text = rewrite.of.sub(partial(_replaced, rewrite=rewrite), text)
    return text


def _replaced(found: re.Match[str], rewrite: Rewrite) -> str:
    group = 1 if found.re.groups and found.start(1) >= 0 else 0
    start, end = (position - found.start() for position in found.span(group))
    filled = rewrite.by * (end - start) if rewrite.joins else _filled(found[group], rewrite.by)
    return found[0][:start] + filled + found[0][end:]


def _filled(text: str, by: str) -> str:
    if len(by) == 1:
        return _WITHIN_LINE.sub(by, text)
    return by + _WITHIN_LINE.sub(" ", text)[len(by) :]


def _without_closing(text: str, rewrite: Rewrite) -> str:
    """Braces in strings and comments count too; if they are unbalanced, the text stays not understood."""
    openings = {found.end() - 1 for found in rewrite.of.finditer(text)}
    open_: list[int] = []
    characters = list(text)
    for brace in _BRACE.finditer(text) if openings else ():
        if brace[0] == "{":
            open_.append(brace.start())
        elif open_ and open_.pop() in openings:
            characters[brace.start()] = " "
    return "".join(characters)
