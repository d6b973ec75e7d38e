"""In: measures of a source or of prose. Out: its quality and complexity, 0 to 1, all their inputs, and their
parts with the lines that cause them.

docs/analysis.md has the formulas with their sources, and the effect of each input.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from archon.contracts.analysis import Entity, Finding, ScorePart
from archon.contracts.text.lines import count_lines, lines_of
from intelligence.measures.measures import Measures
from intelligence.measures.reasons import Reason, Share, beyond, parts, runs
from intelligence.syntax.tree import ScopeNode, Tree

COMPLEX: Final = 10
"""McCabe's limit for one function (A Complexity Measure, 1976)."""
HARD_TO_FOLLOW: Final = 15
"""SonarSource's limit for the cognitive complexity of one function."""
LONG_FUNCTION: Final = 50
LONG_SECTION: Final = 60
_WEIGHTS: Final = {"error": 3.0, "warning": 1.0, "info": 0.3}
_CYCLOMATIC: Final = "{symbol} has a cyclomatic complexity of {value}"
_COGNITIVE: Final = "{symbol} has a cognitive complexity of {value}"
_LIMITED: Final = ", more than {limit}"
_DIGITS: Final = 8
"""Of an effect; a score has four."""


@dataclass
class Scores:
    """The parts add up to the scores; a score that does not apply has none."""

    statistics: dict[str, float]
    quality_parts: Sequence[ScorePart] = ()
    complexity_parts: Sequence[ScorePart] = ()

    @property
    def quality(self) -> float | None:
        return round(1 + _total(self.quality_parts), 4) if self.quality_parts else None

    @property
    def complexity(self) -> float | None:
        return round(_total(self.complexity_parts), 4) if self.complexity_parts else None


def _total(parts_: Sequence[ScorePart]) -> float:
    return sum(each.effect for each in parts_)


def of_code(tree: Tree, measures: Measures, found: Sequence[Finding]) -> Scores:
    """`found` are the source's anti-patterns."""
    functions = [scope for scope in tree.scopes if scope.callable]
    decisions = tree.decisions + sum(scope.decisions for scope in functions)
    shares = {
        "documented_share": _documented(measures),
        "short_share": _short(measures),
        "simple_share": _simple(tree, measures),
    }
    statistics = {
        "lines": count_lines(tree.text),
        "code_lines": measures.all_code_lines,
        "functions": len(functions),
        "decisions": decisions,
        "mean_cyclomatic_complexity": 1 + decisions / max(1, len(functions)),
        "max_cyclomatic_complexity": 1 + max([tree.decisions, *(scope.decisions for scope in functions)]),
        "cognitive_complexity": measures.cognitive.total(),
        "max_cognitive_complexity": max(measures.cognitive.values(), default=0),
        "max_nesting": max((scope.nesting for scope in functions), default=0),
        **{name: share.value for name, share in shares.items()},
        "syntax_errors": tree.errors,
        "duplicated_lines": len(measures.repeated),
        "duplicated_share": measures.duplicated_share,
        "anti_patterns": len(found),
        "anti_pattern_weight": sum(_WEIGHTS[item.severity or "info"] for item in found),
    }
    reasons = {name: share.amiss for name, share in shares.items()} | {
        "duplicated_share": list(runs(sorted(measures.repeated))),
        "syntax_errors": [
            Reason("The parser cannot read this", line)
            for line in dict.fromkeys(tree.line(start) for start, _ in tree.misses)
        ],
    }
    return Scores(
        statistics,
        parts(code_quality(statistics), statistics, reasons),
        parts(code_complexity(statistics), statistics, _most_complex(tree, measures, functions)),
    )


def _documented(measures: Measures) -> Share:
    """Public scopes with documentation, copies included."""
    public = [
        named
        for group in measures.distinct
        if (named := [each for each in group if not each.name.startswith("_")])
    ]
    bare = [next((scope for scope in group if scope.documentation is None), None) for group in public]
    text = "{symbol} has no documentation"
    return Share(len(public), [Reason(text, scope.start_line, scope) for scope in bare if scope is not None])


def _short(measures: Measures) -> Share:
    """Functions that are not too long."""
    functions = [scope for scope, *_ in measures.distinct if scope.callable]
    lengths = [measures.code_lines(scope.start_line, scope.end_line) for scope in functions]
    text = "{symbol} has {value} lines of code" + _LIMITED
    return Share(
        len(functions),
        [
            beyond(text, scope, length, LONG_FUNCTION)
            for scope, length in zip(functions, lengths, strict=True)
            if length > LONG_FUNCTION
        ],
    )


def _simple(tree: Tree, measures: Measures) -> Share:
    """Functions below both limits; all code outside functions counts as one function."""
    items: list[tuple[ScopeNode | None, int, int]] = [(None, tree.decisions, measures.cognitive_outside)]
    items += [
        (scope, scope.decisions, measures.cognitive[scope.start])
        for scope, *_ in measures.distinct
        if scope.callable
    ]
    amiss = []
    for scope, decisions, cognitive in items:
        if decisions >= COMPLEX:
            amiss.append(beyond(_CYCLOMATIC + _LIMITED, scope, decisions + 1, COMPLEX))
        elif cognitive > HARD_TO_FOLLOW:
            amiss.append(beyond(_COGNITIVE + _LIMITED, scope, cognitive, HARD_TO_FOLLOW))
    return Share(len(items), amiss)


def _most_complex(
    tree: Tree, measures: Measures, functions: Sequence[ScopeNode]
) -> Mapping[str, Sequence[Reason]]:
    """For both measures the function with the highest value, or the code outside functions."""
    at, cognitive = max(measures.cognitive.items(), key=lambda item: item[1], default=(0, 0))
    scope = next((each for each in functions if each.start == at), None)
    most = max(functions, key=lambda each: each.decisions, default=None)
    if most is None or most.decisions < tree.decisions:
        most, decisions = None, tree.decisions
    else:
        decisions = most.decisions
    return {
        "mean_cyclomatic_complexity": [_reached(_CYCLOMATIC, most, decisions + 1)] if decisions else [],
        "max_cognitive_complexity": [_reached(_COGNITIVE, scope, cognitive)] if cognitive else [],
    }


def _reached(text: str, scope: ScopeNode | None, value: float) -> Reason:
    return Reason(text, scope.start_line if scope is not None else None, scope, value)


def code_quality(statistics: Mapping[str, float]) -> dict[str, float]:
    """What each measure takes away, as a negative effect: documentation, length, simplicity, uniqueness, and
    freedom from anti-patterns per hundred lines of distinct code take up to a fifth each; code that cannot be
    parsed takes a share of what they leave."""
    own_lines = statistics["code_lines"] - statistics["duplicated_lines"]
    density = statistics["anti_pattern_weight"] / max(1.0, own_lines / 100)
    lost = {name: statistics[name] - 1 for name in ("documented_share", "short_share", "simple_share")}
    lost |= {
        "duplicated_share": -statistics["duplicated_share"],
        "anti_pattern_weight": math.expm1(-density / 2),
    }
    effects = {name: effect / len(lost) for name, effect in lost.items()}
    unparsed = statistics["syntax_errors"] / max(1.0, statistics["code_lines"] / 100)
    effects["syntax_errors"] = (1 + sum(effects.values())) * math.expm1(-unparsed / 20)
    return _rounded(effects)


def code_complexity(statistics: Mapping[str, float]) -> dict[str, float]:
    """What each measure adds: half of d / (d + 10) and of c / (c + 15): d is the mean cyclomatic complexity
    above the minimum, c the largest cognitive complexity."""
    above = statistics["mean_cyclomatic_complexity"] - 1
    largest = statistics["max_cognitive_complexity"]
    return _rounded(
        {
            "mean_cyclomatic_complexity": above / (above + COMPLEX) / 2,
            "max_cognitive_complexity": largest / (largest + HARD_TO_FOLLOW) / 2,
        }
    )


def _rounded(effects: Mapping[str, float]) -> dict[str, float]:
    # The sum with zero leaves no minus zero.
    return {name: round(effect, _DIGITS) + 0.0 for name, effect in effects.items()}


def of_prose(text: str, entities: Sequence[Entity]) -> Scores:
    """A Markdown document's quality: a title, sections of reasonable length, code blocks with a language."""
    headings = [entity for entity in entities if entity.kind == "heading"]
    blocks = [entity for entity in entities if entity.kind == "code_block"]
    lines = max(1, count_lines(text))
    starts = [0, *(entity.start_line for entity in headings), lines]
    long = "This section has {value} lines, more than {limit}"
    shares = {
        "titled": Share(1, [] if headings else [Reason("The document has no heading", 1)]),
        "short_section_share": Share(
            len(starts) - 1,
            [
                Reason(long, max(1, start), None, end - start, LONG_SECTION)
                for start, end in pairwise(starts)
                if end - start > LONG_SECTION
            ],
        ),
        "labelled_code_share": Share(
            len(blocks),
            [
                Reason("This code block has no language", each.start_line)
                for each in blocks
                if each.name == "text"
            ],
        ),
    }
    statistics = {
        "lines": lines,
        "words": len(text.split()),
        "headings": len(headings),
        **{name: share.value for name, share in shares.items()},
    }
    effects = _rounded({name: (share.value - 1) / len(shares) for name, share in shares.items()})
    return Scores(
        statistics, parts(effects, statistics, {name: share.amiss for name, share in shares.items()})
    )


def text_statistics(text: str) -> dict[str, float]:
    lines = lines_of(text)
    return {
        "lines": len(lines),
        "words": len(text.split()),
        "characters": len(text),
        "longest_line": max(map(len, lines), default=0),
    }
