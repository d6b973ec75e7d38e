"""In: TOML. Out: its tables and keys by path (TOML 1.0), without those of inline tables."""

import re
from typing import Final

from intelligence.adapters.outline import Item, Outline

_TOKEN: Final = re.compile(
    r'"""(?:\\.|[^\\])*?(?:"""|\Z)'
    r"|'''.*?(?:'''|\Z)"
    r'|"(?:\\.|[^"\\\n])*"?'
    r"|'[^'\n]*'?"
    r"|\#[^\n]*|\n|[ \t\r]+|[\[\]{}=,]|[^\s\"'\#\[\]{}=,]+",
    re.DOTALL,
)
_PART: Final = re.compile(r'"((?:\\.|[^"\\])*)"|\'([^\']*)\'|([^.\s"\']+)')


class _Reader:
    def __init__(self) -> None:
        self.found = Outline()
        self._line = 1
        self._depth = 0
        self._head: list[str] = []
        self._key: Item | None = None
        self._tables: dict[tuple[str, ...], Item] = {}
        self._table: Item | None = None

    def take(self, token: str) -> None:
        """Reads one token. The head of a line is the part before its `=`, or a whole table header."""
        if token == "\n":  # noqa: S105
            self._end_line()
        elif self._key is not None:
            self._depth += (token in {"[", "{"}) - (token in {"]", "}"})
        elif token == "=":  # noqa: S105
            self._begin_value()
        elif not token.startswith("#"):
            self._head.append(token)
        self._line += token.count("\n")

    def _begin_value(self) -> None:
        parts = _parts("".join(self._head))
        self._head = []
        self._depth = 0
        if not parts:
            self.found.miss()
        # The value of a key without a name belongs to no entity.
        self._key = self.found.add("key", ".".join(parts) or "=", self._line, self._table)

    def _end_line(self) -> None:
        if self._key is not None:
            self._key.end_line = self._line
            if self._table is not None:
                self._table.end_line = self._line
            if self._depth <= 0:
                self._key = None
            return
        head = "".join(self._head).strip()
        self._head = []
        if head.startswith("[") and head.endswith("]"):
            self._open_table(_parts(head.strip("[] \t")))
        elif head:
            self.found.miss()

    def _open_table(self, parts: list[str]) -> None:
        """A table inside another open table is its child."""
        for length in range(len(parts) - 1, 0, -1):
            if (parent := self._tables.get(tuple(parts[:length]))) is not None:
                break
        else:
            length, parent = 0, None
        self._table = self.found.add("table", ".".join(parts[length:]), self._line, parent)
        self._tables[tuple(parts)] = self._table


def read(text: str) -> Outline:
    """Reads a broken document as far as possible."""
    reader = _Reader()
    for match in _TOKEN.finditer(text):
        reader.take(match[0])
    reader.take("\n")
    return reader.found


def _parts(key: str) -> list[str]:
    return ["".join(part or "" for part in match.groups()) for match in _PART.finditer(key[:1000])]
