"""In: the flags of the rollout, and a project. Out: whether its documents are enriched in the background,
within the request, or not at all."""

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
    """By the same durable workflow, waited for within the request."""
    SKIPPED = "skipped"
    """Indexed alone."""


class Flags(Model):
    """The rollout's switches. Precedence: skip, then off for all, then the list, then the percentage."""

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
    """What a flags file may say; a flag that it leaves out is the environment's."""

    enable_async_enrichment: bool | None = None
    async_enrichment_enabled_projects: list[ProjectName] | None = None
    async_enrichment_rollout_percentage: Annotated[int, Field(ge=0, le=100, strict=True)] | None = None
    skip_intelligence_enrichment: bool | None = None

    def over(self, flags: Flags) -> Flags:
        return flags.model_copy(update=self.model_dump(exclude_none=True))


def bucket(project: str) -> int:
    """0..99: the first 8 hex digits of the MD5 of the project's name, modulo 100. A project is in at every
    percentage above its bucket, so that a rollout that grows puts nobody out."""
    digest = hashlib.md5(project.encode(), usedforsecurity=False).hexdigest()
    return int(digest[:8], 16) % BUCKETS
