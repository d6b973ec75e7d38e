"""The results of analyses before an optimisation, recorded in golden.json.

An entry names its figures, so a failure shows the difference. Vectors may differ by a 127th, because sums of
floats depend on the processor.
"""

from collections.abc import Sequence

import pytest

from tests.unit.intelligence import golden

VECTORS = ("embedding", "embeddings of chunks")


@pytest.mark.parametrize(("name", "language", "text"), list(golden.sources()))
def test_an_analysis_is_what_it_was(name: str, language: str, text: str) -> None:
    before, now = dict(golden.recorded()["sources"][name]), golden.record(language, text)
    assert {key: golden.apart(before.pop(key), now.pop(key)) <= 1 for key in VECTORS} == dict.fromkeys(
        VECTORS, True
    )
    assert now == before


@pytest.mark.parametrize(("name", "language", "texts"), list(golden.examples()))
def test_the_examples_of_a_rule_have_the_findings_that_they_had(
    name: str, language: str, texts: Sequence[str]
) -> None:
    assert golden.findings_of(language, texts) == golden.recorded()["examples"][name]


def test_nothing_that_was_recorded_is_left_out() -> None:
    names = {name for name, *_ in golden.sources()}, {name for name, *_ in golden.examples()}
    assert names == (set(golden.recorded()["sources"]), set(golden.recorded()["examples"]))
