"""In: projects and access. Out: API keys: the form that a caller sends, the form that is stored, and their
comparison.

A key is `archon_<id>_<secret>`: a lookup id, and 256 random bits. Only the SHA-256 of the secret is stored.
Slow hashes such as bcrypt protect passwords against guessing; 256 random bits cannot be guessed, and a fast
hash costs each request microseconds.
"""

import hashlib
import hmac
import re
import secrets
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from archon.contracts.types import Model, ProjectName, Projects, Timestamp

_KEY: Final = re.compile(r"archon_([0-9a-f]{12})_([0-9a-f]{64})", re.ASCII)
_NOBODY: Final = "0" * 64


class Access(StrEnum):
    """The rights of a key; `write` includes `read`."""

    READ = "read"
    WRITE = "write"


class ApiKey(Model):
    """A key in the keys file. `rate`: requests per second; None uses the setting's value."""

    id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{12}$")]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    projects: Annotated[list[ProjectName], Field(min_length=1)] | Literal["*"]
    access: Access
    created_at: Timestamp
    expires_at: Timestamp | None = None
    rate: Annotated[float, Field(gt=0)] | None = None

    @property
    def scope(self) -> Projects:
        return None if self.projects == "*" else tuple(self.projects)

    def expired(self, now: datetime) -> bool:
        return self.expires_at is not None and now >= self.expires_at


class ApiKeys(Model):
    """The keys file. Ids are unique."""

    keys: list[ApiKey] = Field(default_factory=list)

    @model_validator(mode="after")
    def _unique(self) -> Self:
        ids = [key.id for key in self.keys]
        if len(set(ids)) < len(ids):
            raise ValueError("two keys have the same id")
        return self


def mint() -> tuple[str, str, str]:
    """Creates a key: its id, the key that its holder gets, and the stored form."""
    key_id, secret = secrets.token_hex(6), secrets.token_hex(32)
    return key_id, f"archon_{key_id}_{secret}", _digest(secret)


def key_id_of(shown: str) -> str | None:
    """The id within a key; None if the text is not one of our keys."""
    found = _KEY.fullmatch(shown)
    return found[1] if found else None


def agrees(shown: str, kept: ApiKey | None) -> bool:
    """Whether `shown` matches the stored hash; takes the same time if there is none."""
    found = _KEY.fullmatch(shown)
    secret = found[2] if found else _NOBODY
    return hmac.compare_digest(_digest(secret), kept.sha256 if kept else _NOBODY) and found is not None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
