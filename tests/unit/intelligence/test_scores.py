"""The effect of changes to real sources on their scores."""

import ast
import random
import sysconfig
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from archon.contracts.analysis import AnalysisResult
from archon.contracts.types import EnrichmentType
from intelligence.analysis.analyser import analyse
from intelligence.measures import scores
from intelligence.measures.findings import Rule, rule_sets, rules_of, search
from intelligence.measures.rule_terms import in_ascii
from intelligence.syntax.grammar import grammars
from intelligence.syntax.tree import parse

FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


def of(text: str, language: str = "python") -> AnalysisResult:
    return analyse(text, language, EnrichmentType.QUALITY_ONLY)


def sources() -> list[str]:
    """Files of the standard library, small enough for some hundred analyses."""
    root = Path(sysconfig.get_path("stdlib"))
    files = [file for file in sorted(root.glob("*.py")) if 2000 < file.stat().st_size < 20_000]
    return [file.read_text() for file in random.Random(5).sample(files, 12)]


def functions(text: str) -> Iterator[FUNCTIONS]:
    """Functions whose body begins on its own line."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, FUNCTIONS) and node.body[0].lineno > node.lineno:
            yield node


def below(text: str, function: FUNCTIONS, added: list[str]) -> str:
    """With lines added at the end of a function."""
    last = function.body[-1]
    lines = text.splitlines()
    assert last.end_lineno is not None
    lines[last.end_lineno : last.end_lineno] = [" " * last.col_offset + line for line in added]
    return "\n".join(lines) + "\n"


def chosen(text: str) -> list[FUNCTIONS]:
    found = list(functions(text))
    return random.Random(1).sample(found, min(4, len(found)))


@pytest.mark.sampled(3)
@pytest.mark.parametrize("text", sources())
def test_decisions_and_levels_never_lower_complexity(text: str) -> None:
    before = of(text).complexity_score
    assert before is not None
    for function in chosen(text):
        flat = of(below(text, function, ["if a:", "    b()"])).complexity_score
        deep = of(below(text, function, ["if a:", "    if b:", "        c()"])).complexity_score
        flatter = of(below(text, function, ["if a:", "    b()", "if b:", "    c()"])).complexity_score
        assert flat is not None
        assert deep is not None
        assert flatter is not None
        assert before <= flat <= flatter <= deep
    outside = of(f"{text}\nif a:\n    b()\n").complexity_score
    assert outside is not None
    assert before <= outside


@pytest.mark.sampled(3)
@pytest.mark.parametrize("text", sources())
def test_missing_documentation_never_raises_quality(text: str) -> None:
    whole = of(text)
    before = whole.quality_score
    assert before is not None
    documented = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, FUNCTIONS | ast.ClassDef) and ast.get_docstring(node) and len(node.body) > 1
    ]
    for node in random.Random(1).sample(documented, min(6, len(documented))):
        lines = text.splitlines()
        docstring = node.body[0]
        del lines[docstring.lineno - 1 : docstring.end_lineno]
        less = of("\n".join(lines) + "\n")
        assert less.complexity_score == whole.complexity_score
        assert less.quality_score is not None
        assert less.quality_score <= before


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", ["", "_copied"])
@pytest.mark.parametrize("text", sources())
def test_a_copy_never_raises_quality(text: str, name: str) -> None:
    before = of(text).quality_score
    assert before is not None
    lines = text.splitlines()
    for function in chosen(text):
        if function.col_offset or function.decorator_list:
            continue
        copy = "\n".join(lines[function.lineno - 1 : function.end_lineno])
        after = of(f"{text}\n\n{copy.replace(function.name, function.name + name, 1)}\n").quality_score
        assert after is not None
        # With another name, a function not longer than a window is not a copy.
        if not name or len(copy.split()) > 60:
            assert after <= before


@pytest.mark.parametrize("name", ["good", "another"])
def test_the_one_good_function_counts_once_however_often_it_is_there(name: str) -> None:
    body = "".join(f"    first_{number} = call(first, {number})\n" for number in range(8))
    good = f'def good(first):\n    """Said."""\n{body}'
    bad = "".join(f"def bad_{number}(x):\n    eval(x[{number}])\n" for number in range(30))
    once, twice = of(good + bad), of(good + bad + good.replace("good", name, 1))
    assert twice.statistics["documented_share"] == once.statistics["documented_share"]
    assert twice.statistics["simple_share"] == once.statistics["simple_share"]
    assert once.quality_score is not None
    assert twice.quality_score is not None
    assert twice.quality_score < once.quality_score


@pytest.mark.sampled(3)
@pytest.mark.parametrize("text", sources())
def test_an_anti_pattern_never_raises_quality(text: str) -> None:
    before = of(text).quality_score
    assert before is not None
    for function in chosen(text):
        for bad in (["eval(a)"], ["try:", "    a()", "except:", "    b()"], ["global zzz"]):
            after = of(below(text, function, bad)).quality_score
            assert after is not None
            assert after <= before


@pytest.mark.parametrize("text", sources()[:4])
def test_syntax_errors_lower_quality(text: str) -> None:
    scores_ = [of(text + ")(] = 1\n" * count).quality_score for count in (0, 1, 5, 50)]
    assert all(isinstance(each, float) for each in scores_)
    assert scores_ == sorted(scores_, reverse=True)  # type: ignore[type-var]
    assert len(set(scores_)) == len(scores_)


def test_comments_and_blank_lines_change_no_score() -> None:
    text = sources()[0]
    wider = text.replace("\n", "\n\n# said\n", 1) + "\n\n# at the end\n"
    assert of(text).quality_score == of(wider).quality_score
    assert of(text).complexity_score == of(wider).complexity_score


def test_the_halves_are_at_the_published_limits() -> None:
    def complexity(mean: float, cognitive: float) -> float:
        statistics = {"mean_cyclomatic_complexity": mean, "max_cognitive_complexity": cognitive}
        return sum(scores.code_complexity(statistics).values())

    assert complexity(1, 0) == 0
    assert complexity(11, 15) == 0.5
    assert complexity(11, 0) == complexity(1, 15) == 0.25


def test_quality_is_one_where_nothing_is_amiss() -> None:
    assert of('def f(x):\n    """Twice x."""\n    return x + x\n').quality_score == 1


@pytest.mark.parametrize("language", grammars())
def test_scores_of_every_language_are_documented(language: str) -> None:
    found = of("x", language)
    assert found.quality_score is not None
    assert found.complexity_score is not None


RULES = [(language, rule) for language in sorted(grammars()) for rule in rules_of(language)]


def test_the_most_used_languages_have_many_rules() -> None:
    for language in ("python", "javascript", "typescript", "tsx", "java"):
        kinds = [rule.type for rule in rules_of(language)]
        assert kinds.count("pattern") >= 12
        assert kinds.count("anti_pattern") >= 20
        assert len({rule.id for rule in rules_of(language)}) == len(kinds)


def test_the_documentation_counts_them() -> None:
    page = Path(__file__).parents[3].joinpath("docs", "analysis.md").read_text()
    page = " ".join(page.split())
    for name, language in (("Python", "python"), ("JavaScript", "javascript"), ("Java", "java")):
        kinds = Counter(rule.type for rule in rules_of(language))
        assert f"{name} {kinds['pattern']} and {kinds['anti_pattern']}" in page
    kinds = Counter(rule.type for rule in rules_of("tsx"))
    assert f"TypeScript and TSX {kinds['pattern']} and {kinds['anti_pattern']}" in page
    measures = sum(len(rules.measures) for rules in rule_sets())
    assert f"all languages with a grammar have {measures} anti-patterns by measure" in page


@pytest.mark.parametrize("language", ["python", "javascript", "java", "tsx"])
def test_rules_searched_for_together_find_what_each_finds_alone(language: str) -> None:
    rules = rules_of(language)
    text = "\n".join(example for rule in rules for example in [*rule.positive, *rule.negative])
    root = parse(text, language, grammars()[language]).root
    together = search(rules, root)
    for rule, nodes in zip(rules, together, strict=True):
        alone = search([rule], root)[0]
        assert [node.range().start.index for node in nodes] == [node.range().start.index for node in alone], (
            rule.id
        )
    assert sum(map(len, together)) > len(rules)


@pytest.mark.parametrize(
    ("language", "rule"), RULES, ids=[f"{language}-{rule.id}" for language, rule in RULES]
)
def test_words_are_small_and_in_every_example(language: str, rule: Rule) -> None:
    assert all(word == word.lower() for word in rule.words)
    if rule.words:
        assert all(any(word in example.lower() for word in rule.words) for example in rule.positive)


def test_regular_expressions_keep_their_meaning() -> None:
    assert in_ascii(r"^\w+$") == r"(?-u)^\w+$"
    assert in_ascii(r"a.\w") == "a.[0-9A-Za-z_]"
    assert in_ascii(r"[^\w.]\.\w") == r"[^0-9A-Za-z_.]\.[0-9A-Za-z_]"
    assert in_ascii(r"\S+") == r"\S+"
    assert in_ascii("ü") == "ü"
