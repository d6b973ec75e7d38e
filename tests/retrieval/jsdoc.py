"""In: the name and version of an npm package. Out: its JavaScript without the comments above functions, and
queries made of these comments.

A query is the first sentence of a function's JSDoc; search must find the function. npm gets the package into
a cache.
"""

import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from archon.contracts.analysis import Entity
from intelligence.analysis import code
from intelligence.syntax.grammar import grammars
from intelligence.syntax.tree import parse
from tests.retrieval.corpus import FEWEST_WORDS, Corpus, Query, chosen, sentence

CACHE: Final = Path(tempfile.gettempdir()) / "archon-retrieval-npm"
_SUFFIXES: Final = {".js", ".mjs", ".cjs"}
_LEFT_OUT: Final = {
    *("dist", "build", "bundle", "bundles", "umd", "min", "vendor", "vendors", "node_modules"),
    *("test", "tests", "examples", "benchmark", "fixtures"),
}
_LONGEST_LINE: Final = 1000
_MOST_CHARACTERS: Final = 300_000
"""A file with a longer line or more text is generated."""
_FUNCTIONS: Final = {"function", "method"}


def corpus(package: str, most: int) -> Corpus:
    """`package`: `name@version`. A limited number of queries, always the same. Raises CalledProcessError if
    npm cannot get it."""
    sources: dict[str, str] = {}
    queries: list[Query] = []
    for file, text in _files(_fetched(package)):
        sources[file], removed = _without_comments(text)
        queries += [Query(said, file, symbol) for symbol, said in removed]
    return Corpus(package, sources, chosen(queries, most), "javascript")


def _fetched(package: str) -> Path:
    place = CACHE / package.replace("/", "+")
    if not place.exists():
        with tempfile.TemporaryDirectory() as temporary:
            command = [
                "npm",
                "pack",
                "--silent",
                "--ignore-scripts",
                f"--pack-destination={temporary}",
                package,
            ]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            (archive,) = Path(temporary).glob("*.tgz")
            with tarfile.open(archive) as packed:
                packed.extractall(Path(temporary) / "out", filter="data")
            (root,) = (Path(temporary) / "out").iterdir()
            CACHE.mkdir(exist_ok=True)
            shutil.move(root, place)
    return place


def _files(root: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(root.rglob("*")):
        name = file.relative_to(root)
        if file.suffix not in _SUFFIXES or ".min." in file.name or _LEFT_OUT.intersection(name.parts):
            continue
        text = file.read_text(errors="replace")
        if len(text) <= _MOST_CHARACTERS and max(map(len, text.split("\n"))) <= _LONGEST_LINE:
            yield str(name), text


def _without_comments(text: str) -> tuple[str, list[tuple[str, str]]]:
    """The source without the comments used for queries, and their sentences by qualified name."""
    lines = text.split("\n")
    removed: list[tuple[str, str]] = []
    gone: set[int] = set()
    for entity in code.entities(parse(text, "javascript", grammars()["javascript"])):
        comment = _comment_above(lines, entity.start_line - 1)
        said = sentence(entity.documentation or "")
        if comment and _asks(said, entity):
            removed.append((entity.qualified_name, said))
            gone.update(comment)
    return "\n".join(line for number, line in enumerate(lines) if number not in gone), removed


def _comment_above(lines: list[str], start: int) -> range | None:
    """The lines, from 0, of the JSDoc that ends on the line before `start`."""
    if start == 0 or not lines[start - 1].rstrip().endswith("*/"):
        return None
    for number in range(start - 1, -1, -1):
        if "/*" in lines[number]:
            return range(number, start) if lines[number].lstrip().startswith("/**") else None
    return None


def _asks(said: str, entity: Entity) -> bool:
    long_enough = len(said.split()) >= FEWEST_WORDS and re.match(r"[A-Za-z`'\"]", said) is not None
    return long_enough and entity.kind in _FUNCTIONS and entity.name != "constructor"
