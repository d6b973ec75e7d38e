"""In: the options of an ingest. Out: one plan, and its directory."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from archon.cli.files.walk import MAX_BYTES, Walk
from archon.cli.ingest.senders import Via
from archon.contracts.errors import InvalidInputError
from archon.contracts.types import Priority

Note = Callable[[str, str], None]
"""Receives a document's id and content hash."""


@dataclass(frozen=True)
class Plan:
    """The options of an ingest. `record`: the file that receives each document's id and content hash."""

    path: Path
    project: str
    via: Via = Via.HTTP
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    max_bytes: int = MAX_BYTES
    priority: Priority = Priority.NORMAL
    record: Path | None = None
    prune: bool = False
    prune_most: bool = False
    """Prune even if that deletes more than half of the project."""
    wait: bool = True
    dry_run: bool = False
    include_secrets: bool = False
    show_skipped: bool = False

    def walk(self) -> Walk:
        """Raises InvalidInputError if there is nothing to ingest, or no directory to prune by."""
        try:
            root = self.path.resolve(strict=True)
        except FileNotFoundError as error:
            raise InvalidInputError("PATH", f"{self.path} does not exist") from error
        except (OSError, RuntimeError) as error:  # a RuntimeError is a loop of symbolic links
            raise InvalidInputError("PATH", str(error)) from error
        walk = Walk(root, self.max_bytes, self.include, self.exclude, self.include_secrets)
        if self.prune and not (root.is_dir() and walk.names):
            raise InvalidInputError("--prune", f"{self.path} is not a directory with files")
        return walk

    @contextlib.contextmanager
    def recording(self) -> Iterator[Note]:
        """Appends a line to `record` at every call, unbuffered. Raises InvalidInputError if it cannot."""
        if self.record is None or self.dry_run:
            yield lambda _, __: None
            return
        try:
            file = self.record.open("a", buffering=1, encoding="utf-8")
        except OSError as error:
            raise InvalidInputError("--record", str(error)) from error
        with file:
            yield lambda document_id, content_hash: print(
                json.dumps({"document_id": document_id, "content_hash": content_hash}), file=file
            )


def project_of(path: Path) -> str:
    """The project name for a path: its last component, or that of its target."""
    try:
        return path.resolve().name or "project"
    except RuntimeError:  # a loop of symbolic links, which the walk reports
        return path.name
