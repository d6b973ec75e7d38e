"""In: vectors as lists and packed. Out: one array of both, packed in JSON; garbled ones are refused."""

import json
import math
import pickle
import struct
import subprocess
import sys
from array import array
from base64 import b64encode
from typing import Any

import pytest
from pydantic import ValidationError

from archon.contracts.analysis import AnalysisResult, Chunk, EmbedResponse, Terms
from archon.stores.vectors.points import numbers, sparse
from tests import factories

NUMBERS = [0.5, -0.25, 1 / 3, 1e-9, 0.0]


def floats(*values: float) -> str:
    return b64encode(struct.pack(f"<{len(values)}f", *values)).decode()


def integers(*values: int) -> str:
    return b64encode(struct.pack(f"<{len(values)}I", *values)).decode()


def chunk(**changes: Any) -> Chunk:
    return Chunk.model_validate({"start_line": 1, "end_line": 2, **changes})


def test_a_list_and_its_packed_form_are_one_vector():
    listed, packed = chunk(embedding=NUMBERS), chunk(embedding=floats(*NUMBERS))
    assert listed == packed
    assert listed.embedding == array("f", NUMBERS)
    assert listed != chunk(embedding=NUMBERS[:-1])
    assert chunk(embedding=None).embedding is None


def test_json_has_it_packed_little_endian():
    terms = Terms(indices=[7, 2**32 - 1], values=[0.5, 2.25])
    packed_ = json.loads(chunk(embedding=NUMBERS, terms=terms).model_dump_json())
    assert packed_["embedding"] == floats(*NUMBERS)
    assert packed_["terms"] == {"indices": integers(7, 2**32 - 1), "values": floats(0.5, 2.25)}
    answer = EmbedResponse(embeddings=[NUMBERS, [1.0]], terms=None)
    assert json.loads(answer.model_dump_json())["embeddings"] == [floats(*NUMBERS), floats(1.0)]


def test_it_survives_json_copies_and_another_process():
    analysis = factories.analysis("f").model_copy(
        update={"chunks": [chunk(embedding=NUMBERS, terms=Terms(indices=[3, 1], values=[1.5, 0.5]))]}
    )
    assert AnalysisResult.model_validate_json(analysis.model_dump_json()) == analysis
    assert AnalysisResult.model_validate(analysis.model_dump()) == analysis
    assert AnalysisResult.model_validate(analysis.model_dump(mode="json")) == analysis
    assert pickle.loads(pickle.dumps(analysis)) == analysis
    deep = analysis.model_copy(deep=True)
    deep.chunks[0].embedding[0] = 2.0
    assert deep != analysis


def test_an_analysis_of_an_earlier_release_is_read():
    stored = """{"entities_extracted": 0, "quality_score": null, "complexity_score": null,
        "patterns_detected": [], "anti_patterns_detected": [], "embedding": [1, -0.123457],
        "chunks": [{"start_line": 1, "end_line": 1, "embedding": [0.6, 0.8],
            "terms": {"indices": [4294967295, 0], "values": [1.2345, 3]}}]}"""
    found = AnalysisResult.model_validate_json(stored)
    assert found.embedding == array("f", [1, -0.123457])
    assert found.chunks[0].terms == Terms(indices=[4294967295, 0], values=[1.2345, 3])


@pytest.mark.parametrize(
    ("value", "field", "reason"),
    [
        (b64encode(b"12345").decode(), "embedding", "these are 5 bytes"),
        ("not base64!", "embedding", "base64"),
        (floats(1.0, math.nan), "embedding", "not a number"),
        (floats(math.inf, 1.0), "embedding", "infinite"),
        (floats(1.0, -math.inf), "embedding", "infinite"),
        ([1.0, math.nan], "embedding.1", "finite"),
        ([1.0, 1e39], "embedding", "too large for 32 bits"),
        (["x"], "embedding.0", "number"),
        (5, "embedding", "list"),
        (array("d", [math.nan]), "embedding.0", "finite"),
        (array("f", [math.nan]), "embedding", "not a number"),
    ],
)
def test_a_garbled_vector_is_refused_with_its_field(value: Any, field: str, reason: str):
    with pytest.raises(ValidationError) as raised:
        chunk(embedding=value)
    (error,) = raised.value.errors()
    assert (".".join(map(str, error["loc"])), reason in error["msg"]) == (field, True)


def test_the_largest_number_of_32_bits_is_finite():
    largest = struct.unpack("<f", bytes.fromhex("ffff7f7f"))[0]
    assert chunk(embedding=floats(largest, -largest)).embedding == array("f", [largest, -largest])


@pytest.mark.parametrize(
    ("indices", "values", "field"),
    [
        ([-1], [1.0], "indices.0"),
        ([2**32], [1.0], "indices.0"),
        ([1.5], [1.0], "indices.0"),
        (b64encode(b"123").decode(), [1.0], "indices"),
        ([1], [math.inf], "values.0"),
        (integers(1, 1), floats(1.0, 1.0), ""),
        (integers(1, 2), floats(1.0), ""),
    ],
)
def test_terms_are_refused_with_their_field(indices: Any, values: Any, field: str):
    with pytest.raises(ValidationError) as raised:
        Terms(indices=indices, values=values)
    assert ".".join(map(str, raised.value.errors()[0]["loc"])) == field


@pytest.mark.parametrize(
    "vector",
    [NUMBERS, [], [0.0], [0.123456789, -1.0], [2.3456, 7.1], [1e-9, 3.3e-10], [123456.7, 1.0], [3e38, 1e38]],
)
def test_vectors_for_the_store_are_short_and_exact_to_32_bits(vector: list[float]):
    rounded = numbers(array("f", vector))
    largest = max(map(abs, vector), default=0)
    assert rounded == pytest.approx(vector, rel=0, abs=6e-7 * largest)
    assert numbers(array("f", [1.2346, 0.0003])) == [1.2346, 0.0003]
    assert all(len(repr(value)) <= len("-0.12345678") for value in rounded if largest == 1)


def test_terms_are_sent_as_they_are():
    point = sparse(Terms(indices=[2**32 - 1, 4], values=[1.2345, 0.25]))
    assert (point.indices, point.values) == ([2**32 - 1, 4], [1.2345, 0.25])


@pytest.mark.slow
def test_the_contracts_load_no_numpy():
    program = "import sys, archon.contracts.analysis; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
