"""In: the rollout flags, and a project. Out: whether its documents are enriched in the background, within the
request, or not at all."""

import hashlib
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from archon.contracts.types import Model, ProjectName

BUCKETS = 100


class Mode(StrEnum):
    """How a project's documents are enriched."""

    ASYNCHRONOUS = "asynchronous"
    SYNCHRONOUS = "synchronous"
    """Enriched by the same durable workflow; the request waits for it."""
    SKIPPED = "skipped"
    """Indexed only."""


class Flags(Model):
    """The rollout flags. Precedence: skip, then off for all, then the list, then the percentage."""

    enable_async_enrichment: bool = True
    async_enrichment_enabled_projects: list[ProjectName] = Field(default_factory=list)
    async_enrichment_rollout_percentage: Annotated[int, Field(ge=0, le=100)] = 100
    skip_intelligence_enrichment: bool = False

    def mode(self, project: str) -> Mode:
        if self.skip_intelligence_enrichment:
            return Mode.SKIPPED
        if not self.enable_async_enrichment:
            return Mode.SYNCHRONOUS
        listed = project in self.async_enrichment_enabled_projects
        if listed or bucket(project) < self.async_enrichment_rollout_percentage:
            return Mode.ASYNCHRONOUS
        return Mode.SYNCHRONOUS


class FlagChanges(Model):
    """The contents of a flags file; the environment provides the flags that it omits."""

    enable_async_enrichment: bool | None = None
    async_enrichment_enabled_projects: list[ProjectName] | None = None
    async_enrichment_rollout_percentage: Annotated[int, Field(ge=0, le=100, strict=True)] | None = None
    skip_intelligence_enrichment: bool | None = None

    def over(self, flags: Flags) -> Flags:
        return flags.model_copy(update=self.model_dump(exclude_none=True))


def bucket(project: str) -> int:
    """A number from 0 to 99: the first 8 hex digits of the MD5 of the project's name, modulo 100. A project
    is included at every percentage above its bucket, so a growing rollout never removes one."""
    digest = hashlib.md5(project.encode(), usedforsecurity=False).hexdigest()
    return int(digest[:8], 16) % BUCKETS
