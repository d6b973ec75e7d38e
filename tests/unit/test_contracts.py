"""The shared contracts: identities, validation, schemas and event headers."""

import json
from functools import partial
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from archon.contracts import errors, identity, names
from archon.contracts.documents import DocumentSubmission
from archon.contracts.events import EnrichmentRequest, event_headers
from archon.contracts.operations.dead_letters import DeadLetterFilter
from archon.contracts.types import DocumentType
from archon.contracts.workflow import Failure
from archon.runtime.http.problems import fields_of
from tests import factories


def test_a_document_id_is_the_clients_or_derived() -> None:
    own = str(uuid4())
    assert identity.document_id("p", own.upper(), "a.py") == (own, None)
    by_path, none = identity.document_id("p", None, "a.py")
    assert none is None
    assert by_path == identity.document_id("p", None, "a.py")[0] != identity.document_id("q", None, "a.py")[0]
    by_name, external = identity.document_id("p", "doc-1", "a.py")
    assert external == "doc-1"
    assert by_name == identity.document_id("p", "doc-1", "moved.py")[0] != by_path


def test_ids_of_entities_and_events_are_stable() -> None:
    document = str(uuid4())
    assert identity.entity_id(document, "function", "f", 0) != identity.entity_id(
        document, "function", "f", 1
    )
    assert identity.event_id(document, 1, "success") == identity.event_id(document, 1, "success")
    assert identity.event_id(document, 1, "success") != identity.event_id(document, 2, "success")


@pytest.mark.parametrize(
    ("path", "language", "kind"),
    [
        ("src/app.py", "python", DocumentType.CODE),
        ("tests/test_app.py", "python", DocumentType.TEST),
        ("src\\web\\App.tsx", "tsx", DocumentType.CODE),
        ("README.md", "markdown", DocumentType.DOCUMENTATION),
        ("Dockerfile", "dockerfile", DocumentType.CONFIGURATION),
        ("Dockerfile.dev", "dockerfile", DocumentType.CONFIGURATION),
        ("Containerfile", "dockerfile", DocumentType.CONFIGURATION),
        ("api.dockerfile", "dockerfile", DocumentType.CONFIGURATION),
        ("config/app.YAML", "yaml", DocumentType.CONFIGURATION),
        ("go.mod", "gomod", DocumentType.CONFIGURATION),
        ("Cargo.lock", "toml", DocumentType.CONFIGURATION),
        ("c.golden", None, DocumentType.OTHER),
        ("include/a.h", "c", DocumentType.CODE),
        ("include/a.hpp", "cpp", DocumentType.CODE),
        ("a.cc", "cpp", DocumentType.CODE),
        ("lib/a.mjs", "javascript", DocumentType.CODE),
        ("lib/a.cjs", "javascript", DocumentType.CODE),
        ("build.gradle.kts", "kotlin", DocumentType.CODE),
        ("Rakefile", "ruby", DocumentType.CODE),
        ("bin/run.sh", "bash", DocumentType.CODE),
        (".bashrc", "bash", DocumentType.CODE),
        ("Makefile", "make", DocumentType.CONFIGURATION),
        ("LICENSE", None, DocumentType.OTHER),
    ],
)
def test_a_path_suggests_language_and_type(path: str, language: str | None, kind: DocumentType) -> None:
    assert identity.language_of(path) == language
    assert identity.document_type_of(path, language) is kind


def test_a_request_is_normalised_and_keeps_unknown_fields() -> None:
    given = factories.request().model_dump(mode="json")
    correlation = str(uuid4())
    given |= {
        "document_id": given["document_id"].upper(),
        "correlation_id": correlation,
        "content_hash": given["content_hash"].upper(),
        "indexed_at": "2026-01-02T03:04:05",
        "tenant": {"region": "eu"},
    }
    request = EnrichmentRequest.model_validate_json(json.dumps(given))
    assert request.document_id == given["document_id"].lower()
    assert request.correlation_id == correlation.upper()
    assert request.content_hash == given["content_hash"].lower()
    assert request.indexed_at.isoformat() == "2026-01-02T03:04:05+00:00"
    assert request.model_dump()["tenant"] == {"region": "eu"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("document_id", "no-uuid"),
        ("document_id", 7),
        ("correlation_id", None),
        ("content_hash", "abc"),
        ("project_name", ""),
        ("project_name", "x" * 256),
        ("file_path", "   "),
        ("indexed_at", "yesterday"),
        ("enrichment_type", "some"),
        ("priority", "urgent"),
        ("retry_count", 4),
        ("document_version", 0),
        ("document_version", 2**63),
        ("metadata", {"line_count": 2**63}),
        ("language", "x" * 65),
        ("metadata", {"file_size_bytes": -1}),
    ],
)
def test_a_wrong_field_is_named(field: str, value: object) -> None:
    given = factories.request().model_dump(mode="json") | {field: value}
    with pytest.raises(ValidationError) as raised:
        EnrichmentRequest.model_validate(given)
    assert {error["loc"][0] for error in raised.value.errors()} == {field}


def test_events_of_one_correlation_share_a_trace() -> None:
    correlation, event = str(uuid4()), str(uuid4())
    headers = {
        name: value.decode()
        for name, value in event_headers("x.v1", event, correlation, source="/archon/test")
    }
    assert (headers["ce_id"], headers["ce_type"], headers["ce_specversion"]) == (event, "x.v1", "1.0")
    version, trace, span, flags = headers["traceparent"].split("-")
    assert (version, trace, flags) == ("00", UUID(correlation).hex, "00")
    assert len(span) == 16


def test_every_error_is_in_the_tree_that_opens_its_file() -> None:
    classes = [
        each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)
    ]
    assert errors.__doc__ is not None
    assert [each.__name__ for each in classes if each.__name__ not in errors.__doc__] == []


@pytest.mark.parametrize("field", ["project_id", "document_id", "title", "source_path", "language"])
def test_a_name_has_no_nul(field: str) -> None:
    given = {"project_id": "p", "source_path": "a.py", "full_text": "x", field: "a\0b"}
    with pytest.raises(ValidationError) as refused:
        DocumentSubmission.model_validate(given)
    assert {error["loc"] for error in refused.value.errors()} <= {(field,), ("project_id",)}


@pytest.mark.parametrize("number", ["1", "-2.5", "2.3664593876134306e-104", "inf"])
def test_a_number_is_no_time(number: str) -> None:
    with pytest.raises(ValidationError, match="ISO 8601"):
        DeadLetterFilter.model_validate({"before": number})


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_beyond_the_calendar_is_refused(time: str) -> None:
    with pytest.raises(ValidationError, match="in UTC"):
        DeadLetterFilter.model_validate({"before": time})


def test_a_failure_from_an_older_release_can_be_read() -> None:
    failure = {"stage": "s", "failure_type": "permanent", "error_type": "E", "message": "m", "attempts": 1}
    assert Failure.model_validate(failure).message == "m"


def test_a_choice_is_named_as_clients_spell_it() -> None:
    message = "Input should be <EnrichmentType.FULL: 'full'> or <EnrichmentType.INCREMENTAL: 'incremental'>"
    assert fields_of([{"type": "literal_error", "loc": ("body", "enrichment_type"), "msg": message}]) == [
        {"field": "enrichment_type", "reason": "Input should be 'full' or 'incremental'"}
    ]


@pytest.mark.threat
def test_no_project_can_be_called_as_the_digest_of_another_is() -> None:
    long = "é" * 600
    for workflow_id in (partial(names.deletion_workflow_id, document_id=None), names.backfill_workflow_id):
        prefix = workflow_id("x")[:-1]
        found = workflow_id(long)
        assert len(found.encode()) <= 1000
        digest = found.removeprefix(prefix)
        assert workflow_id(digest) != found
        assert workflow_id(digest.rstrip("-")) != found
