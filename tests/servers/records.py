"""In: the tests of a run, and its servers. Out: a JSON record of what passed on which server."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel

from tests.servers.promises import Role

FOLDER: Final = Path(__file__).parents[2] / "docs" / "servers"


class Counts(BaseModel):
    """How the tests of a module ended, on a day."""

    date: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0


class Record(BaseModel):
    """`servers`: name and version of each; `modules`: by their path below tests/."""

    servers: dict[Role, str]
    modules: dict[str, Counts] = {}

    @classmethod
    def of(cls, servers: Mapping[Role, str], outcomes: Mapping[str, str]) -> Self:
        """`outcomes`: `passed`, `failed` or `skipped` by the id of each test."""
        record, today = cls(servers=dict(servers)), datetime.now(UTC).date().isoformat()
        for test, outcome in sorted(outcomes.items()):
            counts = record.modules.setdefault(_module(test), Counts(date=today))
            setattr(counts, outcome, getattr(counts, outcome) + 1)
        return record

    def onto(self, file: Path) -> Self:
        """With the other modules of the file, if it is a record of the same servers."""
        if not file.exists():
            return self
        before = type(self).model_validate_json(file.read_text())
        if before.servers != self.servers:
            return self
        return self.model_copy(update={"modules": dict(sorted((before.modules | self.modules).items()))})


def committed() -> dict[str, Record]:
    """The records of the repository by name."""
    return {file.stem: Record.model_validate_json(file.read_text()) for file in sorted(FOLDER.glob("*.json"))}


def _module(test: str) -> str:
    return test.partition("::")[0].removeprefix("tests/")
