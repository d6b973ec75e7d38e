"""In: a notebook. Out: its visible text and, on the same lines, the code of its kernel and the prose.

IPython commands are not Python and are read as `pass`; a cell in another language (`%%bash`) is text.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from archon.contracts.identity import KNOWN_LANGUAGES, language_named
from archon.contracts.text import notebooks
from archon.contracts.text.languages import language_in
from archon.contracts.text.notebooks import Cell, Line
from intelligence.syntax.grammar import grammars
from intelligence.syntax.tree import parse

_KERNELS: Final = {"ir": "r", "xpython": "python", "tslab": "typescript", "jslab": "javascript"}
_VERSION: Final = re.compile(r"[-\d.]+$")
_SAME_LANGUAGE: Final = re.compile(r"%%(?:capture|memit|mprun|prun|time|timeit|snakeviz)\b")
_OTHER_LANGUAGE: Final = re.compile(r"\s*%%\w")
_COMMAND: Final = re.compile(r"^([ \t]*)(?:%%?\w|!|\?|[\w.]+\?\??[ \t]*$|(?:conda|pip) install\b).*$")
_ASSIGNED: Final = re.compile(r"^([ \t]*[\w., ]+=[ \t]*)[%!].*$")


_Shown = Sequence[tuple[Cell, Sequence[Line]]]


class Text(NamedTuple):
    """`whole`, `code` and `prose` have the same lines; `numbers` are their line numbers in the file. `unread`
    counts code lines outside `code`: cells that would break the others."""

    whole: str
    code: str
    prose: str
    language: str
    numbers: Sequence[int]
    unread: int
    broken: bool


def read(text: str) -> Text:
    """All fields are empty if there are no cells."""
    notebook = notebooks.read(text)
    cells = notebooks.rendered(notebook)
    language = _language(notebook.language, cells)
    code, unread = _code(cells, language)
    return Text(
        whole=_joined(cells, cells),
        code=code,
        prose=_joined(cells, [each for each in cells if each[0].kind == "markdown"]),
        language=language,
        numbers=[line.number for _, lines in cells for line in lines],
        unread=unread,
        broken=notebook.broken,
    )


def _language(kernel: str | None, cells: _Shown) -> str:
    """Most notebooks are in Python, also truncated ones without metadata."""
    if kernel is None:
        return language_in("\n".join(line.text for _, lines in cells for line in lines)) or "python"
    name = kernel.strip().lower()
    named = _KERNELS.get(name) or language_named(name)
    return named if named in KNOWN_LANGUAGES else language_named(_VERSION.sub("", name))


def _code(cells: _Shown, language: str) -> tuple[str, int]:
    """The code, and the number of omitted lines; empty if the language has no grammar."""
    if language not in grammars():
        return "", 0
    code = [(cell, _plain(lines, language)) for cell, lines in cells if cell.kind == "code"]
    whole = _joined(cells, code)
    if not (tree := parse(whole, language, grammars()[language])).misses:
        return whole, 0
    sound = [(cell, lines) for cell, lines in code if not _misses(lines, language)]
    without = _joined(cells, sound)
    names = {scope.qualified_name for scope in parse(without, language, grammars()[language]).scopes}
    if names <= {scope.qualified_name for scope in tree.scopes}:
        return whole, 0
    return without, sum(len(lines) - 1 for _, lines in code) - sum(len(lines) - 1 for _, lines in sound)


def _misses(lines: Sequence[Line], language: str) -> bool:
    return bool(parse("\n".join(line.text for line in lines), language, grammars()[language]).misses)


def _joined(cells: _Shown, kept: _Shown) -> str:
    """The lines of the selected cells; the lines of other cells become empty."""
    texts = {id(cell): [line.text for line in lines] for cell, lines in kept}
    return "\n".join(text for cell, lines in cells for text in texts.get(id(cell), [""] * len(lines)))


def _plain(lines: Sequence[Line], language: str) -> Sequence[Line]:
    """A cell's code without notebook commands."""
    first = next((line.text for line in lines if line.text.strip()), "")
    if _OTHER_LANGUAGE.match(first) and not _SAME_LANGUAGE.match(first.strip()):
        return [line._replace(text="") for line in lines]
    if language != "python":
        return [line._replace(text="") if line.text.startswith("%") else line for line in lines]
    return [
        line._replace(text=_ASSIGNED.sub(r"\1None", _COMMAND.sub(r"\1pass", line.text))) for line in lines
    ]
