"""Any input of a client or producer is refused with its field, or every store can keep it and read it
again."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from archon.contracts import identity
from archon.contracts.analysis import AnalysisResult, Entity
from archon.contracts.documents import BatchSubmission, DocumentSubmission
from archon.contracts.errors import InvalidInputError
from archon.contracts.events import DeadLetter
from archon.contracts.operations.dead_letters import original_message
from archon.contracts.types import HIGHEST_FIRST, EnrichmentStatus, FailureType
from archon.contracts.workflow import AnalyseInput, Carried, EnrichDocumentInput, Step
from archon.stores.graph import claims, nodes
from bridge.documents.normalise import normalise
from kafka_ingress.enrichment import parse
from kafka_ingress.poison import DOCUMENT_NAMES, _fields
from tests import factories
from tests.examples import examples

EDGES = [
    *(0, -1, 1, 2**53, 2**63 - 1, 2**63, -(2**63) - 1, 10**400, True),
    *(float("nan"), float("inf"), -0.0, 1.0, 1.5, 1e308, 5e-324),
    *("", " ", "\0", "\ud800", "a\udfffb", "\ufeff", "null", "1e999", "x" * 5000),
    *("/", "//", ".", "..", "a/", "a/..", "\\", ".py"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-00:01", "0001-01-01", "9999-12-31T24:00:00Z"),
    *("2016-12-31T23:59:60Z", "2026-02-30", "-2026-01-01T00:00:00Z", "2026-01-01T00:00:00+23:59"),
    *(None, [], {}, json.loads("[" * 70 + "]" * 70), json.loads("[" * 300 + "]" * 300)),
]
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(exclude_categories=())),
    st.datetimes().map(datetime.isoformat),
    st.sampled_from(EDGES),
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8
)


def mutated(example: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The example with arbitrary values in some fields, also of its metadata; and additional fields."""

    def fields(of: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
        known = st.dictionaries(st.sampled_from(sorted(of)), values, max_size=2)
        return st.builds(
            lambda some, more: of | more | some, known, st.dictionaries(st.text(), values, max_size=1)
        )

    metadata = fields(example["metadata"])
    whole = fields({name: value for name, value in example.items() if name != "metadata"})
    return st.builds(lambda rest, inner: {"metadata": inner, **rest}, whole, metadata)


METADATA = {
    "file_size_bytes": 1,
    "line_count": 1,
    "git_commit_hash": "a",
    "last_modified": "2026-01-02T03:04:05Z",
}
SUBMISSION = {
    "project_id": "p",
    "document_id": "d",
    "title": "t",
    "source_path": "a.py",
    "full_text": "x",
    "document_type": "code",
    "language": "python",
    "priority": "low",
    "enrichment_type": "incremental",
    "correlation_id": "01234567-89ab-cdef-0123-456789abcdef",
    "metadata": METADATA,
}
REQUEST = factories.request(document_version=1, language="python").model_dump(mode="json") | {
    "metadata": METADATA
}


def stored(value: Any) -> Iterator[Any]:
    """Every scalar that goes to the graph or to Kafka."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from stored(item)
    elif isinstance(value, list):
        for item in value:
            yield from stored(item)
    else:
        yield value


def assert_storable(value: Any) -> None:
    for each in stored(value):
        if isinstance(each, str):
            each.encode()
        elif isinstance(each, int):
            assert -(2**63) <= each < 2**63
    json.dumps(value, allow_nan=False)


def assert_read_again(model: BaseModel) -> None:
    assert type(model).model_validate_json(model.model_dump_json()) == model


@settings(max_examples=examples(200))
@given(mutated(SUBMISSION))
def test_a_submission_is_refused_by_field_or_can_be_stored(body: dict[str, Any]) -> None:
    (only,) = BatchSubmission.model_validate({"documents": [body]}).documents
    try:
        submission = DocumentSubmission.model_validate(body)
    except ValidationError as error:
        assert all(each["loc"] for each in error.errors())
        assert isinstance(only, ValidationError)
        return
    assert only == submission
    with suppress(InvalidInputError):
        document = normalise(submission, "x")
        assert_read_again(document)
        assert_storable(nodes.described(document) | nodes.content(document, EnrichmentStatus.PENDING))
        node = {
            **nodes.described(document),
            **nodes.content(document, EnrichmentStatus.PENDING),
            "entity_id": document.entity_id,
            "project_name": document.project_name,
            "version": 1,
        }
        assert_read_again(nodes.stored_document(node, []))
        request = nodes.request_of(node, identity.event_id(document.entity_id, 1, "x"))
        assert parse(request.model_dump_json().encode()) == request


@settings(max_examples=examples(200))
@given(mutated(REQUEST))
def test_a_request_is_refused_by_field_or_can_be_run(message: dict[str, Any]) -> None:
    value = json.dumps(message).encode()
    try:
        request = parse(value)
    except InvalidInputError as error:
        assert error.field
        str(error).encode()
        return
    # The maximum nesting of a request in a history.
    start = EnrichDocumentInput(
        document_id=request.document_id,
        content_hash=request.content_hash,
        carried=Carried(submissions=[request]),
    )
    assert_read_again(start)
    step = factories.step(request)
    assert_read_again(AnalyseInput(step=step, max_attempts=1))
    nobody = {"version": 0}
    if (request.document_version or 1) > HIGHEST_FIRST:
        return
    claim = claims.decide(nobody, request, "w")
    assert_storable(
        claims.claimed({"version": 0, "past_hashes": None, "content_hash": None}, request, claim, "w")
    )
    assert_read_again(Step(request=request, version=claim.version + 1, workflow_id="w"))


@settings(max_examples=examples(200))
@given(mutated(SUBMISSION) | values)
def test_a_message_that_failed_leaves_a_letter_that_can_be_read(message: Any) -> None:
    value = json.dumps(message).encode()
    letter = DeadLetter(
        **_fields(value, DOCUMENT_NAMES),
        failure_reason="no",
        failure_timestamp=datetime.fromisoformat("2026-01-02T03:04:05Z"),
        failure_type=FailureType.DATA_QUALITY,
        original_message=original_message(value),
        error_details={"exception_type": "E", "exception_message": "m"},  # type: ignore[arg-type]
    )
    assert_read_again(letter)


@settings(max_examples=examples(200))
@given(st.binary() | values.map(lambda value: json.dumps(value).encode()))
def test_a_record_is_a_request_or_names_what_is_wrong(value: bytes) -> None:
    try:
        parse(value)
    except InvalidInputError as error:
        assert error.field
        assert error.reason


@settings(max_examples=examples(200))
@given(mutated(factories.analysis("f", "g").model_dump(mode="json") | {"metadata": {"x": 1}}))
def test_an_analysis_has_no_integer_that_a_store_cannot_keep(found: dict[str, Any]) -> None:
    try:
        result = AnalysisResult.model_validate_json(json.dumps(found))
    except ValidationError:
        return
    entities = [entity.model_dump(include=set(Entity.model_fields)) for entity in result.entities]
    assert_storable([result.entities_extracted, entities])
