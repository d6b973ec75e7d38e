"""In: a parsed source. Out: its patterns and anti-patterns, by the rules in rules/*.yaml.

To add a rule, add it to a file there, with the examples that test it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Final, Literal

from ast_grep_py import SgNode
from pydantic import BaseModel, ConfigDict, Field

from archon.contracts.analysis import Finding
from intelligence.measures.measures import Measures
from intelligence.measures.reasons import Reason, beyond
from intelligence.measures.rule_terms import prepared
from intelligence.syntax.grammar import loaded
from intelligence.syntax.tree import ScopeNode, Tree

FINDINGS_PER_RULE: Final = 50
Kind = Literal["pattern", "anti_pattern"]
Severity = Literal["info", "warning", "error"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Rule(_Strict):
    """A rule in ast-grep's format, and examples: sources that it must and must not match.

    `words`: a text without any of these lower-case words cannot match and is not searched.
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
        """The variable whose presence shows that this rule has matched."""
        return f"R_{self.id.upper().replace('-', '_')}"

    @cached_property
    def searched(self) -> Mapping[str, Any]:
        """The rule with its variables renamed, for a search with other rules."""
        found: Mapping[str, Any] = prepared(self.rule, f"${self.mark}__")
        return found

    @cached_property
    def marked(self) -> Mapping[str, Any]:
        return {"all": [self.searched, {"pattern": f"${self.mark}"}]}

    def may_be(self, kind: str) -> bool:
        """Whether a node of this kind can match, as far as the rule directly restricts the kind."""
        return kind in self._kinds if self._kinds else True

    @cached_property
    def _kinds(self) -> frozenset[str]:
        kinds = [each.get("kind") for each in self.rule.get("any", [self.rule])]
        return frozenset() if None in kinds else frozenset(kinds)


class Measure(_Strict):
    """An anti-pattern: a measure of a function, a class or the document above a threshold. `message` may name
    `{symbol}`, `{value}` and `{limit}`."""

    id: str
    scope: Literal["function", "class", "document"]
    measure: Literal[
        "lines", "parameters", "nesting", "complexity", "cognitive_complexity", "methods", "duplicated_share"
    ]
    above: float
    severity: Severity
    message: str


class RuleSet(_Strict):
    """The content of one file."""

    languages: Sequence[str] = ()
    rules: Sequence[Rule] = ()
    measures: Sequence[Measure] = ()


@cache
def rule_sets() -> Sequence[RuleSet]:
    """The rules of all files, in the order of the file names."""
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
        (patterns if rule.type == "pattern" else anti_patterns).extend(_told(rule, nodes, tree))
    for measure in (each for rule_set in rule_sets() for each in rule_set.measures):
        reasons = _exceeding(measure, tree, measures)
        anti_patterns.extend(each.finding(measure.id, measure.severity) for each in reasons)
    return patterns, anti_patterns


def matches(rule: Rule, tree: Tree) -> list[Finding]:
    """The matches of `rule`, at most fifty."""
    return [
        each
        for rule in _likely([rule], tree.text)
        for each in _told(rule, search([rule], tree.root)[0], tree)
    ]


def search(rules: Sequence[Rule], root: SgNode) -> list[list[SgNode]]:
    """The matching nodes for each of `rules`, from one walk through the tree for all rules.

    A rule is compiled for every search, which takes longer than the walk. So the first search only returns
    the first matching rule of each node. Few nodes match, and only the rules that may also match such a node
    are compiled again, to find all their matches.
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
    """Matching nodes, with the mark of their first matching rule."""
    return _nodes(root, {"any": [rule.marked for rule in rules]}) if rules else []


def _every(rules: Sequence[Rule], root: SgNode) -> list[SgNode]:
    """Matching nodes, with the marks of all their matching rules."""
    marks = [{"any": [rule.marked, {"pattern": "$_"}]} for rule in rules]
    return _nodes(root, {"all": [{"any": [rule.searched for rule in rules]}, *marks]}) if rules else []


def _nodes(root: SgNode, rule: Mapping[str, Any]) -> list[SgNode]:
    config: Any = {"rule": rule}
    return root.find_all(config)


def _matching(node: SgNode, rules: Iterable[tuple[int, Rule]]) -> Iterator[int]:
    return (number for number, rule in rules if node.get_match(rule.mark) is not None)


def _likely(rules: Sequence[Rule], text: str) -> list[Rule]:
    """The rules without words, or with a word in the text."""
    lowered = text.lower()
    here = {word for word in {word for rule in rules for word in rule.words} if word in lowered}
    return [rule for rule in rules if not rule.words or not here.isdisjoint(rule.words)]


def _told(rule: Rule, nodes: Sequence[SgNode], tree: Tree) -> list[Finding]:
    found = []
    for node in nodes:
        start = node.range().start
        scope = tree.enclosing(start.index)
        found.append(
            Finding(
                rule=rule.id,
                line=start.line + 1,
                severity=rule.severity,
                message=rule.message,
                symbol=scope.qualified_name if scope is not None else None,
            )
        )
    return found


def _exceeding(measure: Measure, tree: Tree, measures: Measures) -> Iterator[Reason]:
    if measure.scope == "document":
        if measures.duplicated_share > measure.above:
            yield Reason(measure.message, 1, None, measures.duplicated_share, measure.above)
        return
    for scope in tree.scopes:
        if scope.callable if measure.scope == "function" else scope.kind == "class":
            value = _value(measure.measure, scope, measures)
            if value > measure.above:
                yield beyond(measure.message, scope, value, measure.above)


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
