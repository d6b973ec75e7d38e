"""In: failed messages. Out: the part of them that dead letters keep, and the listing of letters."""

import base64
import json
from typing import Annotated, Any, Final, Self

from blake3 import blake3
from pydantic import BeforeValidator
from pydantic_core import from_json, to_json

from archon.contracts.events import DeadLetter
from archon.contracts.types import FailureType, Model, Timestamp

ORIGINAL_BYTES: Final = 256 * 1024
"""Maximum number of bytes of a message that a dead letter carries."""


def original_message(value: bytes | None) -> Any:
    """The message as a JSON object if it is one of acceptable size, else its bytes in base64."""
    if value is None:
        return None
    if len(value) <= ORIGINAL_BYTES:
        try:
            parsed = json.loads(value)
            # Not everything that parses can be written, or read again by a client: lone surrogates, NaN, deep
            # nesting.
            written = to_json([[parsed]], inf_nan_mode="constants")
            from_json(written, allow_inf_nan=False)
        except (ValueError, RecursionError):
            parsed = None
        if isinstance(parsed, dict) and len(written) <= ORIGINAL_BYTES:
            return parsed
    return {
        "base64": base64.b64encode(value[:ORIGINAL_BYTES]).decode(),
        "size": len(value),
        "blake3": blake3(value).hexdigest(),
        "truncated": len(value) > ORIGINAL_BYTES,
    }


class DeadLetterRow(Model):
    """A dead letter in a listing. `key` is the key of its record; `workflow_id` is None for a message that
    never became a workflow, and `source` is then its `topic:partition:offset`."""

    key: str
    document_id: str | None
    project_name: str | None
    file_path: str | None
    failure_type: FailureType
    failure_reason: str
    exception_type: str
    failure_timestamp: Timestamp
    failure_count: int
    document_version: int | None
    workflow_id: str | None
    source: str | None

    @classmethod
    def of(cls, key: str, letter: DeadLetter) -> Self:
        same = letter.model_dump(include=set(cls.model_fields))
        return cls(key=key, exception_type=letter.error_details.exception_type, **same)


def _no_number(value: Any) -> Any:
    """Rejects numbers: pydantic would read them as seconds since 1970, which nobody means."""
    if isinstance(value, str) and _is_number(value):
        raise ValueError("is not a time in ISO 8601")
    return value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


Moment = Annotated[Timestamp, BeforeValidator(_no_number)]


class DeadLetterFilter(Model):
    """The filter of a listing; None matches everything. `before` and `after` bound the time of the
    failure."""

    project: str | None = None
    failure_type: FailureType | None = None
    before: Moment | None = None
    after: Moment | None = None

    def takes(self, row: DeadLetterRow) -> bool:
        return (
            self.project in {None, row.project_name}
            and self.failure_type in {None, row.failure_type}
            and (self.before is None or row.failure_timestamp < self.before)
            and (self.after is None or row.failure_timestamp >= self.after)
        )


class DeadLetterList(Model):
    """Answer of `GET /api/bridge/dead-letters`, the latest failure first. `total` counts all matches of the
    filter; `workflows`: link to the parked runs of these projects in the Web UI."""

    dead_letters: list[DeadLetterRow]
    total: int
    workflows: str | None = None


class StoredDeadLetter(Model):
    """Answer of `GET /api/bridge/dead-letters/{key}`. `workflow_url`: link to the waiting run."""

    key: str
    dead_letter: DeadLetter
    workflow_url: str | None = None


class ParkedAnswer(Model):
    """Answer to a retry or a discard: the action that was taken, `retry`, `discard` or `resubmit` (no run was
    waiting, so a new one was requested)."""

    document_id: str
    workflow_id: str
    workflow_url: str
    action: str
