"""In: the code. Out: the generated documents below a directory (`python -m archon.reference .`)."""

import sys
from pathlib import Path

from archon.reference import asyncapi, environment, openapi, schemas, settings_table


def documents() -> dict[str, str]:
    """Path to content, relative to the repository."""
    return {
        **{f"docs/schemas/{name}": content for name, content in schemas.files().items()},
        **{f"docs/openapi/{name}": content for name, content in openapi.files().items()},
        "docs/asyncapi.yaml": asyncapi.document(),
        "docs/settings.md": settings_table.page(),
        "deploy/env.example": environment.example(),
    }


def main(root: Path) -> None:
    for path, content in documents().items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
