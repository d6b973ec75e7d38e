"""In: a parsed source. Out: the patterns and anti-patterns found in it, by the rules in rules/*.yaml.

A rule is added by adding it to a file there, with the examples that test it.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from archon.contracts.analysis import Finding
from intelligence.syntax import ScopeNode, Tree

FINDINGS_PER_RULE = 50


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Strict):
    """A rule in ast-grep's own terms, and examples: sources it must and must not match."""

    id: str
    type: Literal["pattern", "anti_pattern"]
    severity: Literal["info", "warning", "error"] = "info"
    message: str
    rule: Mapping[str, Any]
    positive: Sequence[str] = Field(min_length=1)
    negative: Sequence[str] = Field(min_length=1)


class Measure(_Strict):
    """An anti-pattern by a measure of a function or class that is above what is fine."""

    id: str
    scope: Literal["function", "class"]
    measure: Literal["lines", "parameters", "nesting", "complexity", "methods"]
    above: int
    severity: Literal["info", "warning", "error"]
    message: str


class RuleSet(_Strict):
    """One file's content."""

    languages: Sequence[str] = ()
    rules: Sequence[Rule] = ()
    measures: Sequence[Measure] = ()


@cache
def rule_sets() -> Sequence[RuleSet]:
    """Every file's rules, in the order of the files' names."""
    directory = files(__package__).joinpath("rules")
    names = sorted(file.name for file in directory.iterdir() if file.name.endswith(".yaml"))
    return [RuleSet.model_validate(yaml.safe_load(directory.joinpath(name).read_text())) for name in names]


def find(tree: Tree) -> tuple[list[Finding], list[Finding]]:
    """Patterns and anti-patterns, in the order of rules and of appearance."""
    patterns: list[Finding] = []
    anti_patterns: list[Finding] = []
    for rules in rule_sets():
        if tree.language in rules.languages:
            for rule in rules.rules:
                (patterns if rule.type == "pattern" else anti_patterns).extend(matches(rule, tree))
        for measure in rules.measures:
            anti_patterns.extend(_exceeding(measure, tree))
    return patterns, anti_patterns


def matches(rule: Rule, tree: Tree) -> list[Finding]:
    """Where `rule` matches, at most fifty times."""
    config: Any = {"rule": dict(rule.rule)}
    nodes = tree.root.find_all(config)[:FINDINGS_PER_RULE]
    return [
        Finding(rule=rule.id, line=node.range().start.line + 1, severity=rule.severity, message=rule.message)
        for node in nodes
    ]


def _exceeding(measure: Measure, tree: Tree) -> list[Finding]:
    return [
        Finding(rule=measure.id, line=scope.start_line, severity=measure.severity, message=measure.message)
        for scope in tree.scopes
        if (scope.callable if measure.scope == "function" else scope.kind == "class")
        and _value(measure.measure, scope) > measure.above
    ]


def _value(measure: str, scope: ScopeNode) -> int:
    values = {
        "lines": scope.lines,
        "parameters": scope.parameters,
        "nesting": scope.nesting,
        "complexity": scope.decisions + 1,
        "methods": sum(child.kind == "method" for child in scope.children),
    }
    return values[measure]
