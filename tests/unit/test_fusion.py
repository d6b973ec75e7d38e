"""The fusion of two rankings."""

import pytest

from archon.stores.vectors.fusion import LEXICAL_WEIGHT, combined


def test_the_best_hit_of_both_searches_scores_1_and_comes_first() -> None:
    found = combined({"a": 9.0, "b": 3.0}, {"a": 0.9, "c": 0.5})
    assert found == {"a": pytest.approx(1.0), "b": pytest.approx(LEXICAL_WEIGHT / 3), "c": 0.0}


def test_the_scale_of_either_does_not_matter() -> None:
    small, large = {"a": 0.2, "b": 0.1}, {"a": 200.0, "b": 100.0}
    dense = {"b": 0.9, "a": 0.1}
    assert combined(small, dense) == pytest.approx(combined(large, dense))


def test_the_margin_between_hits_counts() -> None:
    dense = {"a": 0.50, "b": 0.51, "z": 0.1}
    assert combined({"a": 9.0, "b": 1.0}, dense)["a"] > combined({"a": 9.0, "b": 1.0}, dense)["b"]


def test_a_search_without_hits_leaves_the_order_to_the_other() -> None:
    assert combined({}, {"a": 0.9, "b": 0.1}) == {"a": 1.0, "b": 0.0}
    assert combined({"a": 4.0, "b": 1.0}, {}) == {"a": 1.0, "b": 0.25}
    assert combined({}, {}) == {}


def test_equals_stay_equal() -> None:
    assert combined({"a": 2.0, "b": 2.0}, {"a": 0.3, "b": 0.3}) == {"a": 1.0, "b": 1.0}
    assert combined({"a": 0.0}, {}) == {"a": 1.0}
