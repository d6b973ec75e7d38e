"""In: a parsed source. Out: the patterns and anti-patterns found in it, by the rules in rules/*.yaml.

A rule is added by adding it to a file there, with the examples that test it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Final, Literal

from ast_grep_py import SgNode
from pydantic import BaseModel, ConfigDict, Field

from archon.contracts.analysis import Finding
from intelligence.measures.measures import Measures
from intelligence.measures.rule_terms import prepared
from intelligence.syntax.grammar import loaded
from intelligence.syntax.tree import ScopeNode, Tree

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

    @cached_property
    def mark(self) -> str:
        """The variable by which a search tells that this rule has matched."""
        return f"R_{self.id.upper().replace('-', '_')}"

    @cached_property
    def searched(self) -> Mapping[str, Any]:
        """The rule with variables of its own, among those of other rules."""
        found: Mapping[str, Any] = prepared(self.rule, f"${self.mark}__")
        return found

    @cached_property
    def marked(self) -> Mapping[str, Any]:
        return {"all": [self.searched, {"pattern": f"${self.mark}"}]}

    def may_be(self, kind: str) -> bool:
        """Whether a node of this kind can match, by what the rule says of its kind right away."""
        return kind in self._kinds if self._kinds else True

    @cached_property
    def _kinds(self) -> frozenset[str]:
        kinds = [each.get("kind") for each in self.rule.get("any", [self.rule])]
        return frozenset() if None in kinds else frozenset(kinds)


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
    directory = files("intelligence").joinpath("rules")
    names = sorted(file.name for file in directory.iterdir() if file.name.endswith(".yaml"))
    return [RuleSet.model_validate(loaded(directory.joinpath(name).read_text())) for name in names]


@cache
def rules_of(language: str) -> Sequence[Rule]:
    """All rules for sources in `language`."""
    return [rule for rules in rule_sets() if language in rules.languages for rule in rules.rules]


def find(tree: Tree, measures: Measures) -> tuple[list[Finding], list[Finding]]:
    """Patterns and anti-patterns, in the order of rules and of appearance."""
    rules = _likely(rules_of(tree.language), tree.text)
    patterns: list[Finding] = []
    anti_patterns: list[Finding] = []
    for rule, nodes in zip(rules, search(rules, tree.root), strict=True):
        (patterns if rule.type == "pattern" else anti_patterns).extend(_told(rule, nodes))
    for measure in (each for rule_set in rule_sets() for each in rule_set.measures):
        anti_patterns.extend(_exceeding(measure, tree, measures))
    return patterns, anti_patterns


def matches(rule: Rule, tree: Tree) -> list[Finding]:
    """Where `rule` matches, at most fifty times."""
    return [each for rule in _likely([rule], tree.text) for each in _told(rule, search([rule], tree.root)[0])]


def search(rules: Sequence[Rule], root: SgNode) -> list[list[SgNode]]:
    """For each of `rules` the nodes that match, from one walk through the tree instead of one a rule.

    A rule is compiled at every search, which takes longer than the walk. So the first search asks of a node
    only which rule is the first to match. Hardly any node has one, and the few rules that may match such a
    node as well are compiled once more, to tell all that they match.
    """
    first = [(node, next(_matching(node, enumerate(rules)))) for node in _first(rules, root)]
    least: dict[str, int] = {}
    for node, number in first:
        kind = node.kind()
        least[kind] = min(number, least.get(kind, number))
    later = {
        number: rule
        for number, rule in enumerate(rules)
        if any(number > lowest and rule.may_be(kind) for kind, lowest in least.items())
    }
    found: list[list[SgNode]] = [[] for _ in rules]
    for node, number in first:
        if number not in later:
            found[number].append(node)
    for node in _every(list(later.values()), root):
        for number in _matching(node, later.items()):
            found[number].append(node)
    return [nodes[:FINDINGS_PER_RULE] for nodes in found]


def _first(rules: Sequence[Rule], root: SgNode) -> list[SgNode]:
    """Nodes that match, with the mark of the first rule that does."""
    return _nodes(root, {"any": [rule.marked for rule in rules]}) if rules else []


def _every(rules: Sequence[Rule], root: SgNode) -> list[SgNode]:
    """The same with the mark of each rule that does."""
    marks = [{"any": [rule.marked, {"pattern": "$_"}]} for rule in rules]
    return _nodes(root, {"all": [{"any": [rule.searched for rule in rules]}, *marks]}) if rules else []


def _nodes(root: SgNode, rule: Mapping[str, Any]) -> list[SgNode]:
    config: Any = {"rule": rule}
    return root.find_all(config)


def _matching(node: SgNode, rules: Iterable[tuple[int, Rule]]) -> Iterator[int]:
    return (number for number, rule in rules if node.get_match(rule.mark) is not None)


def _likely(rules: Sequence[Rule], text: str) -> list[Rule]:
    """Those of which the text has a word, or that need none."""
    lowered = text.lower()
    here = {word for word in {word for rule in rules for word in rule.words} if word in lowered}
    return [rule for rule in rules if not rule.words or not here.isdisjoint(rule.words)]


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
    match measure:
        case "lines":
            return measures.code_lines(scope.start_line, scope.end_line)
        case "complexity":
            return scope.decisions + 1
        case "cognitive_complexity":
            return measures.cognitive.get(scope.start, 0)
        case "methods":
            return sum(child.kind == "method" for child in scope.children)
        case _:
            return scope.parameters if measure == "parameters" else scope.nesting
