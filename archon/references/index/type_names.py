"""In: a document's code map. Out: the names of the types of its variables, and names that stand for others.

By this document alone: nothing is resolved here. So the name of a variable's type may be that of a function
that gives an instance, and the type may have another name where it is declared.
"""

from collections.abc import Collection, Iterator
from functools import cached_property
from typing import Final

from archon.contracts.code.references import Reference, Typed
from archon.references.index.document import CALLS, OUTSIDE, VARIABLES, Document, plain

PYTHON: Final = frozenset({"python", "notebook"})
"""Languages of documents that import each other as Python modules."""
ANYTHING: Final = "?"
"""The name that has another one stand for it which may mean any type."""
DEFAULT: Final = "default"
"""The name of an export without a name; each document that imports it chooses one."""
ELEMENTS: Final = frozenset(
    [
        "get",
        "pop",
        "popleft",
        "setdefault",
        "at",
        "find",
        "shift",
        "first",
        "last",
        "peek",
        "poll",
        "remove",
        "getOrDefault",
    ]
)
WHOLE: Final = frozenset(
    [
        "values",
        "copy",
        "filter",
        "slice",
        "sort",
        "sorted",
        "reverse",
        "reversed",
        "stream",
        "iterator",
        "toList",
    ]
)
"""Methods of collections that give an element, or a collection of the same elements."""
_GIVING: Final = ELEMENTS | WHOLE
_INSTANCES: Final = frozenset(["self", "this", "Self", "cls", "super", "parent", "base", "$this", "static"])
"""Names that mean the present instance, its type or its bases in some language."""
_OF_VALUES: Final = CALLS | {"use"}
"""Kinds of references that are looked up within their declaration."""
_ENTERED: Final = ".__enter__"


class TypeNames:
    """Of the variables of a document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._imported = {each.local for each in document.code.bindings}
        self._typed = {_last(each.name) for each in document.code.typed}

    @cached_property
    def imported(self) -> Collection[str]:
        """Names that a Python document imports as they are, and knows as nothing else."""
        code = self._document.code
        if self._document.language not in PYTHON:
            return ()
        others = {each.local for each in code.bindings if each.name != each.local or not each.module}
        others |= {each.name for each in code.declarations} | self._typed | _INSTANCES
        return {name for scope, name in self._document.imported if scope == OUTSIDE} - others

    def of_variable(self, reference: Reference) -> Collection[str]:
        """The last names of the types of a variable whose member a reference mentions; empty if it may be
        something else than an instance of these."""
        variable, _, name = reference.name.partition(".")
        if not (name.isidentifier() and variable.isidentifier() and reference.kind in _OF_VALUES):
            return ()
        document, key = self._document, (reference.source, variable)
        is_sure = (
            key in document.typed
            and key not in document.children
            and variable not in self._imported
            and variable not in _INSTANCES
            and _is_function(document, reference.source)
        )
        types = [self._type(each) for each in document.typed[key]] if is_sure else ()
        return types if all(types) else ()

    def _type(self, typed: Typed) -> str:
        first, dot, _ = typed.type.partition(".")
        is_sure = not (
            typed.value or (typed.made and dot) or first in self._typed or first in _INSTANCES
        ) and _is_path(typed.type)
        return _last(typed.type) if is_sure else ""


def _is_function(document: Document, source: int) -> bool:
    return source == OUTSIDE or not (
        document.is_type(source) or document.code.declarations[source].kind in VARIABLES
    )


def standing_for(document: Document) -> Iterator[tuple[str, str]]:
    """Names, each with another one that stands for it."""
    code = document.code
    bases = {_last(each.name) for each in code.references if each.kind == "inherit"}
    for binding in code.bindings:
        if binding.local not in ("", binding.name) and binding.name not in ("", "*", DEFAULT):
            yield binding.name, binding.local
    for declaration in code.declarations:
        if declaration.exported not in (None, declaration.name):
            yield declaration.name, declaration.exported
        if declaration.returns:
            yield from _source_of(declaration.returns, declaration.name)
    for typed in code.typed:
        name, of = _last(typed.name), typed.source
        if not name:
            yield from _source_of(typed.type, code.declarations[of].name if of != OUTSIDE else "")
            continue
        is_visible = of == OUTSIDE or name in bases or not _is_function(document, of)
        if is_visible and (typed.value or typed.type.endswith(_ENTERED)):
            yield from _source_of(typed.type.removesuffix(_ENTERED), name)


def _source_of(text: str, name: str) -> Iterator[tuple[str, str]]:
    """What `name` stands for, whose type or value is `text`: nothing if that is the result of a call."""
    last = _last(text.lstrip("[]{}"))
    if last in _INSTANCES or (plain(last) in _GIVING and not last.endswith("()")):
        yield ANYTHING, name
    elif last.replace("$", "_").isidentifier():
        yield last, name


def _is_path(text: str) -> bool:
    return all(each.isidentifier() for each in text.split("."))


def _last(path: str) -> str:
    return path.rpartition(".")[2]
