"""In: a parsed source. Out: the patterns and anti-patterns found in it, by the rules in rules/*.yaml.

A rule is added by adding it to a file there, with the examples that test it.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

import yaml
from ast_grep_py import SgNode
from pydantic import BaseModel, ConfigDict, Field

from archon.contracts.analysis import Finding
from intelligence.measures import Measures
from intelligence.rule_terms import prepared
from intelligence.syntax import ScopeNode, Tree

FINDINGS_PER_RULE: Final = 50
Kind = Literal["pattern", "anti_pattern"]
Severity = Literal["info", "warning", "error"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Strict):
    """A rule in ast-grep's own terms, and examples: sources it must and must not match.

    `words`: a text without any of them, in small letters, cannot match and is not searched.
    """

    id: str
    type: Kind
    severity: Severity = "info"
    message: str
    words: Sequence[str] = ()
    rule: Mapping[str, Any]
    positive: Sequence[str] = Field(min_length=1)
    negative: Sequence[str] = Field(min_length=1)


class Measure(_Strict):
    """An anti-pattern by a measure of a function, a class or the document that is above what is fine."""

    id: str
    scope: Literal["function", "class", "document"]
    measure: Literal[
        "lines", "parameters", "nesting", "complexity", "cognitive_complexity", "methods", "duplicated_share"
    ]
    above: float
    severity: Severity
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


@cache
def rules_of(language: str) -> Sequence[Rule]:
    """All rules for sources in `language`."""
    return [rule for rules in rule_sets() if language in rules.languages for rule in rules.rules]


def find(tree: Tree, measures: Measures) -> tuple[list[Finding], list[Finding]]:
    """Patterns and anti-patterns, in the order of rules and of appearance."""
    lowered = tree.text.lower()
    rules = [rule for rule in rules_of(tree.language) if _may_match(rule, lowered)]
    patterns: list[Finding] = []
    anti_patterns: list[Finding] = []
    for rule, nodes in zip(rules, search(rules, tree.root), strict=True):
        (patterns if rule.type == "pattern" else anti_patterns).extend(_told(rule, nodes))
    for measure in (each for rule_set in rule_sets() for each in rule_set.measures):
        anti_patterns.extend(_exceeding(measure, tree, measures))
    return patterns, anti_patterns


def matches(rule: Rule, tree: Tree) -> list[Finding]:
    """Where `rule` matches, at most fifty times."""
    if not _may_match(rule, tree.text.lower()):
        return []
    return _told(rule, search([rule], tree.root)[0])


def search(rules: Sequence[Rule], root: SgNode) -> list[list[SgNode]]:
    """For each of `rules` the nodes that match, from one walk through the tree instead of one a rule.

    A node is taken where any rule matches; each rule that does then leaves its mark, a variable of its own.
    """
    found: list[list[SgNode]] = [[] for _ in rules]
    if not rules:
        return found
    own = [prepared(rule.rule, f"$R{number}X") for number, rule in enumerate(rules)]
    marks = [
        {"any": [{"all": [rule, {"pattern": f"$R{number}"}]}, {"pattern": "$_"}]}
        for number, rule in enumerate(own)
    ]
    config: Any = {"rule": {"all": [{"any": own}, *marks]}}
    for node in root.find_all(config):
        for number, nodes in enumerate(found):
            if len(nodes) < FINDINGS_PER_RULE and node.get_match(f"R{number}") is not None:
                nodes.append(node)
    return found


def _may_match(rule: Rule, lowered: str) -> bool:
    return not rule.words or any(word in lowered for word in rule.words)


def _told(rule: Rule, nodes: Sequence[SgNode]) -> list[Finding]:
    return [
        Finding(rule=rule.id, line=node.range().start.line + 1, severity=rule.severity, message=rule.message)
        for node in nodes
    ]


def _exceeding(measure: Measure, tree: Tree, measures: Measures) -> list[Finding]:
    return [
        Finding(rule=measure.id, line=line, severity=measure.severity, message=measure.message)
        for line, value in _values(measure, tree, measures)
        if value > measure.above
    ]


def _values(measure: Measure, tree: Tree, measures: Measures) -> Iterator[tuple[int, float]]:
    """Each thing that is measured: its line, and the measure."""
    if measure.scope == "document":
        yield 1, measures.duplicated_share
        return
    for scope in tree.scopes:
        if scope.callable if measure.scope == "function" else scope.kind == "class":
            yield scope.start_line, _value(measure.measure, scope, measures)


def _value(measure: str, scope: ScopeNode, measures: Measures) -> int:
    values = {
        "lines": measures.code_lines(scope.start_line, scope.end_line),
        "parameters": scope.parameters,
        "nesting": scope.nesting,
        "complexity": scope.decisions + 1,
        "cognitive_complexity": measures.cognitive.get(scope.start, 0),
        "methods": sum(child.kind == "method" for child in scope.children),
    }
    return values[measure]
