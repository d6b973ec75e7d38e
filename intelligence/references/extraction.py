"""In: a parsed source. Out: its code map: only names that may belong to a document, each with what it means
here."""

import json
from collections.abc import Iterable, Mapping
from typing import Final

from archon.contracts.analysis import Relationship
from archon.contracts.code.references import (
    DECLARATIONS_LIMIT,
    REFERENCES_LIMIT,
    CodeMap,
    Declaration,
    Reference,
    Typed,
)
from intelligence.references import named
from intelligence.references.golang import GoWalk
from intelligence.references.java import JavaWalk
from intelligence.references.javascript.walk import JavaScriptWalk
from intelligence.references.python import PythonWalk
from intelligence.references.scopes import UNKNOWN, Declared, Env, Meaning, Mention, Typing, head_of
from intelligence.references.walk import Walk
from intelligence.syntax.nodes import Tree

_WALKS: Final[Mapping[str, type[Walk]]] = {
    "go": GoWalk,
    "java": JavaWalk,
    "python": PythonWalk,
    **dict.fromkeys(("javascript", "typescript", "tsx"), JavaScriptWalk),
}
"""One for each language whose grammar has `references`."""


def code_map(tree: Tree, relationships: Iterable[Relationship]) -> CodeMap:
    """`relationships`: those of the analysis."""
    rules = tree.grammar.references
    if rules is None:
        return named.code_map(tree, relationships)
    walk = _WALKS[tree.language](tree, rules)
    walk.run()
    walk.finish()
    return _Result(walk).code_map()


_END: Final = 1 << 62
"""Behind the end of every source: where all names are bound."""


class _Result:
    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._declared = sorted(walk.declared, key=lambda each: (each.start, -each.end))[:DECLARATIONS_LIMIT]
        for index, each in enumerate(self._declared):
            each.index = index
        self._heads: set[str] = set()

    def code_map(self) -> CodeMap:
        references = self._references()
        return CodeMap(
            [self._declaration(each) for each in self._declared],
            references,
            self._walk.bindings[:DECLARATIONS_LIMIT],
            self._typed(),
            package=self._walk.package,
            settings=json.dumps(self._walk.settings) if self._walk.settings else "",
        )

    def _declaration(self, of: Declared) -> Declaration:
        return Declaration(
            of.kind,
            of.name,
            of.qualified_name,
            of.ordinal,
            of.start_line,
            of.end_line,
            of.parent.index if of.parent is not None else -1,
            of.returns,
            of.exported,
        )

    def _references(self) -> list[Reference]:
        found: list[Reference] = []
        line = self._walk.tree.line
        for mention in sorted(self._walk.mentions, key=lambda each: each.offset):
            if (path := self._path(mention)) is not None:
                found.append(Reference(mention.kind, path, line(mention.offset), _source(mention.env)))
                if len(found) == REFERENCES_LIMIT:
                    break
        return found

    def _path(self, mention: Mention) -> str | None:
        """The path as others understand it; None if it cannot belong to a document."""
        path = mention.path
        head = head_of(path)
        rest = path[len(head) :]
        if head == UNKNOWN or head[0] == "<":
            return path if "." in rest else None
        walk, env = self._walk, mention.env
        if head == walk.self_name(env):
            return walk.self_path(env) + rest if rest else None
        found = env.lookup(head, mention.offset)
        if found is None:
            return path if walk.is_open(head) else None
        return self._bound(path, head, *found, env)

    def _bound(self, path: str, head: str, owner: Env, meaning: Meaning, env: Env) -> str | None:
        """The path, whose first name `owner` binds."""
        if owner.implicit and meaning == "local":
            return f"{self._walk.self_head}.{path}" if owner is env.type_ else path
        if meaning != "local" or owner.how == "class":
            return path
        rest = path[len(head) :]
        if rest and head in owner.types:
            self._heads.add(head)
            return path
        return UNKNOWN + rest[rest.index(".") :] if "." in rest else None

    def _typed(self) -> list[Typed]:
        """Without local names that no path begins with."""
        typed = self._walk.typed[:REFERENCES_LIMIT]
        heads = self._heads | {head_of(each.type) for _, _, each in typed if each.value or each.made}
        kept: list[Typed] = []
        for env, name, typing in typed:
            if env.how in {"function", "block"} and name not in heads:
                continue
            of = env.owner.index if env.how == "class" and env.owner is not None else _source(env)
            if (known := self._of_self(typing, env)) is not None:
                kept.append(Typed(name, known.type, of, known.made, known.value))
        return kept

    def _of_self(self, typing: Typing, env: Env) -> Typing | None:
        """`cls()` makes one of the class; other paths from the object begin with its usual name. None for a
        type parameter."""
        prefix = "[]{}"
        plain = typing.type.lstrip(prefix)
        head = head_of(plain)
        rest = plain[len(head) :]
        if head != self._walk.self_name(env):
            found = None if typing.made or typing.value or rest else env.lookup(head, _END)
            local = found is not None and found[1] == "local" and found[0].how in {"function", "block"}
            return None if local else typing
        if rest:
            return typing._replace(type=self._walk.self_head + rest)
        type_ = env.type_
        if not typing.made or type_ is None or type_.declared is None:
            return typing
        return Typing(type_.declared.name)


def _source(env: Env) -> int:
    return env.declared.index if env.declared is not None else -1
