"""In: a source. Out: the functions and classes that the analyser finds in it, as the references name them.

Both sides count:

  function  a function or method with a name, wherever it is: constructors and accessors, too, and those
            declared without a body as members of a type or, in TypeScript, at all. In JavaScript and
            TypeScript also a variable, a field of a class or a property of an object that is given a
            function, also by assignment, except `exports` and `prototype` themselves.
  class     a type with a name: class, interface, struct, union, enum, record, trait; and a type alias.
            In C those with a body alone, and typedefs.
  line      where the declaration begins, with its modifiers and Java's annotations, without other
            decorators, `export` and comments. ctags says the name's line instead: for C that has to be among
            the entity's.

Nothing else is compared: neither macros nor anonymous functions and types, nor functions that a call wraps
or that a variable of another language holds.
Where a macro makes a function of C or C++, ctags takes the macro for its name, `TEST(name) {`, or sees none,
`TEST_CASE("a name") {`: what begins on such a line is left out on both sides, and so is what C++ defaults or
deletes.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from intelligence.syntax.grammar import TYPES, grammars
from intelligence.syntax.tree import parse

_WITHOUT_BODY = re.compile(r"=\s*(?:default|delete)\s*;?$")
"""The end of a C++ function without a body, which ctags reports as a declaration."""


class Named(NamedTuple):
    """A function or class; `end` is its last line, or 0 if the reference does not report it."""

    what: str
    name: str
    line: int
    end: int = 0


def found(text: str, language: str) -> list[Named] | None:
    """The analyser's results; None if it reads the text as another language."""
    tree = parse(text, language, grammars()[language])
    if tree.language != language:
        return None
    what = {"function": "function", "method": "function", **dict.fromkeys([*TYPES, "type"], "class")}
    return [
        Named(what[scope.kind], scope.name.replace(" ", "").strip("`"), scope.start_line, scope.end_line)
        for scope in tree.scopes
        if scope.kind in what
        and scope.rule.wraps is None
        and not scope.rule.path_to
        and scope.rule.text != "default"
        and scope.rule.made is None
        and not (
            language == "cpp"
            and _WITHOUT_BODY.search(tree.text[max(scope.start, scope.end - 20) : scope.end])
        )
    ]


@dataclass
class Tally:
    """Counts of one kind in one language."""

    files: int = 0
    expected: int = 0
    found: int = 0
    right: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.right / self.expected if self.expected else 1.0

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 1.0

    def add(self, path: str, expected: list[Named], ours: list[Named], *, within: bool) -> None:
        missed, extra = (_apart_within if within else _apart)(expected, ours)
        self.files += 1
        self.expected += len(expected)
        self.found += len(ours)
        self.right += len(expected) - len(missed)
        self.wrong += [f"missed {path}:{each.line} {each.what} {each.name}" for each in missed]
        self.wrong += [f"extra  {path}:{each.line} {each.what} {each.name}" for each in extra]


def _apart(expected: Iterable[Named], ours: Iterable[Named]) -> tuple[list[Named], list[Named]]:
    theirs, mine = Counter(each[:3] for each in expected), Counter(each[:3] for each in ours)
    return (
        [Named(*each) for each in (theirs - mine).elements()],
        [Named(*each) for each in (mine - theirs).elements()],
    )


def _apart_within(expected: Iterable[Named], ours: Iterable[Named]) -> tuple[list[Named], list[Named]]:
    """The expected line must be within an entity; the innermost one matches."""
    missed, left = [], list(ours)
    for each in expected:
        around = [mine for mine in left if mine[:2] == each[:2] and mine.line <= each.line <= mine.end]
        if around:
            left.remove(max(around, key=lambda mine: mine.line))
        else:
            missed.append(each)
    return missed, left
