"""In: measures of a source or of prose. Out: its quality and complexity, 0 to 1, and all their inputs.

docs/analysis.md has the formulas with their sources, and the effect of each input.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from archon.contracts.analysis import Entity, Finding
from archon.contracts.text.lines import count_lines, lines_of
from intelligence.measures.measures import Measures
from intelligence.syntax.tree import ScopeNode, Tree

COMPLEX = 10
"""McCabe's limit for one function (A Complexity Measure, 1976)."""
HARD_TO_FOLLOW = 15
"""SonarSource's limit for the cognitive complexity of one function."""
LONG_FUNCTION = 50
LONG_SECTION = 60
_WEIGHTS = {"error": 3.0, "warning": 1.0, "info": 0.3}


def code_statistics(tree: Tree, measures: Measures, found: Sequence[Finding]) -> dict[str, float]:
    """The inputs of a source's scores; `found` are its anti-patterns."""
    functions = [scope for scope in tree.scopes if scope.callable]
    copies = measures.distinct
    decisions = tree.decisions + sum(scope.decisions for scope in functions)
    lines = [
        measures.code_lines(group[0].start_line, group[0].end_line) for group in copies if group[0].callable
    ]
    return {
        "lines": count_lines(tree.text),
        "code_lines": measures.all_code_lines,
        "functions": len(functions),
        "decisions": decisions,
        "mean_cyclomatic_complexity": 1 + decisions / max(1, len(functions)),
        "max_cyclomatic_complexity": 1 + max([tree.decisions, *(scope.decisions for scope in functions)]),
        "cognitive_complexity": measures.cognitive.total(),
        "max_cognitive_complexity": max(measures.cognitive.values(), default=0),
        "max_nesting": max((scope.nesting for scope in functions), default=0),
        "documented_share": _documented(copies),
        "short_share": _share([length <= LONG_FUNCTION for length in lines]),
        "simple_share": _simple(tree, measures, copies),
        "syntax_errors": tree.errors,
        "duplicated_lines": len(measures.repeated),
        "duplicated_share": measures.duplicated_share,
        "anti_patterns": len(found),
        "anti_pattern_weight": sum(_WEIGHTS[item.severity or "info"] for item in found),
    }


def _documented(copies: Sequence[Sequence[ScopeNode]]) -> float:
    """Share of public scopes with documentation, copies included."""
    public = [
        named for group in copies if (named := [each for each in group if not each.name.startswith("_")])
    ]
    return _share([all(scope.documentation is not None for scope in group) for group in public])


def _simple(tree: Tree, measures: Measures, copies: Sequence[Sequence[ScopeNode]]) -> float:
    """Share of functions below both limits; all code outside functions counts as one function."""
    simple = [tree.decisions < COMPLEX and measures.cognitive_outside <= HARD_TO_FOLLOW]
    simple += [
        scope.decisions < COMPLEX and measures.cognitive[scope.start] <= HARD_TO_FOLLOW
        for scope, *_ in copies
        if scope.callable
    ]
    return _share(simple)


def code_quality(statistics: dict[str, float]) -> float:
    """The mean of documentation, length, simplicity, uniqueness, and freedom from anti-patterns per hundred
    lines of distinct code; reduced by the share of code that cannot be parsed."""
    own_lines = statistics["code_lines"] - statistics["duplicated_lines"]
    density = statistics["anti_pattern_weight"] / max(1.0, own_lines / 100)
    shares = statistics["documented_share"] + statistics["short_share"] + statistics["simple_share"]
    mean = (shares + 1 - statistics["duplicated_share"] + math.exp(-density / 2)) / 5
    unparsed = statistics["syntax_errors"] / max(1.0, statistics["code_lines"] / 100)
    return round(mean * math.exp(-unparsed / 20), 4)


def code_complexity(statistics: dict[str, float]) -> float:
    """The mean of d / (d + 10) and c / (c + 15): d is the mean cyclomatic complexity above the minimum, c the
    largest cognitive complexity."""
    above = statistics["mean_cyclomatic_complexity"] - 1
    largest = statistics["max_cognitive_complexity"]
    return round((above / (above + COMPLEX) + largest / (largest + HARD_TO_FOLLOW)) / 2, 4)


def prose_statistics(text: str, entities: Sequence[Entity]) -> dict[str, float]:
    """The inputs of a Markdown document's quality."""
    headings = [entity for entity in entities if entity.kind == "heading"]
    blocks = [entity for entity in entities if entity.kind == "code_block"]
    lines = max(1, count_lines(text))
    starts = [0, *(entity.start_line for entity in headings), lines]
    sections = [end - start for start, end in pairwise(starts)]
    return {
        "lines": lines,
        "words": len(text.split()),
        "headings": len(headings),
        "titled": float(bool(headings)),
        "short_section_share": _share([length <= LONG_SECTION for length in sections]),
        "labelled_code_share": _share([block.name != "text" for block in blocks]),
    }


def prose_quality(statistics: dict[str, float]) -> float:
    """A title, sections of reasonable length, and code blocks with a language."""
    shares = ("titled", "short_section_share", "labelled_code_share")
    return round(sum(statistics[name] for name in shares) / len(shares), 4)


def text_statistics(text: str) -> dict[str, float]:
    lines = lines_of(text)
    return {
        "lines": len(lines),
        "words": len(text.split()),
        "characters": len(text),
        "longest_line": max(map(len, lines), default=0),
    }


def _share(facts: Sequence[bool]) -> float:
    return sum(facts) / len(facts) if facts else 1.0
