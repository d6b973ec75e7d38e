"""In: an indexed library. Out: the names in it and their meanings, as its precise indexer knows them.

Both indexers are written in TypeScript: their columns count UTF-16 code units, whatever the index says.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final, NamedTuple

from tests.references import scip
from tests.references.libraries import Indexed
from tests.references.syntax import Mention, Syntax, Target

_CONSTRUCTORS: Final = ("__init__().", "`<constructor>`().")
_LAST: Final = re.compile(r"(`[^`]*`|[\w$+\-]+)(\([^()]*\)\.|[#./:!])$")
"""The last descriptor of a symbol and its suffix (grammar of `Symbol` in scip.proto). Parameters end in `)`,
type parameters in `]`."""


class Place(NamedTuple):
    """Where a symbol is declared. `line` counts from 1 and is that of its name."""

    path: str
    line: int
    name: str


class Known(NamedTuple):
    """A name in the library and its meaning. `targets`: its declarations in the library; `target` is None if
    they are locals, parameters or modules. `elsewhere`: it is declared outside of the library. Without
    either, the indexer does not know."""

    path: str
    line: int
    name: str
    kind: Mention
    targets: frozenset[Place]
    target: Target | None
    elsewhere: bool


def known(of: Indexed) -> list[Known]:
    return _Reader(of).known()


class _Reader:
    def __init__(self, of: Indexed) -> None:
        self._documents = [each for each in scip.read(of.index) if each.path in of.sources]
        self._lines = {path: text.split("\n") for path, text in of.sources.items()}
        self._syntax = {path: Syntax(text, _parser(path)) for path, text in of.sources.items()}
        self._places: dict[tuple[str, str], set[Place]] = defaultdict(set)
        self._kinds: dict[str, Target] = {}
        self._package = of.library.name
        for document in self._documents:
            for each in document.occurrences:
                if each.is_definition or self._is_declared_again(document.path, each):
                    self._define(document.path, each)

    def known(self) -> list[Known]:
        found = []
        for document in self._documents:
            at: dict[tuple[int, int, int], list[str]] = defaultdict(list)
            for each in document.occurrences:
                if not each.is_definition and each.line == each.end_line:
                    at[each.line, each.column, each.end_column].append(each.symbol)
            found += [self._known(document.path, *where, symbols) for where, symbols in at.items()]
        return found

    def _define(self, path: str, at: scip.Occurrence) -> None:
        name, column = self._name(path, at.line, at.column, at.end_column)
        self._places[_scope(path, at.symbol), at.symbol].add(Place(path, at.line + 1, name))
        if (kind := _kind(at.symbol)) is not None:
            held = self._syntax[path].value_kind(at.line, column) if kind == "value" else kind
            self._kinds.setdefault(at.symbol, held)

    def _is_declared_again(self, path: str, at: scip.Occurrence) -> bool:
        """scip-python takes the first of several definitions or assignments for the definition: of overloads,
        of a property and its setter, of the branches of a condition. Each of them may be ours."""
        if at.line != at.end_line or not path.endswith(".py") or not self._is_own(at.symbol):
            return False
        syntax, (name, column) = self._syntax[path], self._name(path, at.line, at.column, at.end_column)
        again = syntax.mention(at.line, column) == "declare" or syntax.is_assigned(at.line, column)
        return again and _descriptor(at.symbol) == name

    def _name(self, path: str, line: int, column: int, end: int) -> tuple[str, int]:
        """The text at a range, and its column in characters."""
        units = self._lines[path][line].encode("utf-16-le")
        before, name = units[: 2 * column], units[2 * column : 2 * end]
        return name.decode("utf-16-le"), len(before.decode("utf-16-le"))

    def _known(self, path: str, line: int, column: int, end: int, symbols: Iterable[str]) -> Known:
        name, at = self._name(path, line, column, end)
        kind = self._syntax[path].mention(line, at)
        symbols = [each for each in symbols if not self._is_mistaken(path, each, name, line, at)]
        targets = frozenset(place for each in symbols for place in self._targets(path, each, name))
        kinds = [self._kinds.get(each) for each in symbols]
        target = None if not kinds or None in kinds else kinds[0]
        elsewhere = bool(symbols) and not targets and not any(map(self._is_inside, symbols))
        return Known(path, line + 1, name, kind, targets, target, elsewhere)

    def _is_mistaken(self, path: str, symbol: str, name: str, line: int, column: int) -> bool:
        """scip-python takes the class for an attribute that `__slots__` or a named tuple declares, and a
        builtin for an attribute of its name."""
        if not path.endswith(".py") or not self._syntax[path].is_member(line, column):
            return False
        return _descriptor(symbol) not in {name, None} or symbol.rstrip("#().").endswith(f" builtins/{name}")

    def _targets(self, path: str, symbol: str, name: str) -> set[Place]:
        """A class and its constructor are one target where the name is the class's."""
        found = set(self._places.get((_scope(path, symbol), symbol), ()))
        owner = next((symbol.removesuffix(each) for each in _CONSTRUCTORS if symbol.endswith(each)), symbol)
        if owner.endswith("#") and name not in {"__init__", "constructor"}:
            for each in ("", *_CONSTRUCTORS):
                found |= self._places.get(("", owner + each), set())
        return found

    def _is_inside(self, symbol: str) -> bool:
        return symbol.startswith("local ") or self._is_own(symbol)

    def _is_own(self, symbol: str) -> bool:
        """Whether the symbol is global and of the library."""
        return not symbol.startswith("local ") and symbol.split(" ")[2] == self._package


def _scope(path: str, symbol: str) -> str:
    return path if symbol.startswith("local ") else ""


def _descriptor(symbol: str) -> str | None:
    """The last name of a global symbol."""
    last = _LAST.search(symbol)
    return last[1].strip("`") if last is not None else None


def _parser(path: str) -> str:
    return {"py": "python", "ts": "typescript", "tsx": "tsx"}[path.rpartition(".")[2]]


def _kind(symbol: str) -> Target | None:
    """None for locals, parameters, type parameters and modules."""
    last = _LAST.search(symbol)
    if symbol.startswith("local ") or last is None or last[0] == "__init__:":
        return None
    kinds: dict[str, Target] = {"#": "type", ".": "value", ":": "value", "(": "function"}
    return kinds.get(last[2][0])
