"""The load test's parts: sending and schedule, counts, and the comparison of two runs."""

import ast
import asyncio
import json
import os
import signal
import statistics
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from archon.cli.bench.load.documents import SMALLEST, document, generate
from archon.cli.bench.load.sending import Load, drive
from archon.cli.bench.measured import comparison, report
from archon.cli.bench.measured.groups import ProcessGroups
from archon.cli.bench.measured.history import spread
from archon.cli.bench.measured.processes import Recording, Usage
from archon.cli.bench.runs.checking import check, write_list
from archon.cli.bench.runs.figures import Findings, compose
from archon.cli.bench.runs.growth import Searches, growth
from archon.contracts.documents import DocumentAccepted, Links
from archon.contracts.errors import InvalidInputError
from archon.contracts.identity import language_of
from archon.contracts.types import EnrichmentStatus, Priority
from archon.contracts.views import DocumentRow
from tests.eventually import eventually

STARTED = datetime(2026, 1, 1, tzinfo=UTC)
HASH, OTHER_HASH = "a" * 64, "b" * 64


def test_documents_are_the_same_for_a_seed_and_differ_from_each_other() -> None:
    first, again = list(generate("seed", 50, 2048)), list(generate("seed", 50, 2048))
    assert first == again
    assert document("seed", 7, 2048) == first[7]
    texts = {each.text for each in first} | {each.text for each in generate("other", 50, 2048)}
    assert len(texts) == 100
    assert len({each.path for each in first}) == 50


@pytest.mark.slow
def test_documents_have_the_wanted_mean_size_and_are_code_in_several_languages() -> None:
    documents = list(generate("seed", 500, 4096))
    sizes = [len(each.text.encode()) for each in documents]
    assert statistics.mean(sizes) == pytest.approx(4096, rel=0.1)
    assert min(sizes) >= SMALLEST
    assert max(sizes) > 2 * statistics.median(sizes)
    languages = [each.language for each in documents]
    assert len(set(languages)) == 6
    assert languages.count("python") > 250
    assert all(language_of(each.path) == each.language for each in documents)
    trees = [ast.parse(each.text) for each in documents if each.language == "python"]
    defined = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert len(defined) > 5 * len(trees)


async def test_slow_answers_do_not_shift_the_times_of_documents_at_a_rate() -> None:
    due: dict[int, float] = {}
    behind: dict[int, float] = {}

    async def send(number: int, at: float, begun: float) -> None:
        due[number], behind[number] = at, begun - at
        if number == 0:
            await asyncio.sleep(0.05)

    await drive(5, concurrency=1, rate=1000, send=send)
    assert [due[number] - due[0] for number in range(5)] == pytest.approx([0, 0.001, 0.002, 0.003, 0.004])
    # The only client was busy, and each delayed document reports its delay.
    assert all(behind[number] >= 0.04 for number in range(1, 5))


async def test_without_a_rate_each_client_sends_after_its_answer() -> None:
    busy, most, sent = 0, 0, []

    async def send(number: int, at: float, begun: float) -> None:
        nonlocal busy, most
        busy, most = busy + 1, max(most, busy + 1)
        await asyncio.sleep(0)
        sent.append(number)
        assert begun >= at
        busy -= 1

    await drive(20, concurrency=3, rate=0, send=send)
    assert sorted(sent) == list(range(20))
    assert most == 3


def test_latencies_are_of_the_nearest_rank() -> None:
    found = report.Latency.of([float(each) for each in range(1, 201)])
    assert (found.count, found.p50, found.p95, found.p99, found.max) == (200, 100, 190, 198, 200)
    assert report.Latency.of([]) == report.Latency(count=0, p50=None, p95=None, p99=None, max=None)


def test_a_sample_is_spread_from_the_first_to_the_last() -> None:
    ids = [str(number) for number in range(100)]
    assert spread(ids, 4) == ["0", "33", "66", "99"]
    assert spread(ids[:3], 4) == ["0", "1", "2"]


def accepted() -> DocumentAccepted:
    return DocumentAccepted(
        document_id=str(uuid4()),
        project_name="p",
        content_hash=HASH,
        document_version=1,
        status="indexed",
        enrichment_status=EnrichmentStatus.PENDING,
        workflow_id="w",
        correlation_id="c",
        links=Links(document="/"),
    )


def row(of: DocumentAccepted, seconds: float = 0, **changes: object) -> DocumentRow:
    """As the bridge lists it, enriched `seconds` after it was indexed."""
    values = {
        "document_id": of.document_id,
        "project_name": "p",
        "file_path": "a.py",
        "version": 1,
        "content_hash": HASH,
        "enrichment_status": EnrichmentStatus.COMPLETED,
        "enrichment_content_hash": HASH,
        "indexed_at": STARTED,
        "enriched_at": STARTED + timedelta(seconds=seconds),
    }
    return DocumentRow(**{**values, **changes})


def test_a_document_is_lost_unless_it_is_enriched_or_parked_with_its_content(tmp_path: Path) -> None:
    enriched, parked, skipped, missing, pending, replaced, stale = found = [accepted() for _ in range(7)]
    rows = [
        row(enriched),
        row(parked, enrichment_status=EnrichmentStatus.FAILED, enrichment_content_hash=None),
        row(skipped, enrichment_status=EnrichmentStatus.SKIPPED, enrichment_content_hash=None),
        row(pending, enrichment_status=EnrichmentStatus.PENDING, enrichment_content_hash=None),
        row(replaced, content_hash=OTHER_HASH, enrichment_content_hash=OTHER_HASH),
        row(stale, enrichment_content_hash=OTHER_HASH),
    ]
    validation = check(found, {each.document_id: each for each in rows})
    fates = (validation.enriched, validation.parked, validation.skipped, validation.lost)
    assert (validation.submitted, fates) == (7, (1, 1, 1, 4))
    assert set(validation.lost_ids) == {each.document_id for each in (missing, pending, replaced, stale)}
    write_list(tmp_path / "list", found)
    lines = [json.loads(line) for line in (tmp_path / "list").read_text().splitlines()]
    assert lines == [{"document_id": each.document_id, "content_hash": HASH} for each in found]


class Fixed:
    """A source with given usages, one reading after the other."""

    kind = "metrics"
    names = ("a", "b", "gone")

    def __init__(self, *readings: Mapping[str, Usage]) -> None:
        self._readings = iter(readings)

    async def read(self) -> Mapping[str, Usage]:
        return next(self._readings)

    def busy(self) -> float | None:
        return None


async def test_a_process_is_described_by_its_cost_and_its_peak() -> None:
    readings = [
        {"a": Usage(10.0, 100), "b": Usage(5.0, 1), "gone": Usage(1.0, 1)},
        {"a": Usage(11.0, 900), "b": Usage(1.0, 1), "gone": Usage(1.0, 1)},
        {"a": Usage(12.0, 300), "b": Usage(2.0, 1)},
    ]
    recording = Recording(Fixed(*readings))
    for _ in readings:
        await recording.sample()
    (usage,) = recording.usages(documents=4)
    assert (usage.name, usage.cpu_seconds, usage.cpu_ms_per_document, usage.peak_rss_bytes) == (
        "a",
        2,
        500,
        900,
    )
    # b was restarted, and its earlier usage is unknown.
    assert recording.not_told() == ["b", "gone"]


@pytest.mark.slow
async def test_a_process_group_is_counted_with_its_children_those_that_have_ended_too() -> None:
    burn = "import time\nwhile time.process_time() < 0.5: pass\n"
    parent = f"""import subprocess, sys
for child in {[burn, burn + "time.sleep(60)"]}: subprocess.run([sys.executable, "-c", child])"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", parent, start_new_session=True)
    source = ProcessGroups({"it": process.pid, "nobody": 2**30})

    async def burnt() -> bool:
        return (await source.read())["it"].cpu >= (0.9 if sys.platform == "linux" else 0.4)

    try:
        await eventually(burnt)
        usage = await source.read()
        assert set(usage) == {"it", "bench"}
        assert usage["it"].rss > 2 * 1024 * 1024
        assert usage["bench"].cpu > 0
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def timeline(seconds: int, *, cpu: float) -> Recording:
    """One reading per second of a process that spends `cpu` seconds in the first second and as much more in
    each that follows, as its memory grows."""
    recording = Recording(Fixed())
    for second in range(seconds + 1):
        usage = Usage(cpu * second * (second + 1) / 2, 1000 + second)
        recording.timeline.append((STARTED + timedelta(seconds=second), {"a": usage, "bench": usage}))
    recording.first = recording.timeline[0][1]
    return recording


def test_growth_is_visible_from_tenth_to_tenth() -> None:
    # One document per second in the first half, two per second in the second half.
    ends = [
        STARTED + timedelta(seconds=each) for each in (*range(1, 51), *(50 + n / 2 for n in range(1, 51)))
    ]
    searches = Searches(
        took=[(STARTED + timedelta(seconds=each, milliseconds=1), each) for each in range(75)]
    )
    accepted = [float(number) for number in range(100)]
    found = growth(accepted, STARTED, ends, searches, timeline(75, cpu=0.01))
    assert found is not None
    first, *_, last = found.tenths
    assert [each.documents for each in found.tenths] == [10] * 10
    assert (first.per_second, last.per_second) == (1, 2)
    assert (first.accept_p95_ms, last.accept_p95_ms) == (9, 99)
    assert (first.searches, first.search_p95_ms, last.searches, last.search_p95_ms) == (10, 9, 5, 74)
    # Seconds 1 to 10 of the run, and 71 to 75: 0.55 s and 3.65 s of processor time for ten documents.
    assert first.cpu_ms_per_document == {"a": pytest.approx(55)}
    assert last.cpu_ms_per_document == {"a": pytest.approx(365)}
    assert (first.peak_rss_bytes, last.peak_rss_bytes) == ({"a": 1010}, {"a": 1075})
    assert found.last_to_first == {
        "per_second": 2,
        "accept_p95_ms": 11,
        "search_p95_ms": pytest.approx(8.222),
        "cpu_ms_per_document": pytest.approx(6.636),
        "rss_bytes": pytest.approx(1.064),
    }


def test_there_are_no_tenths_of_fewer_documents() -> None:
    ends = [STARTED + timedelta(seconds=each) for each in range(9)]
    assert growth([1.0] * 9, STARTED, ends, Searches(), timeline(9, cpu=1)) is None


def sample(**changes: object) -> report.BenchReport:
    """Two documents, enriched 2 and 4 seconds after they were indexed, one of them a second later."""
    first, second = sent = [accepted(), accepted()]
    rows = [row(first, 2), row(second, 5, indexed_at=STARTED + timedelta(seconds=1))]
    run_parameters = report.Parameters(
        documents=2,
        concurrency=1,
        rate=0,
        size=4096,
        intelligence_latency=0,
        priority=Priority.NORMAL,
        project=f"bench-{uuid4()}",
        running=False,
    )
    machine = report.Machine(
        platform="p", python="3", cpus=2, memory_bytes=1, load_average=0.5, versions={"Temporal": "1"}
    )
    history = report.History(sampled=2, events=41, state_transitions=19)
    found = Findings(
        STARTED,
        machine,
        simulated_latency=0,
        settings={},
        load=Load(accepted=sent, accept_ms=[20.0, 30.0], seconds=0.5),
        rows={each.document_id: each for each in rows},
        recording=Recording(Fixed()),
        history=history,
        baseline=report.Baseline(workflows=10, seconds=5, per_second=2, history=history),
    )
    return compose(run_parameters, found, None).model_copy(update=changes)


def test_the_report_names_what_was_measured(tmp_path: Path) -> None:
    found = sample()
    assert found.indexing == report.Phase(documents=2, seconds=0.5, per_second=4)
    assert found.enrichment == report.Phase(documents=2, seconds=5, per_second=0.4)
    assert (found.accept_ms.p50, found.accept_ms.max) == (20, 30)
    assert (found.accept_to_enriched_ms.p50, found.accept_to_enriched_ms.max) == (2000, 4000)
    assert found.ratio == 0.2
    report.write(found, tmp_path / "report.json")
    assert report.read(tmp_path / "report.json") == found
    assert [each.name for each in tmp_path.iterdir()] == ["report.json"]


def test_two_reports_are_compared_figure_by_figure() -> None:
    a = sample()
    b = sample(indexing=report.Phase(documents=2, seconds=1, per_second=2))
    found = comparison.compare(a, b)
    assert found.comparable
    assert found.differences == {}
    by_name = {each.name: each for each in found.figures}
    assert (by_name["indexed"].a, by_name["indexed"].b, by_name["indexed"].ratio) == (4, 2, 0.5)
    assert by_name["enriched"].ratio == 1
    # There is no ratio to zero.
    assert (by_name["lost"].a, by_name["lost"].ratio) == (0, None)


def test_runs_that_were_not_alike_are_not_called_comparable() -> None:
    a = sample()
    b = sample(
        parameters=a.parameters.model_copy(update={"documents": 3}),
        machine=a.machine.model_copy(update={"cpus": 4, "load_average": 9.0}),
        simulated_latency=1,
        baseline=None,
        ratio=None,
    )
    found = comparison.compare(a, b)
    assert not found.comparable
    assert found.differences == {
        "documents": ("2", "3"),
        "simulated_latency": ("0.0", "1"),
        "cpus": ("2", "4"),
    }
    bare = next(each for each in found.figures if each.name == "bare workflows")
    assert (bare.a, bare.b, bare.ratio) == (2, None, None)


@pytest.mark.parametrize(
    ("text", "named"),
    [("no json", "is not a report"), ('{"schema_version": 2}', "schema_version 2"), ("{}", "schema_version")],
)
def test_a_file_that_is_no_report_is_named(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "odd.json"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=named) as raised:
        report.read(path)
    assert raised.value.field == str(path)
