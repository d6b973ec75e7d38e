"""The ranking of two searches' candidates, each part by itself."""

from typing import Any

import pytest

from archon.stores.vectors.ranking import LOOSE, NOISE, OTHER_KIND, SPECIAL, ranked
from archon.stores.vectors.search import PER_DOCUMENT, Mode, limited, ranking


def payload(symbol: str | None = "other", **more: Any) -> dict[str, Any]:
    known = {"document_id": more.get("file_path", "a"), "document_type": "code", "kind": "function"}
    return {**known, "symbol": symbol, "project_name": "p", "file_path": "src/a.py", **more}


def scores(text: str, payloads: dict[str, dict[str, Any]], **found: dict[str, float]) -> dict[str, float]:
    """All candidates are equal for both searches, unless given."""
    equal = dict.fromkeys(payloads, 1.0)
    measured = {"terms": equal, "embedding": equal, **found}
    return {each: sum(parts.values()) for each, parts in ranked(measured, payloads, text).items()}


def test_what_both_find_best_comes_first_and_no_score_exceeds_1() -> None:
    payloads = {each: payload(each, document_id=each) for each in "abc"}
    found = scores("", payloads, terms={"a": 9.0, "b": 3.0}, embedding={"a": 0.9, "c": 0.5})
    assert list(found) == ["a", "b", "c"]
    assert all(0 <= score <= 1 for score in found.values())
    exact = scores("read_it", {"a": payload("read_it", file_path="read_it.py")})
    assert 0.8 < exact["a"] <= 1


def test_the_scale_of_either_search_does_not_matter() -> None:
    payloads = {"a": payload("a"), "b": payload("b")}
    small, large = {"a": 0.2, "b": 0.1}, {"a": 200.0, "b": 100.0}
    dense = {"b": 0.9, "a": 0.1}
    assert scores("x", payloads, terms=small, embedding=dense) == pytest.approx(
        scores("x", payloads, terms=large, embedding=dense)
    )


def test_by_how_much_a_hit_is_better_counts() -> None:
    payloads = {each: payload(each, document_id=each) for each in "abz"}
    dense = {"a": 0.50, "b": 0.51, "z": 0.1}
    found = scores("x", payloads, terms={"a": 9.0, "b": 1.0}, embedding=dense)
    assert found["a"] > found["b"]


def test_one_that_finds_nothing_leaves_it_to_the_others() -> None:
    payloads = {"a": payload("a", document_id="1"), "b": payload("b", document_id="2")}
    parts = ranked({"terms": {}, "embedding": {"a": 0.9, "b": 0.1}}, payloads, "x")
    assert list(parts) == ["a", "b"]
    assert set(parts["a"]) == {"embedding"}
    assert ranked({"terms": {}, "embedding": {}}, {}, "x") == {}


@pytest.mark.parametrize(
    ("query", "better", "worse"),
    [
        ("retry a request", payload("retry_request"), payload("send")),
        ("retry a request", payload("retry"), payload("retry_and_log_and_count_everything")),
        ("HttpClient", payload("net.HttpClient", kind="class"), payload("http_client_pool")),
        ("Server::run()", payload("Server.run"), payload("Worker.run")),
        ("the value of a fixture", payload("getfixturevalue"), payload("getrequest")),
        ("the fixture of a request", payload("fixturerequest"), payload("fixturevalue")),
    ],
)
def test_names_that_the_query_says_come_first(
    query: str, better: dict[str, Any], worse: dict[str, Any]
) -> None:
    found = scores(query, {"worse": worse, "better": better})
    assert found["better"] > found["worse"]


NOISY = """
    test_a.py src/a_test.go web/a.spec.ts web/__tests__/a.js tests.py src/conftest.py e2e/a.ts demo.py
    docs/tutorial/a.py benchmarks/a.py src/_vendor/a.py third-party/a.c web/node_modules/x/index.js dist/a.js
    src/a_pb2_grpc.py a.pb.go static/jquery.min.js src/api_generated.ts src/deprecated.py src/a-legacy.js
"""
ABOUT_NOISE = """
    src/testing.py src/nodes.py src/tree/node.py src/sampling.py src/generator.py src/spec.py
    src/_compat.py src/latest.py src/distance.py src/minimum.py src/third.py src/externals.py src/mocking.py
"""
"""Names of files say what these are about."""


@pytest.mark.parametrize(
    ("query", "of", "factor"),
    [
        ("retry", payload(file_path="tests/a.py"), NOISE),
        ("retry in a test", payload(file_path="tests/a.py"), 1),
        ("retry", payload(file_path="src/vendor/a.py"), NOISE),
        ("retry", payload(file_path="examples/a.py"), NOISE),
        ("retry", payload(file_path="src/api_pb2.py"), NOISE),
        ("retry", payload(file_path="src/legacy/a.py"), NOISE),
        ("retry", payload(file_path="src/contest.py"), 1),
        *(("retry", payload(file_path=path), NOISE) for path in NOISY.split()),
        *(("retry", payload(file_path=path), 1) for path in ABOUT_NOISE.split()),
        ("retry", payload(None, kind="document"), LOOSE),
        ("retry", payload(None, kind="document", document_type="documentation"), 1),
        ("returns all retries", payload(kind="class"), OTHER_KIND),
        ("sends a request", payload(kind="struct"), OTHER_KIND),
        ("a request to send", payload(kind="class"), 1),
        ("Send", payload(kind="class"), 1),
        ("retry a request", payload("Client.__private"), 1),
        ("retry a request", payload("Client.__aenter__", kind="method"), SPECIAL),
        ("__aenter__", payload("Client.__aenter__", kind="method"), 1),
    ],
)
def test_what_is_rarely_wanted_is_lower_unless_the_query_wants_it(
    query: str, of: dict[str, Any], factor: float
) -> None:
    plain = payload("zzz", file_path="src/zzz.py")
    parts = ranked({"terms": {"a": 1.0, "b": 1.0}}, {"a": of, "b": plain}, query)
    assert parts["a"]["terms"] / parts["b"]["terms"] == pytest.approx(factor)


def test_a_name_counts_more_for_a_query_that_is_a_name() -> None:
    payloads = {"named": payload("parse_url"), "like": payload("split_parts")}
    searches = {"terms": {"named": 0.6, "like": 1.0}, "embedding": {"named": 0.0, "like": 1.0}}
    assert next(iter(scores("parse_url", payloads, **searches))) == "named"
    assert next(iter(scores("some parser of an url", payloads, **searches))) == "like"


def test_a_copy_and_an_overload_are_counted_and_not_shown() -> None:
    payloads = {
        "best": payload("f", file_path="a", body_hash="1"),
        "copy": payload("f", file_path="b", body_hash="1"),
        "overload": payload("f", file_path="a", body_hash="2"),
        "foreign": payload("f", file_path="c", body_hash="1", project_name="q"),
    }
    found = {Mode.LEXICAL: {"best": 4.0, "copy": 3.0, "overload": 2.0, "foreign": 1.0}}
    hits = limited(ranking(found, payloads, "f", Mode.LEXICAL), 10)
    assert [(hit.chunk_id, hit.copies, hit.overloads) for hit in hits] == [("best", 1, 1), ("foreign", 0, 0)]


def test_a_document_has_at_most_half_of_a_long_list() -> None:
    payloads = {str(number): payload(f"f{number}") for number in range(30)}
    found = {Mode.LEXICAL: dict.fromkeys(payloads, 1.0)}
    ranked_hits = ranking(found, payloads, "f", Mode.LEXICAL)
    assert [len(limited(ranked_hits, limit)) for limit in (2, 4, 20)] == [2, PER_DOCUMENT, 10]
