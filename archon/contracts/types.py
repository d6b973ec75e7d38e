"""In: raw strings and times from HTTP, Kafka and Temporal. Out: the validated field types of all models.

Ids stay `str` in canonical form, so JSON, Cypher parameters and Kafka keys carry the same bytes.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from archon.contracts.json_values import LARGEST, Json, not_unicode


def _canonical_uuid(value: Any) -> str:
    try:
        return str(value if isinstance(value, UUID) else UUID(value))
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError("must be a UUID") from error


def _utc(value: datetime) -> datetime:
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is in UTC before the year 1 or after the year 9999") from error


def _unicode(value: str) -> str:
    if reason := not_unicode(value):
        raise ValueError(reason)
    return value


Text = Annotated[str, AfterValidator(_unicode)]
"""Text that can be encoded as UTF-8."""

_UUID = WithJsonSchema({"type": "string", "format": "uuid"})

DocumentId = Annotated[str, BeforeValidator(_canonical_uuid), _UUID]
"""A UUID, lower case."""

CorrelationId = Annotated[str, BeforeValidator(_canonical_uuid), AfterValidator(str.upper), _UUID]
"""A UUID, upper case."""

ContentHash = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$", to_lower=True)]
"""64 hex digits; if the bridge computed it, BLAKE3 of the UTF-8 text."""


def _no_nul(value: str) -> str:
    # PostgreSQL, which may be Temporal's database, does not support this character.
    if "\0" in value:
        raise ValueError(f"has a NUL at character {value.index(chr(0))}")
    return value


Name = Annotated[Text, AfterValidator(_no_nul)]
"""A string that every store accepts as a name."""
ProjectName = Annotated[Name, StringConstraints(min_length=1, max_length=255, pattern=r"\S")]
FilePath = Annotated[Name, StringConstraints(min_length=1, max_length=4096, pattern=r"\S")]
Projects = Sequence[str] | None
"""The projects that a query covers; None means all."""


def _no_boolean(value: Any) -> Any:
    # In Python, True is an integer: it would become 1.
    if isinstance(value, bool):
        raise ValueError("is true or false, where an integer is expected")  # noqa: TRY004  pydantic reports it with the field
    return value


Integer = Annotated[int, BeforeValidator(_no_boolean)]

HIGHEST_VERSION: Final = 2**53
"""Qdrant compares integers as 64-bit floats, and so does JavaScript: above this value, neighbours are
equal."""
HIGHEST_FIRST: Final = HIGHEST_VERSION - 2**20
"""The highest initial version of a document; it leaves room to count on."""
_VERSION: Final = {
    "type": "integer",
    "minimum": 1,
    "description": f"At most 2^53, {HIGHEST_VERSION}; as a first version at most {HIGHEST_FIRST}.",
}

# No maximum in the schemas: within v1, schemas only become wider.
Version = Annotated[Integer, Field(ge=1, le=HIGHEST_VERSION), WithJsonSchema(_VERSION)]
Line = Annotated[int, Field(ge=1, le=LARGEST), WithJsonSchema({"type": "integer", "minimum": 1})]
"""A line's number, from 1."""
Count = Annotated[Integer, Field(ge=0, le=LARGEST), WithJsonSchema({"type": "integer", "minimum": 0})]
Score = Annotated[float, Field(ge=0.0, le=1.0)]

Timestamp = Annotated[datetime, AfterValidator(_utc)]
"""An instant in UTC; a time without a zone is taken as UTC."""


class DocumentType(StrEnum):
    CODE = "code"
    DOCUMENTATION = "documentation"
    CONFIGURATION = "configuration"
    TEST = "test"
    OTHER = "other"


class EnrichmentType(StrEnum):
    FULL = "full"
    INCREMENTAL = "incremental"
    QUALITY_ONLY = "quality_only"
    ENTITIES_ONLY = "entities_only"

    @property
    def whole(self) -> bool:
        """Whether this type may set a document to completed; other types write only their own part."""
        return self in (EnrichmentType.FULL, EnrichmentType.INCREMENTAL)


class Priority(StrEnum):
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"

    @property
    def temporal_key(self) -> int:
        """Temporal's priority key: 1 is served first, 5 last."""
        return {Priority.HIGH: 1, Priority.NORMAL: 3, Priority.LOW: 5}[self]


class EnrichmentStatus(StrEnum):
    """A document's state on its graph node; `failed` means parked: it waits for a retry."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    DISCARDED = "discarded"
    DELETED = "deleted"


WORKING: Final = (EnrichmentStatus.PENDING, EnrichmentStatus.PROCESSING)
"""In these states a run works on the document, or will."""
SETTLED: Final = frozenset(
    {
        EnrichmentStatus.COMPLETED,
        EnrichmentStatus.DISCARDED,
        EnrichmentStatus.SKIPPED,
        EnrichmentStatus.DELETED,
    }
)
"""In these states nothing more happens to the document by itself."""


class Outcome(StrEnum):
    """How a run ended, as its completed event reports it."""

    SUCCESS = "success"
    SUPERSEDED = "superseded"
    DISCARDED = "discarded"


class FailureType(StrEnum):
    TRANSIENT = "transient"
    SERVICE_DOWN = "service_down"
    DATA_QUALITY = "data_quality"
    PERMANENT = "permanent"


class Model(BaseModel):
    """Base of models that only we write: an unknown field is an error."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class OpenModel(BaseModel):
    """Base of models that others write too: unknown fields are kept and passed on."""

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)


class ProducedModel(OpenModel):
    """Base of models that producers write: unknown fields are kept if the stores can hold them."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": True})

    __pydantic_extra__: dict[str, Json] = Field(init=False)
