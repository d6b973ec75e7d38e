"""The committed documents: current, valid, and true to the services' behaviour."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import openapi_spec_validator
import pytest
import yaml

from archon.reference import __main__ as reference
from archon.reference import openapi, schemas, settings_table
from archon.reference.readers import readers
from archon.runtime.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generated() -> Mapping[str, str]:
    return reference.documents()


def test_the_documents_are_current(generated: Mapping[str, str]) -> None:
    places = ("docs/schemas/*.json", "docs/openapi/*.json", "docs/asyncapi.yaml", "docs/settings.md")
    on_disk = {str(path.relative_to(ROOT)) for place in places for path in ROOT.glob(place)}
    assert on_disk == set(generated) - {"deploy/env.example"}, "run `make schemas`; remove what is left over"
    stale = [path for path, content in generated.items() if (ROOT / path).read_text() != content]
    assert stale == [], "run `make schemas`"


# The bridge's takes 5 seconds; `make check-deploy` validates both.
@pytest.mark.slow
@pytest.mark.sampled(2)
@pytest.mark.parametrize("app", ["intelligence", "bridge"])
def test_the_openapi_documents_are_valid(app: str) -> None:
    openapi_spec_validator.validate(openapi.apps()[app].openapi())


@pytest.mark.slow
def test_every_body_has_a_schema() -> None:
    served = {
        reference["$ref"].rpartition("/")[2]
        for app in openapi.apps().values()
        for reference in _bodies(app.openapi())
    }
    assert served >= {"DocumentSubmission", "BatchAccepted", "DeadLetterList", "AnalysisResult", "Statistics"}
    unnamed = {"HTTPValidationError"}  # FastAPI's own
    assert served - unnamed <= {model.__name__ for model in schemas.models().values()}


def _bodies(document: dict[str, Any]) -> list[dict[str, str]]:
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    found_schemas = [
        content["schema"]
        for operation in operations
        for body in (operation.get("requestBody", {}), *operation["responses"].values())
        for content in body.get("content", {}).values()
        if "schema" in content
    ]
    return [schema for schema in found_schemas if "$ref" in schema]


@cache
def _asyncapi() -> dict[str, Any]:
    document: dict[str, Any] = yaml.load((ROOT / "docs" / "asyncapi.yaml").read_text(), yaml.CSafeLoader)
    return document


@pytest.mark.parametrize("name", _asyncapi()["components"]["messages"])
def test_every_example_is_what_its_message_promises(name: str) -> None:
    message = _asyncapi()["components"]["messages"][name]
    assert message["examples"]
    for part in ("payload", "headers"):
        schema = {**message.get(part, {}), "components": _asyncapi()["components"]}
        for example in message["examples"]:
            jsonschema.validate(
                example.get(part), schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
            )


def test_a_wrong_example_would_be_noticed() -> None:
    schema = {"$ref": "#/components/schemas/EnrichmentRequest", "components": _asyncapi()["components"]}
    example = _asyncapi()["components"]["messages"]["enrichmentRequested"]["examples"][0]["payload"]
    without = {name: value for name, value in example.items() if name != "content_hash"}
    with pytest.raises(jsonschema.ValidationError, match="content_hash"):
        jsonschema.validate(without, schema)


def test_every_setting_says_what_it_is_for_and_who_reads_it() -> None:
    mute = [name for name, field in Settings.model_fields.items() if not field.description]
    assert mute == [], "give each a docstring"
    assert [name for name, services in readers().items() if not services] == [], "nobody reads these"


def test_readers_are_found_through_imports() -> None:
    found = readers()
    assert found["memgraph_uri"] == ["bridge", "ingress", "worker", "enrich"]
    assert found["memgraph_database"] == ["bridge", "ingress", "worker", "enrich"]  # through a property
    assert found["intelligence_time_limit"] == ["intelligence"]
    assert found["kafka_group_id"] == ["ingress", "worker", "enrich"]  # they check the ingress's progress
    assert found["ingress_max_backlog"] == ["ingress"]


def test_a_secret_may_stand_in_a_file() -> None:
    assert "`QDRANT_API_KEY`, `QDRANT_API_KEY_FILE`" in settings_table.page()


@pytest.mark.slow
def test_the_documents_do_not_depend_on_the_environment(
    generated: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(name.upper(), "7")
    assert reference.documents() == generated
