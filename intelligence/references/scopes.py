"""In: the names that a source binds, where it does. Out: what a mentioned name means there."""

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from archon.contracts.code.references import ReferenceKind

Space = Literal["module", "class", "function", "block"]
Meaning = Literal["declared", "imported", "local"]
UNKNOWN: Final = "?"
"""The head of a path whose receiver is not known."""
ENDS: Final = ".([*"
"""What ends the first name of a path."""


@dataclass(eq=False, slots=True)
class Declared:
    """A declaration under construction; see contracts.references.Declaration. `start` and `end` are
    offsets."""

    kind: str
    name: str
    qualified_name: str
    start: int
    end: int
    start_line: int
    end_line: int
    ordinal: int = 0
    parent: "Declared | None" = None
    returns: str | None = None
    exported: str | None = None
    index: int = -1
    is_type: bool = False
    members: set[str] = field(default_factory=set)


class Typing(NamedTuple):
    """The type of a variable; see contracts.references.Typed."""

    type: str
    made: bool = False
    value: bool = False


@dataclass(eq=False, slots=True)
class Env:
    """Where names are looked up: a module, class, function or block. `names` has what a name means and from
    which offset on; `declared` is the innermost declaration around."""

    how: Space
    parent: "Env | None"
    declared: Declared | None
    names: dict[str, tuple[Meaning, int]] = field(default_factory=dict)
    types: dict[str, Typing] = field(default_factory=dict)
    self_name: str | None = None
    """The name of the object whose method this is; in TypeScript its declared type, as a path."""
    implicit: bool = False
    """Of a class: the functions in it see its names."""
    elsewhere: set[str] = field(default_factory=set)
    """Names that a function declares to be those of the module or of an outer function."""
    members_of: Declared | None = None
    """The declaration that has the members, if it is not `declared`: an attribute or variable whose type or
    value is an object."""

    @property
    def owner(self) -> Declared | None:
        return self.members_of or self.declared

    @property
    def function(self) -> "Env":
        """The function, class or module that this block belongs to."""
        env = self
        while env.how == "block" and env.parent is not None:
            env = env.parent
        return env

    @property
    def type_(self) -> "Env | None":
        """The innermost class around."""
        env: Env | None = self
        while env is not None and env.how != "class":
            env = env.parent
        return env

    def bind(self, name: str, meaning: Meaning = "local", since: int = 0) -> None:
        if name in self.elsewhere:
            return
        known = self.names.get(name)
        if known is None or (known[0] == "local" and meaning != "local"):
            self.names[name] = (meaning, min(since, known[1]) if known else since)

    def lookup(self, name: str, offset: int) -> "tuple[Env, Meaning] | None":
        """The environment that binds a name that is mentioned at an offset. A class's names are not known
        to the functions in it."""
        env: Env | None = self
        inside = False
        while env is not None:
            hidden = inside and env.how == "class" and not env.implicit
            if not hidden and (known := env.names.get(name)) and known[1] <= offset:
                return env, known[0]
            inside = inside or env.how == "function"
            env = env.parent
        return None


class Mention(NamedTuple):
    """A name in the source, before it is known what it means."""

    kind: ReferenceKind
    path: str
    offset: int
    env: Env


def head_of(path: str) -> str:
    """The first name of a path."""
    for position, character in enumerate(path):
        if character in ENDS and position:
            return path[:position]
    return path
