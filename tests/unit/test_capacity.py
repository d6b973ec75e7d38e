"""`enrich plan` and docs/scale.md: correct arithmetic, current inputs and tables."""

import json
import re
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from archon.cli.bench.measured.report import BenchReport, ProcessUsage
from archon.cli.capacity import page, published
from archon.cli.capacity.measured import PROCESSES, Measured
from archon.cli.capacity.needs import By, Need, Unit, needs
from archon.cli.capacity.shown import amount, full_at
from archon.cli.capacity.stored import Stored, StoredPoints, property_bytes
from archon.cli.main import app
from archon.contracts.errors import InvalidInputError
from tests.unit.test_bench import sample

DOCS = Path(__file__).parents[2] / "docs"
ROUND = Measured(
    source="here",
    measured_on=date(2026, 1, 2),
    cpus=2,
    documents=10,
    size=4096,
    cpu_ms=dict.fromkeys(PROCESSES, 7.0) | {"worker": 70.0, "ingress": 14.0},
    events=40,
    state_transitions=20,
    object_reads=4,
    stored=Stored(
        documents=10,
        nodes={"Document": 1, "Entity": 10, "Module": 0.5},
        relationships={"CONTAINS": 10, "IMPORTS": 2},
        property_bytes=1000,
        points={
            "documents": StoredPoints(per_document=1, terms=0, payload_bytes=400, indexed_bytes=100),
            "symbols": StoredPoints(per_document=9, terms=50, payload_bytes=600, indexed_bytes=100),
        },
        kafka_records={"enrichment": 1, "completed": 1, "progress": 4},
        kafka_bytes={"enrichment": 1000, "completed": 1000, "progress": 2000},
        objects={"analysis": 1, "content": 1},
        object_bytes={"analysis": 36_000, "content": 4_000},
        history_bytes=10_000,
        tasks={"enrichment": 12, "intelligence": 1},
        persistence_writes={"CreateWorkflowExecution": 1, "UpdateWorkflowExecution": 24},
    ),
)


def of(found: list[Need], part: str, what: str) -> Need:
    (need,) = (each for each in found if (each.part, each.what) == (part, what))
    return need


@pytest.mark.parametrize(
    ("part", "what", "expected", "full"),
    [
        ("worker", "cores", 10, 10),  # 100/s x 70 ms = 7, at 70 %; one at 70 % does 10/s
        ("ingress", "cores", 2, 50),
        ("bridge", "cores", 1, 100),
        ("graph", "cores", 1, 3200),  # 32 cores at 70 % are 22.4
        ("Temporal", "cores", 1, None),
        ("Temporal", "state transitions", 2000, None),
        ("Temporal", "database writes", 2500, 400),
        ("Temporal", "history shards", 512, 1280),  # 50 writes per second each
        ("Temporal", "partitions of queue `enrichment`", 12, 100 / 12),
        ("Temporal", "partitions of queue `intelligence`", 1, 100),
        ("Temporal", "histories of 7 days", 100 * 10_000 * 604_800, None),
        ("Kafka", "records", 600, None),
        ("Kafka", "written, on 3 brokers", 1_200_000, 10_000),
        ("Kafka", "partitions of the request topic", 4, 200),
        ("Kafka", "kept until it expires", 100 * 3 * (2000 * 604_800 + 2000 * 86_400), None),
        ("object store", "writes", 200, 1750),
        ("object store", "reads", 400, 1375),
    ],
)
def test_what_a_rate_needs(part: str, what: str, expected: float, full: float | None) -> None:
    found = of(needs(ROUND, 100, 0), part, what)
    assert (found.amount, found.full_at, found.by) == (pytest.approx(expected), pytest.approx(full), "rate")


# Memgraph: 11.5 x 204 + 12 x 154 + 1000 + 96 x (9 entries of a document, 2 of an entity, 3 of a module).
GRAPH = 11.5 * 204 + 12 * 154 + 1000 + 96 * (9 * 1 + 2 * 10 + 3 * 0.5)
# Qdrant: 1.5 x (256 x 4 bytes a point, 8 bytes a term, and indexed fields), twice.
DENSE, REST = 10 * 1024 * 1.5, 1.5 * (9 * 50 * 8 + 10 * 100)


@pytest.mark.parametrize(
    ("part", "what", "expected", "full"),
    [
        ("graph", "nodes", 11_500, None),
        ("graph", "relationships", 12_000, None),
        ("graph", "memory", 1000 * 2 * GRAPH, 512e9 / 2 / GRAPH),
        ("vectors", "points", 10_000, None),
        ("vectors", "memory, 2 replicas", 1000 * 2 * (DENSE + REST), 64e9 / (DENSE + REST)),
        ("vectors", "the same with int8 vectors", 2000 * (DENSE / 4 + REST), 64e9 / (DENSE / 4 + REST)),
        ("vectors", "nodes of 64 GB, with int8 vectors", 2, None),
        ("vectors", "payload on disk", 1000 * 2 * 1.5 * (400 + 9 * 600), None),
        ("object store", "objects", 2000, None),
        ("object store", "size", 40_000_000, None),
    ],
)
def test_what_documents_need(part: str, what: str, expected: float, full: float | None) -> None:
    found = of(needs(ROUND, 1, 1000), part, what)
    assert (found.amount, found.full_at) == (pytest.approx(expected), pytest.approx(full))
    assert found.by == "documents"


@pytest.mark.parametrize(("rate", "shards"), [(1280, 512), (1281, 1024), (10_000, 4096), (0.1, 512)])
def test_history_shards_are_a_power_of_two_and_never_fewer_than_the_default(rate: float, shards: int) -> None:
    assert of(needs(ROUND, rate, 0), "Temporal", "history shards").amount == shards


def test_numbers_of_processes_are_rounded_up() -> None:
    found = needs(ROUND, 1000, 10**9)
    assert of(found, "Kafka", "partitions of the request topic").amount == 20
    assert of(found, "Temporal", "partitions of queue `enrichment`").amount == 120
    # Twice 10.74 KB a document are 21.48 TB, 335.6 nodes.
    assert of(found, "vectors", "nodes of 64 GB, with int8 vectors").amount == 336


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0, Unit.COUNT, "0"),
        (0.0714, Unit.CORES, "0.07"),
        (14.96, Unit.CORES, "15"),
        (8192, Unit.COUNT, "8,192"),
        (1_234_567, Unit.COUNT, "1.23 million"),
        (2e10, Unit.COUNT, "20 billion"),
        (999.6, Unit.PER_SECOND, "1,000/s"),
        (1.2e6, Unit.BYTES_PER_SECOND, "1.2 MB/s"),
        (18_432e9, Unit.BYTES, "18.4 TB"),
        (12, Unit.BYTES, "12 B"),
    ],
)
def test_figures_are_shown_with_three_digits(value: float, unit: Unit, shown: str) -> None:
    assert amount(Need(part="", what="", amount=value, unit=unit, by="rate")) == shown


@pytest.mark.parametrize(("by", "shown"), [("rate", "6.67 documents/s"), ("documents", "6.67 documents")])
def test_a_limit_is_shown_with_what_it_counts(by: By, shown: str) -> None:
    need = Need(part="", what="", amount=1, unit=Unit.COUNT, by=by, full_at=20 / 3)
    assert (full_at(need), full_at(need.model_copy(update={"full_at": None}))) == (shown, "")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, 0), (True, 2), (5, 3), (-200, 4), (70_000, 6), (2**40, 10), (0.5, 10), ("ten letters", 14)],
)
def test_properties_are_of_the_sizes_that_memgraph_documents(value: object, expected: int) -> None:
    assert property_bytes(value) == expected


def test_a_list_takes_at_least_four_bytes() -> None:
    assert property_bytes([]) == 4
    assert property_bytes(["a", "b"]) == 4 + 2 * 3


def plan(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["plan", *arguments])


def test_a_plan_for_programs() -> None:
    found = plan("--rate", "250.5", "--documents", "1000", "-o", "json")
    assert found.exit_code == 0, found.output
    printed = json.loads(found.stdout)
    assert (printed["rate"], printed["documents"]) == (250.5, 1000)
    expected = needs(Measured.shipped(), 250.5, 1000)
    assert [Need.model_validate(each) for each in printed["needs"]] == expected
    assert Measured.model_validate(printed["measured"]) == Measured.shipped()


def test_a_plan_for_people() -> None:
    found = plan("--rate", "100", "--documents", "0")
    assert found.exit_code == 0, found.output
    assert "100 documents per second, 0 documents" in found.stdout
    assert "numHistoryShards" in found.stdout


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--rate", "0"), "--rate"),
        (("--rate", "-1"), "--rate"),
        (("--rate", "nan"), "--rate"),
        (("--rate", "inf"), "--rate"),
        (("--documents", "-1"), "--documents"),
        (("--documents", "many"), "--documents"),
    ],
)
def test_a_wrong_option_is_named(arguments: tuple[str, ...], named: str) -> None:
    found = plan(*arguments)
    assert found.exit_code == 2
    assert named in found.output


def test_a_missing_report_is_named(tmp_path: Path) -> None:
    found = plan("--from", str(tmp_path / "none.json"))
    assert found.exit_code == 1
    assert "none.json" in found.output


def report(*names: str) -> BenchReport:
    usages = [
        ProcessUsage(
            name=name, source="proc", cpu_seconds=1, cpu_ms_per_document=number + 1, peak_rss_bytes=1
        )
        for number, name in enumerate(names)
    ]
    return sample(processes=usages)


def test_costs_are_taken_from_a_report(tmp_path: Path) -> None:
    named = {"graph": "Graph", "vectors": "Vectors"}  # names in a stack of bench's own
    given = report(*(named.get(name, name) for name in PROCESSES), "bench")
    found = ROUND.costs_of(given, "abc")
    assert (found.source, found.cpu_ms["bridge"], found.cpu_ms["Kafka"]) == ("abc", 1, 8)
    assert set(found.cpu_ms) == set(PROCESSES)
    assert (found.events, found.state_transitions, found.documents) == (41, 19, 2)
    assert (found.stored, found.object_reads) == (ROUND.stored, ROUND.object_reads)
    (tmp_path / "run.json").write_text(given.model_dump_json())
    printed = json.loads(plan("--from", str(tmp_path / "run.json"), "-o", "json").stdout)
    assert (printed["measured"]["source"], printed["measured"]["cpu_ms"]) == ("run.json", found.cpu_ms)


def test_a_report_without_the_servers_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="Temporal, graph, vectors, Kafka"):
        ROUND.costs_of(report("bridge", "ingress", "worker", "intelligence"), "run.json")


def test_the_shipped_costs_are_of_every_part() -> None:
    shipped = Measured.shipped()
    assert set(shipped.cpu_ms) == set(PROCESSES)
    assert all(value > 0 for value in shipped.cpu_ms.values())
    assert shipped.stored.nodes["Document"] == shipped.stored.points["documents"].per_document == 1
    assert shipped.stored.objects == {"analysis": 1, "content": 1}
    # Each change of a run's state is a write; one figure is measured under load, the other at rest.
    assert sum(shipped.stored.persistence_writes.values()) > shipped.state_transitions / 2


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_the_tables_of_the_documents_are_current(path: Path) -> None:
    text = path.read_text()
    assert page.filled(text, Measured.shipped()) == text, "run `make scale`"


def test_the_page_has_every_table() -> None:
    found = re.findall(r"<!-- capacity: (\w+) -->", (DOCS / "scale.md").read_text())
    assert found == ["costs", "end", "rates", "end", "documents", "end", "limits", "end"]


def test_the_page_names_the_limits_of_the_computation() -> None:
    text = (DOCS / "scale.md").read_text().replace("\N{MULTIPLICATION SIGN}", "x")
    for figure in (
        f"{published.NODE_BYTES} bytes a node, {published.RELATIONSHIP_BYTES} a relationship",
        f"{published.INDEX_ENTRY_BYTES} an index entry",
        f"dimensions x {published.FLOAT_BYTES} bytes x {published.QDRANT_OVERHEAD}",
        f"{published.WRITE_SECONDS * 1000:g} ms for a write",
        f"{published.DATABASE_WRITES:,} writes a second of one SQL server",
        f"{published.PARTITION_TASKS} tasks a second of a task queue partition",
        f"{published.GRAPH_SERVER_CORES} cores and {published.GRAPH_SERVER_BYTES / published.GB:.0f} GB",
        f"nodes of {published.QDRANT_NODE_BYTES / published.GB:.0f} GB",
        f"{published.S3_WRITES:,} writes and {published.S3_READS:,} reads a second",
        f"{published.BUSY:.0%} busy".replace("%", " %"),
    ):
        assert figure in text


def test_other_costs_would_be_noticed() -> None:
    text = (DOCS / "scale.md").read_text()
    assert page.filled(text, ROUND) != text
