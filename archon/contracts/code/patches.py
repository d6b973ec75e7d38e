"""In: changed files with the lines on both sides of a patch. Out: the body of a question about their
impact."""

from typing import Annotated, Final

from pydantic import Field, model_validator

from archon.contracts.types import ContentHash, FilePath, Line, Model, ProjectName

FILES_LIMIT: Final = 1000
RANGES_LIMIT: Final = 5000

LineRange = tuple[Line, Line]
"""First and last line, from 1, inclusive."""


class Side(Model):
    """One version of a file. Without `lines` the whole file has changed; without `content_hash` the lines
    apply to whatever content is known."""

    file_path: FilePath
    content_hash: ContentHash | None = None
    lines: Annotated[list[LineRange], Field(max_length=RANGES_LIMIT)] | None = None


class ChangedFile(Model):
    """A file before and after a change: `former` is None for a new file, `present` for a deleted one."""

    present: Side | None = None
    former: Side | None = None

    @model_validator(mode="after")
    def _has_a_side(self) -> "ChangedFile":
        if self.present is None and self.former is None:
            raise ValueError("has neither `present` nor `former`")
        return self

    @property
    def sides(self) -> list[Side]:
        return [each for each in (self.present, self.former) if each is not None]

    @property
    def name(self) -> str:
        return self.sides[0].file_path


class Patch(Model):
    """Body of `POST /api/bridge/graph/impact`. For each file the side counts whose content is the analysed
    one."""

    project: ProjectName
    files: Annotated[list[ChangedFile], Field(min_length=1, max_length=FILES_LIMIT)]
