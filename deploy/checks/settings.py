"""In: deploy/env.example, which `make schemas` generates. Out: misspelt settings in deployment files."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from deploy.checks.tools import existing

_OBJECT_STORE: Final = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_ENDPOINT_URL",
        "AWS_REGION",
        "AWS_ROLE_ARN",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    }
)
"""Variables that the object store's client reads itself."""


def unknown(root: Path, names: Iterable[str]) -> list[str]:
    """Names that no service reads."""
    (example,) = existing(root, "deploy/env.example")
    known = set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", example.read_text(), re.MULTILINE)) | _OBJECT_STORE
    return sorted(set(names) - known)
