"""In: measures of a source or of prose. Out: its quality and complexity, 0 to 1, and every input to them.

The formulas and their sources stand in docs/analysis.md. Each input moves its score one way only.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from archon.contracts.analysis import Entity, Finding
from intelligence.syntax import Tree

COMPLEX = 10
"""McCabe's limit for one function (A Complexity Measure, 1976)."""
LONG_FUNCTION = 50
LONG_SECTION = 60
_WEIGHTS = {"error": 3.0, "warning": 1.0, "info": 0.3}


def code_statistics(tree: Tree, text: str, anti_patterns: Sequence[Finding]) -> dict[str, float]:
    """What the scores of a source are made of."""
    functions = [scope for scope in tree.scopes if scope.callable]
    named = [scope for scope in tree.scopes if not scope.name.startswith("_")]
    complexities = [scope.decisions + 1 for scope in functions] or [tree.decisions + 1]
    documented = sum(scope.documentation is not None for scope in named)
    lines = max(1, text.count("\n") + 1)
    return {
        "lines": lines,
        "functions": len(functions),
        "mean_cyclomatic_complexity": sum(complexities) / len(complexities),
        "max_cyclomatic_complexity": max(complexities),
        "max_nesting": max((scope.nesting for scope in functions), default=0),
        "documented_share": documented / len(named) if named else 1.0,
        "short_share": _share([scope.lines <= LONG_FUNCTION for scope in functions]),
        "simple_share": _share([value <= COMPLEX for value in complexities]),
        "anti_pattern_weight": sum(_WEIGHTS[item.severity or "info"] for item in anti_patterns),
    }


def code_quality(statistics: dict[str, float]) -> float:
    """Documentation, length, simplicity, and freedom from anti-patterns per hundred lines."""
    density = statistics["anti_pattern_weight"] / max(1.0, statistics["lines"] / 100)
    return round(
        0.25 * statistics["documented_share"]
        + 0.25 * statistics["short_share"]
        + 0.25 * statistics["simple_share"]
        + 0.25 * math.exp(-density / 2),
        4,
    )


def code_complexity(statistics: dict[str, float]) -> float:
    """C / (c + 10), c being the mean cyclomatic complexity above the least possible."""
    above = statistics["mean_cyclomatic_complexity"] - 1
    return round(above / (above + COMPLEX), 4)


def prose_statistics(text: str, entities: Sequence[Entity]) -> dict[str, float]:
    """What the quality of a Markdown document is made of."""
    headings = [entity for entity in entities if entity.kind == "heading"]
    blocks = [entity for entity in entities if entity.kind == "code_block"]
    lines = max(1, text.count("\n") + 1)
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
    """A title, sections of bearable length, and code blocks that say their language."""
    shares = ("titled", "short_section_share", "labelled_code_share")
    return round(sum(statistics[name] for name in shares) / len(shares), 4)


def text_statistics(text: str) -> dict[str, float]:
    lines = text.splitlines()
    return {
        "lines": len(lines),
        "words": len(text.split()),
        "characters": len(text),
        "longest_line": max(map(len, lines), default=0),
    }


def _share(facts: Sequence[bool]) -> float:
    return sum(facts) / len(facts) if facts else 1.0
