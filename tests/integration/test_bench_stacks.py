"""A stack that a work tree's own `enrich up` has started, measured from outside, like that of another
commit."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from archon.cli.bench.against.checkouts import ROOT, Checkout
from archon.cli.bench.against.stacks import started
from archon.cli.bench.measured.comparison import figures_of
from archon.cli.bench.measured.report import Parameters
from archon.cli.bench.runs.run import Plan, bench
from archon.cli.stack.own_stack import unless_failed
from archon.contracts.types import Priority

DOCUMENTS = 12
PROCESSES = {"Temporal", "Kafka", "graph", "vectors", "bridge", "intelligence", "ingress", "worker"}


@pytest.mark.full
async def test_every_process_of_a_stack_is_told_and_none_outlives_it(tmp_path: Path) -> None:
    parameters = Parameters(
        documents=DOCUMENTS,
        concurrency=2,
        rate=0,
        size=1024,
        intelligence_latency=0,
        priority=Priority.NORMAL,
        project="bench",
        running=False,
    )
    plan = Plan(parameters, bare=0, timeout=120, submitted=None, rest=1, tenths=True)
    async with started(Checkout("here", ROOT, Path(sys.executable)), tmp_path) as (up, target):
        assert set(target.leaders) == PROCESSES
        assert len(set(target.leaders.values())) == len(PROCESSES)
        report = await unless_failed(asyncio.create_task(bench(plan, target)), up)
    for leader in target.leaders.values():
        with pytest.raises(ProcessLookupError):
            os.killpg(leader, 0)
    assert (report.validation.enriched, report.notes) == (DOCUMENTS, [])
    assert {each.name for each in report.processes} == PROCESSES | {"bench"}
    found = {name: value for (name, _), value in figures_of(report)}
    spent = sum(each.cpu_ms_per_document or 0 for each in report.processes if each.name in PROCESSES)
    assert found["CPU of all"] == pytest.approx(spent)
    assert (found["peak memory of all"] or 0) > (found["peak memory of graph"] or 0) > 0
    assert report.at_rest is not None
    assert (report.at_rest.enriched.count, report.at_rest.ended.count) == (1, 1)
    assert (report.at_rest.ended.p50 or 0) > 0
    assert report.growth is not None
    assert sum(tenth.documents for tenth in report.growth.tenths) == DOCUMENTS
