"""In: docs/asyncapi.yaml and docs/openapi. Out: whether the parsers of both standards accept them."""

from pathlib import Path

from openapi_spec_validator import validate
from openapi_spec_validator.validation.exceptions import OpenAPIValidationError

from deploy.checks.tools import BIN, CheckError, existing, read_json, run


def asyncapi(root: Path) -> str:
    """AsyncAPI's own parser reports neither errors nor warnings."""
    (document,) = existing(root, "docs/asyncapi.yaml")
    script = Path(__file__).parent / "asyncapi.mjs"
    packages = {"NODE_PACKAGES": str(BIN.parent / "node")}
    return run([BIN / "node", script, document], cwd=root, environment=packages).strip()


def openapi(root: Path) -> str:
    """Every description of an HTTP API is valid OpenAPI."""
    found = existing(root, "docs/openapi/*.json")
    for path in found:
        try:
            validate(read_json(path), base_uri=path.as_uri())
        except OpenAPIValidationError as error:
            raise CheckError(f"{path.name}: {error.message}") from error
    return f"{len(found)} documents"
