"""In: a project and a moment. Out: the value of `changed_key`, by which an index finds what changed in a
project since.

Every transaction sets it that changes a document's content, path, language or code map, or
deletes it."""

from datetime import UTC, datetime
from typing import Final
from uuid import uuid5

from archon.contracts.identity import NAMESPACE

END: Final = "~"
"""Sorts behind every moment."""


def project_key(project: str) -> str:
    """The beginning of its keys: of fixed width, and without the name, because tombstones keep their key."""
    return uuid5(NAMESPACE, f"{project}\0changes").hex + "/"


def changed_key(project: str, moment: datetime | None = None) -> str:
    """Keys of a project sort by time."""
    at = (moment or datetime.now(UTC)).astimezone(UTC)
    return project_key(project) + at.isoformat(timespec="microseconds")
