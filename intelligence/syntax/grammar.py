"""In: the language files. Out: for each language, how its syntax tree names functions, imports and calls.

A language is added by adding a file to languages/. A child of a node is named by its field or, where the
parser gives it none, by its kind.
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
"""A node's kind, or an ast-grep rule that has one."""
Part = str | int
"""A child: its field, its kind or its position."""

TYPES: Final = frozenset(
    {"class", "interface", "struct", "enum", "union", "record", "trait", "protocol", "object", "extension"}
)
"""Kinds of entities whose functions are methods."""
LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""PyYAML's parser in C where it has one: each process of a service that starts reads some 2,400 lines of
grammars and rules, which takes the other one 0.4 s."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Scope(_Strict):
    """A node that names what stands in it. The first of a node's rules that fits makes the entity.

    kind      of the entity; `extension`, `package`: none, the name only qualifies what is inside; `phantom`:
              none, a parser makes such a node of what it does not understand
    text      the name itself, where it is not written
    where     only where these children are there, of one of these kinds if any are given
    head      only where this is found before the name
    made      only where this matches the name and no type is before it: a macro, named by its arguments
    owner     a child that holds the type which the entity belongs to: a receiver
    several   each child that is called like the name names one more
    path      the name is a path, of which the last part is the name and the rest its owner, without what this
              matches
    rest      what is named lasts to the end of the text: until the next of its kind, or with it
    wraps     only where the value is a call of something that this does not match, which is given a function
    holds     only where the value is of this kind, or a call of the module's own that is given one
    bases     children that name what is inherited
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
    languages: tuple[str, ...] = ()


class Documentation(_Strict):
    """`docstring`: the first string of the body. `comment`: the comment right above, if it starts with one of
    `starts`; `between` may stand between both."""

    style: Literal["docstring", "comment"]
    starts: tuple[str, ...] = ()
    between: Pattern | None = None


class Import(_Strict):
    """A node that imports. `field`: children that name the module; else `pattern` finds it, in its group. A
    module with braces stands for several. `names` finds what is taken of it; a bare name means `bare`."""

    node: str
    field: str | None = None
    pattern: Pattern | None = None
    names: Pattern | None = None
    bare: str | None = None
    prefix: str = ""


class Calls(_Strict):
    """Nodes that call, each with the children from which to which the callee is written; what an object calls
    itself; whether a method may leave that out; the method that makes an object."""

    nodes: Mapping[str, tuple[Part, ...]]
    self: tuple[str, ...] = ()
    implicit_self: bool = False
    new: str | None = None


class Parameters(_Strict):
    """Where parameters are: in children `of` the scope, or right in it; only those of a kind in `each`, if it
    has any, and none whose kind or text is in `ignore`. Those of the kind `shared` may name several."""

    of: tuple[str, ...] = ()
    each: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    shared: str | None = None

    def ignores(self, node: Any) -> bool:
        return bool(self.ignore) and (node.kind() in self.ignore or node.text() in self.ignore)


class Cognitive(_Strict):
    """Kinds of nodes that are hard to follow, each at least one point.

    conditionals  one more for each level around them, and one for each of their alternatives
    nesting       one more for each level around them: loops, switches, handlers of exceptions
    functions     anonymous ones: no point, but a level
    logical       joined operands: a point for each run of one operator
    jumps         to a label, as ast-grep rules
    """

    conditionals: tuple[str, ...]
    nesting: tuple[str, ...]
    functions: tuple[str, ...] = ()
    logical: tuple[str, ...] = ()
    jumps: tuple[Mapping[str, Any], ...] = ()

    @cached_property
    def search(self) -> Any:
        """What finds them all, in ast-grep's terms."""
        kinds = dict.fromkeys([*self.conditionals, *self.nesting, *self.functions])
        operator = {"regex": r"^(&&|\|\||and|or)$"}
        logical = [{"kind": kind, "has": operator} for kind in self.logical]
        return {"rule": {"any": [*({"kind": kind} for kind in kinds), *logical, *map(dict, self.jumps)]}}


class Rewrite(_Strict):
    """What a parser is given in place of what it does not know, of the same length, so that positions stay.

    of      what is replaced: its group, if it has one
    by      one character fills the place, line ends stay; a word stands at its beginning
    joins   line ends are replaced, too; only where no rule of a language tells a line by the parser's count
    closes  what is replaced begins a block whose closing brace is replaced as well
    words   a text without any of them has nothing to be replaced
    """

    of: Pattern
    by: str = " "
    joins: bool = False
    closes: bool = False
    words: tuple[str, ...] = ()


class Grammar(_Strict):
    """One language file; `parsers` maps each language's name to its parser's.

    instead    other languages, where the source has what this one cannot have
    or_else    other languages, where the source may be one of theirs and their parser understands more of it
    separator  of a qualified name, as it is written
    blank      what is hidden from the parser, which does not know what it stands for
    rewrites   what the parser reads otherwise
    again      the same for a second look, where the first has left something that was not understood
    phantoms   nodes that a parser makes of what it does not understand
    reserved   what is never a name
    body       children that end a signature
    empty      what ends one where there is no such child: an empty body
    docstrings rules for comments that are written as strings
    embeds     nodes in a type that name what it inherits
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

    def language_of(self, text: str, language: str) -> str:
        """The language that `text` is really of: files of several may have the same names."""
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
        """No other part of the grammar names them."""
        return frozenset(map(kind_of, self.docstrings))

    @cached_property
    def phantom_kinds(self) -> frozenset[str]:
        return frozenset({"ERROR", *map(kind_of, self.phantoms)})

    @cached_property
    def embed_kinds(self) -> frozenset[str]:
        return frozenset(map(kind_of, self.embeds))

    def scopes_of(self, language: str) -> Mapping[str, Sequence[Scope]]:
        """By node, those whose nodes this language's parser knows."""
        found: dict[str, list[Scope]] = {}
        for scope in self.scopes:
            if not scope.languages or language in scope.languages:
                found.setdefault(scope.node, []).append(scope)
        return found

    def matchers(self, language: str) -> list[Matcher]:
        """All that a source is searched for."""
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
    """A YAML file of ours."""
    return yaml.load(text, Loader=LOADER)  # noqa: S506  both are safe


@cache
def grammars() -> Mapping[str, Grammar]:
    """By language name."""
    found: dict[str, Grammar] = {}
    for file in sorted(files("intelligence").joinpath("languages").iterdir(), key=lambda each: each.name):
        if file.name.endswith(".yaml"):
            grammar = Grammar.model_validate(loaded(file.read_text()))
            found |= dict.fromkeys(grammar.parsers, grammar)
    return found
