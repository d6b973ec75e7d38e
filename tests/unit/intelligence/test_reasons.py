"""In: analysed sources. Out: why they have their scores: values, limits, lines, and parts that add up."""

import json
import random

import pytest
from pydantic import ValidationError

from archon.cli.documents.reasons import sentence, show
from archon.contracts.analysis import AnalysisResult, Finding, ScorePart
from archon.contracts.types import EnrichmentType
from archon.contracts.views import Reasons
from intelligence.analysis.analyser import analyse
from intelligence.measures.findings import rule_sets
from tests import factories
from tests.unit.intelligence import golden

BRANCHES = "".join(f"    if x{number}: g()\n" for number in range(16))
STEPS = "".join(f"    x{number} = {number}\n" for number in range(81))
DEEP = "".join("    " * level + "if x:\n" for level in range(1, 6)) + "    " * 6 + "pass\n"
CHAIN = "".join(f"    if x{number}:\n        if y{number}: g()\n" for number in range(9))
METHODS = "".join(f"    def m{number}(self): pass\n" for number in range(26))
EXCEEDING = {
    "long-function": (f"\ndef f():\n{STEPS}", "`f` has 82 lines of code, more than 80 (line 2)"),
    "too-many-parameters": (
        "class A:\n    def f(self, a, b, c, d, e, g, h, i): pass\n",
        "`A.f` has 8 parameters, more than 7 (line 2)",
    ),
    "deep-nesting": (f"def f():\n{DEEP}", "`f` is nested 5 levels deep, more than 4 (line 1)"),
    "complex-function": (
        f"def f():\n{BRANCHES}",
        "`f` has a cyclomatic complexity of 17, more than 15 (line 1)",
    ),
    "hard-to-follow": (f"def f():\n{CHAIN}", "`f` has a cognitive complexity of 27, more than 25 (line 1)"),
    "god-class": (f"class A:\n{METHODS}", "`A` has 26 methods, more than 25 (line 1)"),
    "large-class": (
        "class A:\n" + "".join(f"    x{number} = {number}\n" for number in range(750)),
        "`A` has 751 lines of code, more than 750 (line 1)",
    ),
    "duplicated-code": (
        "def f():\n" + "    call(x, y, z)\n" * 40,
        "80.49% of the lines of code repeat earlier ones, more than 30% (line 1)",
    ),
}


def of(text: str, language: str = "python") -> AnalysisResult:
    return analyse(text, language, EnrichmentType.QUALITY_ONLY)


def places(found: AnalysisResult, measure: str) -> list[str]:
    parts = [*found.quality_parts, *found.complexity_parts]
    return [sentence(each) for part in parts if part.measure == measure for each in part.places]


def test_every_measure_has_an_example() -> None:
    assert {each.id for rules in rule_sets() for each in rules.measures} == set(EXCEEDING)


@pytest.mark.parametrize("rule", EXCEEDING)
def test_a_measure_says_its_value_and_its_limit(rule: str) -> None:
    text, said = EXCEEDING[rule]
    (finding,) = [each for each in of(text).findings if each.rule == rule]
    assert sentence(finding) == said
    assert finding.value is not None
    assert finding.limit is not None
    assert finding.value > finding.limit


def test_a_rule_says_in_which_symbol_it_was_broken() -> None:
    found = of("eval(a)\n\n\nclass A:\n    def f(self):\n        eval(a)\n").findings
    assert [(each.line, each.symbol) for each in found if each.rule == "code-from-strings"] == [
        (1, None),
        (6, "A.f"),
    ]


def test_a_long_name_is_cut_in_the_message_only() -> None:
    name = "f" * 250
    (finding,) = of(f"def {name}(a, b, c, d, e, g, h, i): pass\n").findings
    assert finding.symbol == name
    assert finding.message == f"`{name[:100]}` has 8 parameters, more than 7"


@pytest.mark.parametrize(("name", "language", "text"), list(golden.sources()))
def test_parts_add_up_to_the_score(name: str, language: str, text: str) -> None:
    lines = text.split("\n")
    random.Random(name).shuffle(lines)
    for each in (text, "\n".join(lines)):
        found = of(each, language)
        for score, base, parts in (
            (found.quality_score, 1, found.quality_parts),
            (found.complexity_score, 0, found.complexity_parts),
        ):
            assert (score is None) == (parts == [])
            assert score is None or score == round(base + sum(part.effect for part in parts), 4)
            assert all(found.statistics[part.measure] == part.value for part in parts)
            assert all(part.effect <= 0 if base else part.effect >= 0 for part in parts)


@pytest.mark.parametrize(("name", "language", "text"), list(golden.sources()))
def test_a_part_with_an_effect_names_the_lines(name: str, language: str, text: str) -> None:
    found = of(text, language)
    for part in [*found.quality_parts, *found.complexity_parts]:
        causes = found.anti_patterns_detected if part.measure == "anti_pattern_weight" else part.places
        assert bool(causes) == bool(part.effect), part.measure
        assert len(part.places) <= 5
        assert all(each.line or each.symbol is None for each in part.places)


def test_what_is_not_as_it_should_be_is_named_with_the_worst_first() -> None:
    longer = "".join(f"    y{number} = {number}\n" for number in range(60))
    text = f'"""All."""\ndef _f():\n{longer}def _g():\n{STEPS}def h(): pass\n'
    found = of(text)
    assert places(found, "short_share") == [
        "`_g` has 82 lines of code, more than 50 (line 63)",
        "`_f` has 61 lines of code, more than 50 (line 2)",
    ]
    assert places(found, "documented_share") == ["`h` has no documentation (line 145)"]
    assert places(of(f"def f():\n{BRANCHES}"), "simple_share") == [
        "`f` has a cyclomatic complexity of 17, more than 10 (line 1)"
    ]
    outside = "".join(line.removeprefix("    ") for line in BRANCHES.splitlines(keepends=True))
    assert places(of(outside), "simple_share") == [
        "Code outside functions has a cyclomatic complexity of 17, more than 10"
    ]
    assert places(of(outside), "max_cognitive_complexity") == [
        "Code outside functions has a cognitive complexity of 16"
    ]
    assert places(of("def f(:\n"), "syntax_errors") == ["The parser cannot read this (line 1)"]
    short = "def f(x):\n    return x\n"
    assert places(of(f"{short}\n{short}"), "duplicated_share") == ["2 lines repeat earlier ones (line 4)"]


def test_prose_says_why_too() -> None:
    found = of("said\n" * 70 + "\n```\ncode\n```\n", "markdown")
    assert places(found, "titled") == ["The document has no heading (line 1)"]
    assert places(found, "short_section_share") == ["This section has 74 lines, more than 60 (line 1)"]
    assert places(found, "labelled_code_share") == ["This code block has no language (line 72)"]


def test_a_notebook_has_the_lines_of_its_file() -> None:
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": ["def f(): pass\n"]}]
    text = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}, indent=1)
    found = of(text, "notebook")
    line = next(number for number, each in enumerate(text.split("\n"), 1) if "def f" in each)
    assert places(found, "documented_share") == [f"`f` has no documentation (line {line})"]


def test_entities_alone_have_no_reasons() -> None:
    found = analyse(f"def f():\n{STEPS}", "python", EnrichmentType.ENTITIES_ONLY)
    assert Reasons.of(found) == Reasons()


def test_an_analysis_from_before_is_read() -> None:
    old = factories.analysis("f").model_dump(mode="json", exclude={"quality_parts", "complexity_parts"})
    old["findings"] = [{"rule": "long-function", "line": 3, "severity": "warning", "message": "Too long"}]
    found = Reasons.of(AnalysisResult.model_validate_json(json.dumps(old)))
    assert [sentence(each) for each in found.findings] == ["Too long (line 3)"]
    assert (found.quality_parts, found.complexity_parts) == ([], [])


def test_what_a_service_sends_is_kept_short() -> None:
    long = Finding(rule="bad", line=1, message="m" * 9999, symbol="s" * 9999, severity="warning", more="x")
    part = ScorePart(measure="m" * 999, value=1, effect=-0.1, places=[long] * 100)
    found = factories.analysis(
        anti_patterns_detected=["bad", "worse"],
        findings=[long] * 100 + [Finding(rule="good"), Finding(rule="worse", severity="error")],
        quality_parts=[part] * 100,
        complexity_parts=[part] * 100,
    )
    reasons = Reasons.of(found)
    assert (reasons.findings[0].rule, len(reasons.findings), reasons.more_findings) == ("worse", 20, 81)
    assert len(reasons.model_dump_json()) < 80_000
    assert Reasons.model_validate_json(reasons.model_dump_json(exclude_defaults=True)) == reasons


@pytest.mark.parametrize("value", ["NaN", "Infinity"])
def test_a_value_is_a_number(value: str) -> None:
    with pytest.raises(ValidationError):
        ScorePart.model_validate_json(f'{{"measure": "m", "value": {value}, "effect": 0}}')


def test_the_picture_has_each_measure_and_each_line(capsys: pytest.CaptureFixture[str]) -> None:
    show(Reasons.of(of(f'def f():\n{BRANCHES}def _g():\n    eval("[red]")\n')))
    shown = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "-0.200 documented_share 0 `f` has no documentation (line 1)" in shown
    assert "error code-from-strings Runs text as code, in `_g` (line 19)" in shown
    assert not any("short_share" in line for line in shown)
    few = Finding(rule="bad", severity="info")
    show(Reasons(findings=[few], more_findings=3))
    assert capsys.readouterr().out.split("\n")[-3:-1] == [
        "info      bad      bad",
        "                   and 3 more",
    ]
