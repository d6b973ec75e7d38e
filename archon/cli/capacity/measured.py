"""In: measured.json, or a report of `enrich bench`. Out: the mean cost of one document."""

from collections.abc import Mapping
from datetime import date
from importlib.resources import files
from typing import TYPE_CHECKING, Final, Self

from pydantic import Field

from archon.cli.capacity.stored import Means, Stored
from archon.contracts.errors import InvalidInputError
from archon.contracts.types import Model

if TYPE_CHECKING:
    from archon.cli.bench.measured.report import BenchReport

PROCESSES: Final = ("bridge", "ingress", "worker", "intelligence", "Temporal", "graph", "vectors", "Kafka")
FILE: Final = "measured.json"


class Measured(Model):
    """`source`: the commit, or the report's name. `size`: mean bytes of a document. `cpu_ms`: per document,
    by process. `object_reads`: reads from the content store per document; the number of writes equals the
    number of objects."""

    source: str
    measured_on: date
    cpus: int = Field(gt=0)
    documents: int = Field(gt=0)
    size: int = Field(gt=0)
    cpu_ms: Means
    events: float = Field(gt=0)
    state_transitions: float = Field(gt=0)
    object_reads: int = Field(ge=0)
    stored: Stored

    @classmethod
    def shipped(cls) -> Self:
        """The costs shipped with this release."""
        return cls.model_validate_json(files(__package__).joinpath(FILE).read_text())

    def costs_of(self, report: "BenchReport", source: str) -> Self:
        """The same costs with the report's processor times and history; the data in the stores stays. Raises
        InvalidInputError if the report lacks a figure."""
        whole = (each for each in report.processes if each.source == "proc")
        by_process = {each.name.lower(): each.cpu_ms_per_document for each in whole}
        cpu_ms = {name: cost for name in PROCESSES if (cost := by_process.get(name.lower())) is not None}
        missing = [name for name in PROCESSES if name not in cpu_ms]
        if missing or report.history is None:
            what = ", ".join(missing) or "the history"
            raise InvalidInputError(source, f"does not have {what}: run the bench on its own stack")
        return self.model_copy(
            update={
                "source": source,
                "measured_on": report.started_at.date(),
                "cpus": report.machine.cpus,
                "documents": report.enrichment.documents,
                "size": report.parameters.size,
                "cpu_ms": cpu_ms,
                "events": report.history.events,
                "state_transitions": report.history.state_transitions,
            }
        )

    @property
    def object_writes(self) -> float:
        return total(self.stored.objects)


def total(means: Mapping[str, float]) -> float:
    return sum(means.values())
