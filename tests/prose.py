"""In: docs/words.toml, and paths or the pages and packages that it lists. Out: sentences that break a rule.

Reads the text of a page outside code; of a Python file the comments, docstrings and help texts.
"""

import ast
import io
import re
import sys
import tokenize
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
HELP: Final = frozenset({"help", "description", "epilog", "next"})
"""Keyword arguments whose texts a person reads."""
_CODE: Final = re.compile(
    r"^ *(?P<fence>`{3,})[^`]*?^ *(?P=fence) *$"  # a fenced block
    r"|(?P<ticks>`+)[^`]+(?P=ticks)"
    r"|<!--.*?-->|<[a-z/][^>]*>"
    r"|(?<=\])\([^)\s]*\)"  # a link's address
    r"|https?://\S+",
    re.MULTILINE | re.DOTALL,
)
_BLOCK: Final = re.compile(r"\n\s*\n|\||\n(?= *(?:[-*>#]+|\d+\.) )")
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+")
_MARKS: Final = re.compile(r"^[\s#>*_\-\d.]+(?=[A-Za-z])|[*_]{2}")


@dataclass(frozen=True)
class Rule:
    """`find`: a regular expression, without regard to case; `write`: what to say instead."""

    find: str
    write: str
    bad: str
    good: str

    def breaks(self, sentence: str) -> bool:
        return re.search(self.find, sentence, re.IGNORECASE) is not None


@dataclass(frozen=True)
class Style:
    rules: tuple[Rule, ...]
    pages: tuple[str, ...]
    packages: tuple[str, ...]

    @classmethod
    def read(cls) -> "Style":
        words = tomllib.loads((ROOT / "docs" / "words.toml").read_text())
        rules = tuple(Rule(**each) for each in words["rules"])
        return cls(rules, tuple(words["pages"]), tuple(words["packages"]))

    def files(self, names: Sequence[str] = ()) -> Iterator[Path]:
        """The named files, or those that must keep to the rules. A directory means its Python files."""
        for name in names or (*self.pages, *self.packages):
            for path in sorted(ROOT.glob(name)):
                yield from [path] if path.is_file() else sorted(path.rglob("*.py"))


def sentences(text: str, line: int = 1) -> Iterator[tuple[int, str]]:
    """Each sentence as one line, with the line that it begins on. Code is left out."""
    text = _CODE.sub(lambda found: re.sub(r"[^\n]", "·" if found["ticks"] else " ", found[0]), text)
    for block, at in _pieces(_BLOCK, text, 0):
        for sentence, begin in _pieces(_SENTENCE, block, at):
            words = _MARKS.sub("", " ".join(sentence.split()))
            if words:
                blank = len(sentence) - len(sentence.lstrip())
                yield line + text.count("\n", 0, begin + blank), words


def _pieces(separator: re.Pattern[str], text: str, at: int) -> Iterator[tuple[str, int]]:
    begin = 0
    for found in separator.finditer(text):
        yield text[begin : found.start()], at + begin
        begin = found.end()
    yield text[begin:], at + begin


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """A file's texts, each with its first line."""
    source = path.read_text()
    if path.suffix != ".py":
        yield 1, source
        return
    last, comment = 0, ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if token.start[0] != last + 1:
                yield last - comment.count("\n") + 1, comment
                comment = ""
            comment += token.string.lstrip("#!: ") + "\n"
            last = token.start[0]
    yield last - comment.count("\n") + 1, comment
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.keyword) and node.arg not in HELP:
            continue
        if isinstance(node, ast.Expr | ast.keyword):
            for part in ast.walk(node.value) if isinstance(node.value, ast.JoinedStr) else [node.value]:
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    yield part.lineno, part.value


def main(names: Sequence[str]) -> int:
    style = Style.read()
    found = [
        f"{path.relative_to(ROOT)}:{line}: {sentence}\n    write {rule.write}"
        for path in style.files(names)
        for begin, text in prose(path)
        for line, sentence in sentences(text, begin)
        for rule in style.rules
        if rule.breaks(sentence)
    ]
    sys.stdout.writelines(f"{each}\n" for each in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
