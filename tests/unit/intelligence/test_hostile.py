"""Sources that nobody would write: each has a bounded answer, in every language."""

import math
import random
import time
from collections import Counter

import pytest

from archon.contracts.analysis import AnalysisResult
from archon.contracts.types import EnrichmentType
from intelligence.analysis.analyser import analyse
from intelligence.analysis.fitness import PARSED_CHARACTERS
from intelligence.embedding import vectors as embedding
from intelligence.measures.findings import FINDINGS_PER_RULE, rules_of
from tests import hostile
from tests.unit.intelligence.test_measures import ALIKE

SECONDS = 60
"""Processor seconds: far more than any source needs, far less than an unbounded analysis."""

TEXTS = {
    "empty": "",
    "blank": "\n\n\n",
    "a NUL": "def f():\n    return '\0'\n",
    "brackets": "[" * 10_000,
    "parentheses": "(" * 10_000 + ")" * 10_000,
    "braces": "{" * 10_000 + "}" * 10_000,
    "angles": "<a>" * 5000,
    "quotes": "'\"`" * 5000,
    "blocks": "if (x) {\n" * 3000,
    "levels": "\n".join(" " * depth + "if x:" for depth in range(1000)),
    "one long line": "x = [" + "1, " * 20_000 + "]",
    "one long name": "x" * 500_000,
    "minified": "var a=1;function b(c){return c?b(c-1):a}" * 2000,
    "siblings": "def f(a): return f(1)\n" * 200,
    "nested": "class A { void f() { " * 100,
    "undecoded": "def f():\n    return 'na\ufffdve'\n" * 3,
    "broken": "def f(:\n  class\n\n def g(): pass\n } function (( {",
    "emoji": "def naïve():\n    '''☃'''\n    return '𝄞'\n",
    "Windows": "def f():\r\n    pass\r\n",
    "old Macintosh": "def f():\r    pass\r",
    "a byte order mark": "\ufeffdef f(): pass\n",
    "another encoding": "größe = 'naïve' # ☃\n".encode("utf-16").decode("latin-1") * 100,
    "binary": random.Random(2).randbytes(50_000).decode(errors="replace"),
    "noise": "".join(chr(random.Random(1).randrange(1, 0xD7FF)) for _ in range(20_000)),
    "huge": "x = 1  # a line of many\n" * 210_000,
}


def check(text: str, language: str | None) -> AnalysisResult:
    started = time.process_time()
    result = analyse(text, language, EnrichmentType.FULL)
    assert time.process_time() - started < SECONDS
    assert result.embedding is not None
    assert len(result.embedding) == embedding.DIMENSIONS
    assert AnalysisResult.model_validate_json(result.model_dump_json()) == result
    assert all(math.isfinite(value) for value in result.statistics.values())
    counts = Counter(finding.rule for finding in result.findings)
    assert all(counts[rule.id] <= FINDINGS_PER_RULE for rule in rules_of(str(language)))
    return result


@pytest.mark.sampled(8)
@pytest.mark.parametrize("language", hostile.LANGUAGES)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_every_text_has_an_answer(language: str | None, text: str) -> None:
    result = check(text, language)
    if len(text) > PARSED_CHARACTERS:
        assert (result.quality_score, result.entities) == (None, [])


@pytest.mark.sampled(9)
@pytest.mark.parametrize("language", hostile.LANGUAGES)
def test_every_mutation_has_an_answer(language: str | None) -> None:
    chance = random.Random(str(language))
    texts = [ALIKE.get(str(language), "# A title\n\nkey = 'value'\n"), *ALIKE.values()]
    for name, mutation in hostile.MUTATIONS.items():
        if name not in {"large", "chained"}:
            check(mutation(chance, texts[0], chance.choice(texts)), language)


def test_mutations_are_the_same_for_the_same_chance() -> None:
    texts = list(ALIKE.values())
    once, again = ([hostile.mutated(random.Random(seed), texts) for seed in range(50)] for _ in range(2))
    assert once == again
    assert len({text for _, text in once}) > 40
