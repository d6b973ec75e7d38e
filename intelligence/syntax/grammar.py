"""In: the language files. Out: for each language, how its syntax tree represents functions, imports and
calls.

To add a language, add a file to languages/. A child of a node is named by its field or, if the parser has
none, by its kind.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from importlib.resources import files
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Pattern = Annotated[re.Pattern[str], BeforeValidator(re.compile)]
Matcher = str | Mapping[str, Any]
"""A node's kind, or an ast-grep rule with a kind."""
Part = str | int
"""A child: its field, its kind or its position."""

TYPES: Final = frozenset(
    {"class", "interface", "struct", "enum", "union", "record", "trait", "protocol", "object", "extension"}
)
"""Kinds of entities whose functions are methods."""
LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""PyYAML's parser in C, if available: each process reads about 2,400 lines of grammars and rules at its
start, which takes the Python parser 0.4 s."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Scope(_Strict):
    """A node that names a scope. The first matching rule of a node creates the entity.

    kind       of the entity; `extension` and `package` create none, they only qualify names inside;
               `phantom` creates none: the parser produces such a node for text that it does not understand
    text       a fixed name, for scopes without a written one
    where      requires these children, of one of these kinds if any are given
    head       requires a match before the name
    made       requires a match of the name, without a type before it: a macro, named by its arguments
    owner      a child with the type that the entity belongs to: a receiver
    several    each child that matches the name is a further name
    path       the name is a path; its last part is the name and the rest the owner, without this match
    rest       the scope ends at the end of the text: either at the next scope of its kind, or nested
    wraps      requires a value that is a call with a function argument, where the callee does not match
    holds      requires a value of this kind, or a call at module level with an argument of this kind
    bases      children with the names of base types
    path_to    requires the function that the variable holds at the end of this path of children
    outermost  requires a place outside functions
    """

    node: str
    kind: str
    name: Part = "name"
    text: str | None = None
    where: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    head: Pattern | None = None
    made: Pattern | None = None
    owner: str | None = None
    path: Pattern | None = None
    several: bool = False
    rest: Literal["until_next", "nested"] | None = None
    wraps: Pattern | None = None
    holds: str | None = None
    bases: tuple[str, ...] = ()
    path_to: tuple[Part, ...] = ()
    outermost: bool = False
    languages: tuple[str, ...] = ()


class Documentation(_Strict):
    """`docstring`: the first string of the body. `comment`: the comment directly above, if it starts with one
    of `starts`; `between` is allowed between both."""

    style: Literal["docstring", "comment"]
    starts: tuple[str, ...] = ()
    between: Pattern | None = None


class Import(_Strict):
    """A node that imports. `field`: children with the module's name; otherwise `pattern` finds it, in its
    group. A module with braces expands to several. `names` finds the imported names; a bare name means
    `bare`."""

    node: str
    field: str | None = None
    pattern: Pattern | None = None
    names: Pattern | None = None
    bare: str | None = None
    prefix: str = ""


class Calls(_Strict):
    """Nodes that call, each with the first and last child of the callee; the name by which an object refers
    to itself; whether a method may omit it; the method that constructs an object."""

    nodes: Mapping[str, tuple[Part, ...]]
    self: tuple[str, ...] = ()
    implicit_self: bool = False
    new: str | None = None


class Parameters(_Strict):
    """Where parameters are: in the children `of` of the scope, or directly in it. Only kinds in `each`, if
    any are given, without kinds or texts in `ignore`. A node of the kind `shared` may name several
    parameters."""

    of: tuple[str, ...] = ()
    each: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    shared: str | None = None

    def ignores(self, node: Any) -> bool:
        return bool(self.ignore) and (node.kind() in self.ignore or node.text() in self.ignore)


class Cognitive(_Strict):
    """Kinds of nodes that are hard to follow; each costs at least one point.

    conditionals  one more for each surrounding level, and one for each alternative
    nesting       one more for each surrounding level: loops, switches, exception handlers
    functions     anonymous functions: no point, but a level
    logical       joined operands: one point for each run of the same operator
    jumps         to a label, as ast-grep rules
    """

    conditionals: tuple[str, ...]
    nesting: tuple[str, ...]
    functions: tuple[str, ...] = ()
    logical: tuple[str, ...] = ()
    jumps: tuple[Mapping[str, Any], ...] = ()

    @cached_property
    def search(self) -> Any:
        """The search for all of them, in ast-grep's format."""
        kinds = dict.fromkeys([*self.conditionals, *self.nesting, *self.functions])
        operator = {"regex": r"^(&&|\|\||and|or)$"}
        logical = [{"kind": kind, "has": operator} for kind in self.logical]
        return {"rule": {"any": [*({"kind": kind} for kind in kinds), *logical, *map(dict, self.jumps)]}}


class Called(_Strict):
    """The children of a call: the callee, as one expression or as a receiver and a name, and the rest to
    visit."""

    callee: tuple[Part, ...]
    rest: tuple[Part, ...] = ()
    how: Literal["call", "new"] = "call"


class Space(_Strict):
    """A node with names of its own. `class`: functions inside do not see its names."""

    how: Literal["function", "class", "block"] = "block"
    parameters: tuple[str, ...] = ()
    result: str | None = None


class Bound(_Strict):
    """A node that binds names.

    targets  children with the names, in patterns
    type     the child with their type
    value    the child whose value they get: itself, or `each` of its elements
    rest     other children to visit
    wide     known in the whole function, not only in the block
    """

    targets: tuple[Part, ...]
    type: Part | None = None
    value: Part | None = None
    rest: tuple[Part, ...] = ()
    how: Literal["is", "each"] = "is"
    wide: bool = False


class References(_Strict):
    """Nodes that refer to names.

    names     leaves that name a variable or a type
    selves    leaves that are objects by themselves, such as `this`
    members   the object and the name of a member
    calls     see Called
    elements  the object of a subscript
    through   nodes with the value of their first child
    casts     value and type
    types     nodes in which names are types
    only      nodes of which only these children are visited
    skip      nodes that are not visited
    values    nodes whose members no document declares: literals
    spaces    see Space
    bindings  see Bound
    patterns  nodes that hold other targets, with their children that do; all, if none are given
    choices   expressions with the value of one of these children
    known     names of the language and its usual hosts, which no document declares
    """

    names: tuple[str, ...]
    selves: tuple[str, ...] = ()
    members: Mapping[str, tuple[Part, Part]] = Field(default_factory=dict)
    calls: Mapping[str, Called] = Field(default_factory=dict)
    elements: Mapping[str, Part] = Field(default_factory=dict)
    through: tuple[str, ...] = ()
    casts: Mapping[str, tuple[Part, Part]] = Field(default_factory=dict)
    types: tuple[str, ...] = ()
    only: Mapping[str, tuple[Part, ...]] = Field(default_factory=dict)
    skip: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    spaces: Mapping[str, Space] = Field(default_factory=dict)
    bindings: Mapping[str, Bound] = Field(default_factory=dict)
    patterns: Mapping[str, tuple[Part, ...]] = Field(default_factory=dict)
    choices: Mapping[str, tuple[Part, ...]] = Field(default_factory=dict)
    known: tuple[str, ...] = ()


class Rewrite(_Strict):
    """A replacement, of the same length, for text that the parser does not know. Positions stay valid.

    of      the replaced text: the pattern's group, if it has one
    by      a single character fills the place, line ends stay; a word is put at its start
    joins   also replaces line ends; only for languages in which no rule depends on line numbers
    closes  the replaced text starts a block whose closing brace is also replaced
    words   a text without any of these words needs no replacement
    """

    of: Pattern
    by: str = " "
    joins: bool = False
    closes: bool = False
    words: tuple[str, ...] = ()


class Grammar(_Strict):
    """One language file; `parsers` maps each language's name to its parser's.

    instead     other languages, if the source contains text that this one cannot contain
    or_else     other languages, if the source may be one of theirs and their parser understands more of it
    separator   of a qualified name, as written
    blank       text to hide from the parser
    rewrites    replacements before parsing
    again       replacements for a second look, if the first did not understand everything
    phantoms    nodes that the parser produces for text that it does not understand
    reserved    words that are never names
    body        children that end a signature
    empty       the end of a signature without such a child: an empty body
    docstrings  rules for comments that are written as strings
    embeds      nodes in a type that name its base types
    """

    parsers: Mapping[str, str]
    instead: Mapping[str, Pattern] = Field(default_factory=dict)
    or_else: Mapping[str, Pattern] = Field(default_factory=dict)
    blank: Pattern | None = None
    rewrites: Sequence[Rewrite] = ()
    again: Sequence[Rewrite] = ()
    phantoms: Sequence[Matcher] = ()
    separator: str | None = None
    scopes: Sequence[Scope]
    reserved: frozenset[str] = frozenset()
    body: tuple[str, ...] = ("body",)
    empty: Pattern | None = None
    comments: tuple[str, ...] = ("comment",)
    documentation: Documentation
    imports: Sequence[Import]
    calls: Calls
    embeds: Sequence[Matcher] = ()
    decisions: Sequence[Matcher] = Field(min_length=1)
    nesting: Sequence[str] = Field(min_length=1)
    parameters: Parameters
    comment: str
    docstrings: tuple[Mapping[str, Any], ...] = ()
    cognitive: Cognitive | None = None
    references: References | None = None

    def language_of(self, text: str, language: str) -> str:
        """The actual language of `text`: several languages share file names."""
        return next((other for other, sign in self.instead.items() if sign.search(text)), language)

    @cached_property
    def imports_by_node(self) -> Mapping[str, Sequence[Import]]:
        found: dict[str, list[Import]] = {}
        for rule in self.imports:
            found.setdefault(rule.node, []).append(rule)
        return found

    @cached_property
    def decision_kinds(self) -> frozenset[str]:
        return frozenset(map(kind_of, self.decisions))

    @cached_property
    def nesting_kinds(self) -> frozenset[str]:
        return frozenset(self.nesting)

    @cached_property
    def docstring_kinds(self) -> frozenset[str]:
        """The only part of the grammar that uses these kinds."""
        return frozenset(map(kind_of, self.docstrings))

    @cached_property
    def phantom_kinds(self) -> frozenset[str]:
        return frozenset({"ERROR", *map(kind_of, self.phantoms)})

    @cached_property
    def embed_kinds(self) -> frozenset[str]:
        return frozenset(map(kind_of, self.embeds))

    def scopes_of(self, language: str) -> Mapping[str, Sequence[Scope]]:
        """The rules by node kind, for nodes that this language's parser knows."""
        found: dict[str, list[Scope]] = {}
        for scope in self.scopes:
            if not scope.languages or language in scope.languages:
                found.setdefault(scope.node, []).append(scope)
        return found

    def matchers(self, language: str) -> list[Matcher]:
        """The complete search of a source."""
        plain = [*self.scopes_of(language), *self.imports_by_node, *self.calls.nodes, *self.comments]
        return [
            *dict.fromkeys([*plain, *self.nesting]),
            *self.decisions,
            *self.embeds,
            *self.docstrings,
            *self.phantoms,
        ]


def kind_of(matcher: Matcher) -> str:
    return matcher if isinstance(matcher, str) else str(matcher["kind"])


def loaded(text: str) -> Any:
    """A YAML file of this package."""
    return yaml.load(text, Loader=LOADER)  # noqa: S506  both are safe


@cache
def grammars() -> Mapping[str, Grammar]:
    """Grammars by language name."""
    found: dict[str, Grammar] = {}
    for file in sorted(files("intelligence").joinpath("languages").iterdir(), key=lambda each: each.name):
        if file.name.endswith(".yaml"):
            grammar = Grammar.model_validate(loaded(file.read_text()))
            found |= dict.fromkeys(grammar.parsers, grammar)
    return found
