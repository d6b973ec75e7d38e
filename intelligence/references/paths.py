"""In: expressions and annotations. Out: how they are reached from names, and their types as far as the
syntax shows them."""

from collections.abc import Sequence
from typing import Final

from ast_grep_py import SgNode

from intelligence.references.scopes import UNKNOWN, Typing
from intelligence.references.types import main_type
from intelligence.syntax.grammar import Part, References
from intelligence.syntax.nodes import Tree, child_of

PATH_CHARACTERS: Final = 200
NAME: Final = 120
_PATH_DEPTH: Final = 12
_CHOICES: Final = 2


class Paths:
    """Of one source."""

    def __init__(self, tree: Tree, rules: References) -> None:
        self.tree = tree
        self.text = tree.text
        self.rules = rules
        self._names = frozenset(rules.names)
        self._selves = frozenset(rules.selves)
        self._through = frozenset(rules.through)
        self._values = frozenset(rules.values)

    def path(self, node: SgNode, depth: int = 0) -> str:
        """How an expression is reached from a name; `?` if it is not, empty if no document declares its
        members."""
        kind = node.kind()
        if kind in self._names or kind in self._selves:
            return self.name_of(node)
        if kind in self._values:
            return ""
        return self._path_of(node, kind, depth + 1) if depth <= _PATH_DEPTH else UNKNOWN

    def _path_of(self, node: SgNode, kind: str, depth: int) -> str:
        rules, found = self.rules, UNKNOWN
        if kind in rules.members:
            object_, name = (child_of(node, part) for part in rules.members[kind])
            if object_ is not None:
                found = self.joined(self.path(object_, depth), name)
        elif kind in rules.calls:
            found = self._with(self.callee_path(node, rules.calls[kind].callee, depth), "()")
        elif kind in rules.elements:
            if (value := child_of(node, rules.elements[kind])) is not None:
                found = self._with(self.path(value, depth), "[]")
        elif kind in self._through:
            if inner := node.named_children():
                found = self.path(inner[0], depth)
        elif kind in rules.casts and (type_ := self.type_of(child_of(node, rules.casts[kind][1]))):
            found = f"<{type_.type}>"
        return found

    def callee_path(self, node: SgNode, parts: Sequence[Part], depth: int = 0) -> str:
        found = [child for part in parts if (child := child_of(node, part)) is not None]
        if not found:
            return UNKNOWN
        base = self.path(found[0], depth)
        return base if len(found) == 1 else self.joined(base, found[-1])

    def joined(self, base: str, name: SgNode | None) -> str:
        if not base or name is None:
            return base
        return self._with(base, "." + self.name_of(name))

    @staticmethod
    def _with(base: str, more: str) -> str:
        if not base:
            return ""
        whole = base + more
        if len(whole) > PATH_CHARACTERS:
            return (UNKNOWN + more)[:PATH_CHARACTERS]
        return whole if base != UNKNOWN or more[0] == "." else UNKNOWN

    def name_of(self, node: SgNode) -> str:
        return node.text()[:NAME]

    def type_of(self, node: SgNode | None) -> Typing | None:
        """The type that an annotation names."""
        if node is None:
            return None
        found = main_type(node.text().lstrip(":").strip())
        return Typing(found) if found else None

    def value_of(self, node: SgNode | None) -> Typing | None:
        """The type of an expression, as far as its syntax shows it."""
        if node is None:
            return None
        while node.kind() in self._through and (inner := node.named_children()):
            node = inner[0]
        kind = node.kind()
        if (call := self.rules.calls.get(kind)) is not None:
            path = self.callee_path(node, call.callee)
            return Typing(path, made=True) if self._is_known(path) else None
        if kind in self.rules.casts:
            return self.type_of(child_of(node, self.rules.casts[kind][1]))
        path = self.path(node)
        return Typing(path, value=True) if self._is_known(path) else None

    @staticmethod
    def _is_known(path: str) -> bool:
        return bool(path) and not path.startswith(UNKNOWN)

    def choices(self, node: SgNode, depth: int = 0) -> list[SgNode]:
        """The expressions of which one is the value."""
        while node.kind() in self._through and (inner := node.named_children()):
            node = inner[0]
        parts = self.rules.choices.get(node.kind())
        if parts is None or depth > _CHOICES:
            return [node]
        found = [child for part in parts if (child := child_of(node, part)) is not None]
        return [one for each in found for one in self.choices(each, depth + 1)] or [node]
