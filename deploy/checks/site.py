"""In: deploy/site and docs/. Out: whether the site can be built, every link and anchor found."""

import tempfile
from pathlib import Path

from deploy.checks.tools import BIN, existing, run


def site(root: Path) -> str:
    """Builds it in a temporary place; a warning is an error."""
    (configuration,) = existing(root, "deploy/site/mkdocs.yml")
    with tempfile.TemporaryDirectory() as directory:
        command: list[str | Path] = [BIN / "mkdocs", "build", "--strict"]
        run(
            [*command, "-f", configuration, "-d", directory],
            cwd=root,
            environment={"NO_MKDOCS_2_WARNING": "1"},
        )
        return f"{len(existing(Path(directory), '**/*.html'))} pages"
