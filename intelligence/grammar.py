"""In: the language files. Out: for each language, how its syntax tree names functions, imports and calls.

A language is added by adding a file to languages/.
"""

from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Scope(_Strict):
    """A node that names an entity. `value`: only where the node's value is one of these kinds."""

    node: str
    kind: str
    name: str = "name"
    value: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()


class Import(_Strict):
    """A node that imports. Its target is a field's text, up to `before`; or `text`; or, for a call of
    `function`, the first argument."""

    node: str
    field: str | None = None
    before: str | None = None
    text: str | None = None
    function: str | None = None


class Calls(_Strict):
    """A call: the field that names the callee, and what an object calls itself."""

    node: str
    field: str
    self: tuple[str, ...]


class Parameters(_Strict):
    node: str
    ignore: tuple[str, ...]


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


class Grammar(_Strict):
    """One language file; `parsers` maps each language's name to its parser's. `docstrings` are rules of
    ast-grep's."""

    parsers: Mapping[str, str]
    scopes: Sequence[Scope]
    documentation: Literal["docstring", "jsdoc"]
    imports: Sequence[Import]
    calls: Calls
    decisions: Sequence[str] = Field(min_length=1)
    nesting: Sequence[str] = Field(min_length=1)
    parameters: Parameters
    comment: str
    comments: tuple[str, ...] = ("comment",)
    docstrings: tuple[Mapping[str, Any], ...] = ()
    cognitive: Cognitive | None = None

    def scopes_of(self, language: str) -> list[Scope]:
        """Those whose nodes this language's parser knows."""
        return [scope for scope in self.scopes if not scope.languages or language in scope.languages]


@cache
def grammars() -> Mapping[str, Grammar]:
    """By language name."""
    found: dict[str, Grammar] = {}
    for file in files(__package__).joinpath("languages").iterdir():
        if file.name.endswith(".yaml"):
            content: Any = yaml.safe_load(file.read_text())
            grammar = Grammar.model_validate(content)
            found |= dict.fromkeys(grammar.parsers, grammar)
    return found
