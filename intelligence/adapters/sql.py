"""In: SQL of any dialect. Out: the tables, views and functions that it creates, and the names that it refers
to.

Reads tokens instead of a grammar: dialects differ, but all write `CREATE ... TABLE name` and `REFERENCES
name`.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from intelligence.adapters.outline import Item, Outline

_TOKEN: Final = re.compile(
    r"--[^\n]*|/\*.*?(?:\*/|\Z)"
    r"|(?P<string>'(?:''|[^'])*(?:'|\Z)|\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z))"
    r'|(?P<name>"[^"\n]*"?|`[^`\n]*`?|\[\w[^\]\n]*\]|[^\W\d][\w$]*)'
    r"|(?P<other>[;.,()])",
    re.DOTALL,
)
_KINDS: Final = {
    "TABLE": "table",
    "VIEW": "view",
    "FUNCTION": "function",
    "PROCEDURE": "procedure",
    "TRIGGER": "trigger",
    "INDEX": "index",
    "TYPE": "type",
    "SEQUENCE": "sequence",
    "SCHEMA": "schema",
}
_REFERRING: Final = frozenset({"REFERENCES", "FROM", "JOIN"})
_NO_NAME: Final = frozenset({"AS", "CONCURRENTLY", "EXISTS", "IF", "LATERAL", "NOT", "ON", "ONLY", "SELECT"})
_BETWEEN: Final = 8
"""Maximum number of words between CREATE and the kind."""


class Token(NamedTuple):
    """`word`: in upper case, empty for a quoted name."""

    text: str
    word: str
    start: int
    end: int


class _Statement:
    """Reads one statement, token by token."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._words = 0
        self._creates = False
        self._kind: str | None = None
        self._after: str | None = None
        self._name: list[str] = []
        self._dotted = False
        self._referred: set[str] = set()
        self._signature_start = 0
        self.item: Item | None = None

    def take(self, token: Token, found: Outline, line: int) -> None:
        """Looks for a name after CREATE and a kind, or after a referring keyword."""
        if self._name and not self._dotted and token.text != ".":
            self._finish_name(found, line)
        if token.text == "." and self._name:
            self._dotted = True
        elif self._dotted or (self._after is not None and token.word not in _NO_NAME and _is_name(token)):
            self._name.append(token.text.strip('"`[]'))
            self._dotted = False
        elif self._after is not None and not _is_name(token):
            self._after = None
        else:
            self._take_word(token)
        self._words += 1

    def _take_word(self, token: Token) -> None:
        if self._words == 0 and token.word in {"CREATE", "ALTER"}:
            self._creates = True
            self._signature_start = token.start
        elif self._creates and self._kind is None and self._words <= _BETWEEN and token.word in _KINDS:
            self._kind = self._after = token.word
        elif self._kind is not None and token.word in _REFERRING:
            self._after = token.word

    def _finish_name(self, found: Outline, line: int) -> None:
        name = ".".join(part for part in self._name if part)
        self._name = []
        if self._after in _KINDS and self.item is None:
            self._make(found, name, line)
        elif self.item is not None and name not in self._referred:
            self._referred.add(name)
            found.add("reference", name, line, self.item)
        self._after = None

    def _make(self, found: Outline, name: str, line: int) -> None:
        start = self._text[self._signature_start : self._signature_start + 5].upper()
        if start == "ALTER":
            self.item = Item(_KINDS[self._kind or "TABLE"], name, line, line)
            self.item.path = name
            return
        self.item = found.add(_KINDS[self._kind or "TABLE"], name, line)


def _is_name(token: Token) -> bool:
    return bool(token.word) or token.text[:1] in '"`['


def read(text: str) -> Outline:
    """Reads every statement."""
    found = Outline()
    statement = _Statement(text)
    line, position, last = 1, 0, 1
    for token in _tokens(text):
        line, position = line + text.count("\n", position, token.start), token.start
        statement.take(token, found, last)
        last = line
        if token.text == ";":
            if statement.item is not None:
                statement.item.end_line = line
            statement = _Statement(text)
    statement.take(Token(";", "", len(text), len(text)), found, last)
    if statement.item is not None:
        statement.item.end_line = last
    return found


def _tokens(text: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(text):
        if match.lastgroup is None:
            continue
        name = match["name"]
        word = name.upper() if name and name[0] not in '"`[' else ""
        yield Token(match[0] if match["string"] is None else "''", word, match.start(), match.end())
