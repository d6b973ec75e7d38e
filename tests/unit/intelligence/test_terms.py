"""A sparse vector represents a text, and is the same everywhere."""

import os
import subprocess
import sys

import pytest

from archon.contracts.analysis import Terms
from intelligence.embedding import terms


def weights(found: Terms) -> dict[int, float]:
    return dict(zip(found.indices, found.values, strict=True))


def of(word: str, found: Terms) -> float:
    return weights(found).get(terms.index_of(word), 0.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("parseHTTPResponse", {"pars", "http", "respons", "parsehttpresponse"}),
        ("read_user_settings", {"read", "user", "set", "read_user_settings"}),
        ("retries retrying retried", {"retri"}),
        ("the value of self is None", {"valu"}),
        ("sha256", {"sha", "256", "sha256"}),
        ("naïve Größe", {"naïv", "grösse"}),
        ("_private __dunder__", {"privat", "dunder"}),
        ("f(x) -> 3.14", {"f", "x", "3", "14"}),
        ("", set()),
        ("!? ...", set()),
    ],
)
def test_identifiers_fall_into_stems_beside_themselves(text: str, expected: set[str]) -> None:
    assert {term for term, _ in terms.tokens(text)} == expected


def test_a_query_finds_what_is_spelt_otherwise() -> None:
    chunk = terms.of_chunk("def f():\n    return retryWithBackoff(failure)\n")
    query = terms.of_query("retrying with backoffs after failures")
    assert len(set(chunk.indices) & set(query.indices)) == 3


def test_a_word_that_a_query_repeats_counts_once() -> None:
    assert terms.of_query("limits the rate, and limits the limit") == terms.of_query("limit, and rate")


def test_repeated_words_count_more_with_diminishing_returns() -> None:
    filler = " ".join(f"w{number}" for number in range(50))
    one, two, many = (of("tarpon", terms.of_chunk(f"{'tarpon ' * count}{filler}")) for count in (1, 2, 40))
    assert one < two < many < terms.K1 + 1
    assert two - one > (many - two) / 38


def test_a_long_text_says_less_of_each_word() -> None:
    filler = " ".join(f"w{number}" for number in range(500))
    assert of("tarpon", terms.of_chunk(f"tarpon {filler}")) < of("tarpon", terms.of_chunk("tarpon"))


def test_a_name_counts_more_than_its_scope_and_that_more_than_the_text() -> None:
    found = terms.of_chunk("alpha beta gamma", terms.Fields("alpha", "beta"))
    assert of("alpha", found) > of("beta", found) > of("gamma", found)


def test_the_weight_is_that_of_bm25() -> None:
    found = terms.of_chunk("one two two")
    length = 1 - terms.B + terms.B * 3 / terms.MEAN_LENGTH
    assert of("two", found) == pytest.approx(2 * (terms.K1 + 1) / (2 + terms.K1 * length), abs=1e-4)


@pytest.mark.slow
def test_an_index_is_the_same_in_every_process() -> None:
    code = "from intelligence.embedding import terms; print(terms.index_of('settings'))"
    for seed in ("1", "2"):
        finished = subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        assert int(finished.stdout) == terms.index_of("settings") == 629_814_218


def test_indices_are_in_order_and_unique() -> None:
    found = terms.of_query(" ".join(f"word{number}" for number in range(2000)))
    assert list(found.indices) == sorted(set(found.indices))
    with pytest.raises(ValueError, match="unique"):
        Terms(indices=[1, 1], values=[1.0, 1.0])
    with pytest.raises(ValueError, match="as many"):
        Terms(indices=[1], values=[])
