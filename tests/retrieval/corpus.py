"""In: the name of an installed library. Out: its sources without docstrings, and queries made of the
docstrings.

A query is the first sentence of a function's docstring; search must find the function. Sentences that several
functions share are left out.
"""

import ast
import importlib.util
import random
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

FEWEST_WORDS = 4
_LEFT_OUT = {"_vendor", "vendor", "tests", "testing"}


class Query(NamedTuple):
    """`file` and `symbol` are the expected result."""

    text: str
    file: str
    symbol: str


@dataclass(frozen=True)
class Corpus:
    """`sources`: by file, relative to the library."""

    library: str
    sources: dict[str, str]
    queries: list[Query]
    language: str = "python"


def corpus(library: str, most: int) -> Corpus:
    """A limited number of queries, always the same."""
    sources: dict[str, str] = {}
    queries: list[Query] = []
    for file, text in _files(library):
        sources[file], removed = _without_docstrings(text)
        queries += [Query(sentence, file, symbol) for symbol, sentence in removed]
    return Corpus(library, sources, chosen(queries, most))


def chosen(queries: Sequence[Query], most: int) -> list[Query]:
    """At most this many of those with one answer, always the same."""
    said = Counter(query.text for query in queries)
    named = Counter((query.file, query.symbol) for query in queries)
    clear = [each for each in queries if said[each.text] == named[each.file, each.symbol] == 1]
    return random.Random(1).sample(clear, min(most, len(clear)))


def _files(library: str) -> Iterator[tuple[str, str]]:
    found = importlib.util.find_spec(library)
    assert found is not None and found.submodule_search_locations, f"{library} is not installed"
    root = Path(found.submodule_search_locations[0])
    for file in sorted(root.rglob("*.py")):
        name = file.relative_to(root)
        if not _LEFT_OUT.intersection(name.parts):
            yield str(name), file.read_text()


def _without_docstrings(text: str) -> tuple[str, list[tuple[str, str]]]:
    """The source without the docstrings used for queries, and these by qualified name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(text)
    removed: list[tuple[str, str]] = []
    gone: set[int] = set()
    for name, function in _functions(tree, ""):
        said = sentence(ast.get_docstring(function) or "")
        docstring = function.body[0]
        if _asks(said, function) and docstring.lineno > function.lineno:
            removed.append((name, said))
            gone.update(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
    kept = [line for number, line in enumerate(text.split("\n"), 1) if number not in gone]
    return "\n".join(kept), removed


def _functions(node: ast.AST, scope: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{scope}.{child.name}" if scope else child.name
            if not isinstance(child, ast.ClassDef):
                yield name, child
            yield from _functions(child, name)
        else:
            yield from _functions(child, scope)


def sentence(docstring: str) -> str:
    """The first sentence."""
    paragraph = " ".join(docstring.strip().split("\n\n")[0].split())
    found = re.match(r"(.+?[.!?])(\s|$)", paragraph)
    return found[1] if found else paragraph


def _asks(said: str, function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """False for an empty query, and for a name without meaning."""
    long_enough = len(said.split()) >= FEWEST_WORDS and not said.startswith((">>>", ":"))
    return long_enough and len(function.body) > 1 and not function.name.startswith("__")
