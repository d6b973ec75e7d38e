"""In: Markdown. Out: its headings, links and code blocks as entities (CommonMark, by markdown-it)."""

import io
import re
from collections import Counter
from itertools import islice
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from archon.contracts.analysis import Entity
from archon.contracts.text.lines import count_lines

NAME_CHARACTERS = 200
MOST_LINES: Final = 50_000
"""Maximum number of lines to parse: each may need two kilobytes during parsing."""
_FRONT_MATTER: Final = re.compile(r"\A---[ \t]*\n(?:.*\n)*?---[ \t]*(?:\n|\Z)")
"""YAML for site generators; CommonMark would read it as a rule and a heading."""


def entities(text: str, most: int) -> list[Entity]:
    """The first `most` entities, in order of appearance. A heading's qualified name is its path from the top,
    joined by ` > `. Lines beyond MOST_LINES are ignored."""
    collector = _Collector(max(1, count_lines(text)))
    text = "".join(islice(io.StringIO(text, newline=""), MOST_LINES))
    text = _FRONT_MATTER.sub(lambda found: "\n" * found[0].count("\n"), text)
    tokens = MarkdownIt("commonmark").parse(text)
    for position, token in enumerate(tokens):
        if collector.count >= most:
            break
        if token.type == "heading_open":
            collector.heading(int(token.tag[1:]), tokens[position + 1].content, token)
        elif token.type == "inline":
            collector.links(token)
        elif token.type in {"fence", "code_block"}:
            collector.add("code_block", token.info.split(" ")[0].strip() or "text", token)
    return collector.finished()[:most]


class _Collector:
    def __init__(self, lines: int) -> None:
        self._lines = lines
        self._path: list[tuple[int, str]] = []
        self._found: list[Entity] = []
        self._open: list[tuple[int, Entity]] = []
        self._seen: Counter[tuple[str, str]] = Counter()

    @property
    def count(self) -> int:
        return len(self._found)

    def heading(self, level: int, title: str, token: Token) -> None:
        start = token.map[0] if token.map else 0
        self._close(level, start)
        self._path = [item for item in self._path if item[0] < level]
        entity = self.add("heading", title.strip() or "untitled", token)
        self._path.append((level, entity.name))
        self._open.append((level, entity))

    def links(self, token: Token) -> None:
        for child in token.children or []:
            href = child.attrGet("href") if child.type == "link_open" else None
            if isinstance(href, str) and href:
                self.add("link", href, token)

    def add(self, kind: str, name: str, token: Token) -> Entity:
        start, end = token.map or [0, 1]
        name = name[:NAME_CHARACTERS]
        qualified = " > ".join([*(title for _, title in self._path), name])
        ordinal = self._seen[kind, qualified]
        self._seen[kind, qualified] += 1
        entity = Entity(
            kind=kind,
            name=name,
            qualified_name=qualified,
            ordinal=ordinal,
            start_line=start + 1,
            end_line=max(start + 1, end),
        )
        self._found.append(entity)
        return entity

    def finished(self) -> list[Entity]:
        self._close(0, self._lines)
        return self._found

    def _close(self, level: int, line: int) -> None:
        """A section ends at the next heading of its level or above."""
        while self._open and self._open[-1][0] >= level:
            _, entity = self._open.pop()
            entity.end_line = max(entity.start_line, line)
