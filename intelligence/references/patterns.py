"""In: assignments, parameters and other nodes that bind names. Out: the names, with the types of their
values."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from ast_grep_py import SgNode

from intelligence.references.collected import Collected
from intelligence.references.paths import PATH_CHARACTERS
from intelligence.references.scopes import Env, Typing
from intelligence.syntax.grammar import Bound
from intelligence.syntax.nodes import child_of, children, span

PATTERN_DEPTH: Final = 8


class Target(NamedTuple):
    """A name in a pattern, and where its value is in the value of the whole: `.name`, or None if unknown.
    `given`: no name, but the value that a name gets by default."""

    node: SgNode
    inside: str | None
    given: bool = False


class Patterns(Collected):
    """Subclasses know what names mean in their language."""

    def bind(self, node: SgNode, rule: Bound, owner: Env, env: Env, outer: Env) -> None:
        """Binds the targets of `node` in `owner`; its type is looked up in `env`, its value in `outer`."""
        type_ = child_of(node, rule.type) if rule.type is not None else None
        value = child_of(node, rule.value) if rule.value is not None else None
        found = self.type_of(type_)
        first_, *others = [found] if found or value is None else self._valued(value, rule)
        rest: list[SgNode] = []
        for part in rule.targets:
            for child in children(node, part):
                rest += self.bind_pattern(child, owner, env, first_, node)
                for other in others:
                    self.bind_pattern(child, owner, env, other, node)
        self.push_parts(node, rule.rest, env)
        if value is not None:
            self.push([value], outer)
        if type_ is not None:
            self.push([type_], env, "annotate")
        self.push(rest, env)

    def _valued(self, value: SgNode, rule: Bound) -> list[Typing | None]:
        """At least one."""
        found = [self.value_of(each) for each in self.choices(value)]
        if rule.how == "each":
            return [
                each and Typing(f"{each.type}()*" if each.made else f"{each.type}*", value=True)
                for each in found
            ]
        known = [each for each in found if each is not None]
        return [*known] or [None]

    def bind_pattern(
        self, node: SgNode, owner: Env, env: Env, typing: Typing | None, whole: SgNode
    ) -> list[SgNode]:
        """Binds the names in a pattern. Returns what is no name, to be visited."""
        rest: list[SgNode] = []
        for target in self.targets(node, 0, ""):
            kind = target.node.kind()
            if target.given:
                rest.append(target.node)
                continue
            inside = typing if target.inside == "" else self._inside(typing, target.inside)
            if kind in self._names or kind == "shorthand_property_identifier_pattern":
                self.taken(target, inside, env)
                self.bind_name(target.node, owner, self.settled_in(inside, owner, env, target.node), whole)
            elif kind not in self.rules.members or not self.bind_member(target.node, env, inside):
                rest.append(target.node)
        return rest

    def taken(self, target: Target, typing: Typing | None, env: Env) -> None:
        """A name in a pattern gets the value of a member."""

    def settled_in(self, typing: Typing | None, owner: Env, env: Env, node: SgNode) -> Typing | None:
        return typing if owner.how != "class" else self.settled(typing, env, span(node)[0])

    @staticmethod
    def _inside(typing: Typing | None, inside: str | None) -> Typing | None:
        if typing is None or inside is None:
            return None
        start = f"{typing.type}()" if typing.made else typing.type if typing.value else f"<{typing.type}>"
        return Typing((start + inside)[:PATH_CHARACTERS], value=True)

    def targets(self, node: SgNode, depth: int, inside: str | None) -> Iterator[Target]:
        parts = self.rules.patterns.get(node.kind())
        if parts is None or depth == PATTERN_DEPTH:
            yield Target(node, inside)
            return
        for child in (
            [each for part in parts for each in children(node, part)] if parts else node.named_children()
        ):
            yield from self.targets(child, depth + 1, None)

    def bind_name(self, node: SgNode, owner: Env, typing: Typing | None, whole: SgNode) -> None:
        name = self.name_of(node)
        if name in owner.elsewhere:
            owner = self.module
        if owner.how in {"module", "class"}:
            known = owner.names.get(name)
            if known is None or known[0] == "local":
                owner.bind(name, "declared" if owner.how == "module" else "local")
                self.declare(name, node, owner, whole)
        else:
            owner.bind(name, "local", self.since(whole))
        self.typing(owner, name, typing)

    def since(self, whole: SgNode) -> int:
        """The offset from which on a bound name is known."""
        return 0

    def declare(self, name: str, node: SgNode, owner: Env, whole: SgNode) -> None:
        if owner.how == "class":
            self.attribute(name, whole, owner)
        else:
            self.variable(name, whole, owner, constant=name.isupper(), exported=name)

    def bind_member(self, node: SgNode, env: Env, typing: Typing | None) -> bool:
        """`self.x = ...` in a method declares an attribute; whether it does so here."""
        object_, name = (child_of(node, part) for part in self.rules.members[node.kind()])
        type_ = env.type_
        if object_ is None or name is None or type_ is None or self.path(object_) != self.self_name(env):
            return False
        self.typing(type_, self.name_of(name), self.settled(typing, env, span(node)[0]))
        return self.attribute(self.name_of(name), node, type_)

    def self_path(self, env: Env) -> str:
        """How paths name the object whose method `env` is in."""
        return self.self_head

    def self_name(self, env: Env) -> str | None:
        """The name of the object whose method `env` is in."""
        return self.self_head
