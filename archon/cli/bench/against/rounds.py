"""In: two commits and a load. Out: their reports, from alternating runs on this machine, each on a new
stack."""

import asyncio
import contextlib

from archon.cli.bench.against import checkouts
from archon.cli.bench.against.checkouts import Checkout
from archon.cli.bench.against.result import Against, Requirement, compared, failures
from archon.cli.bench.against.stacks import started
from archon.cli.bench.measured.processes import BENCH
from archon.cli.bench.measured.report import BenchReport
from archon.cli.bench.runs.run import Plan, bench
from archon.cli.stack.own_stack import own_directory, unless_failed
from archon.cli.terminal.output import err, status


async def against(base: str, plan: Plan, rounds: int, requirements: list[Requirement]) -> Against:
    """Raises InvalidInputError, CheckoutError, ServerFailedError, and errors that prevent the measurement of
    a load."""
    head = await checkouts.head()
    with status(f"Setting up {base}, a minute or two if it is new ..."):
        other = await checkouts.commit(base)
    err.print(f"base: {other.label}\nhead: {head.label}", markup=False)
    of_base: list[BenchReport] = []
    of_head: list[BenchReport] = []
    for number in range(1, rounds + 1):
        pair = (("base", other, of_base), ("head", head, of_head))
        # In turns: the second run may find another machine.
        for name, checkout, reports in pair if number % 2 else pair[::-1]:
            label = f"Round {number} of {rounds}, {name}"
            report = await _run(label, checkout, plan)
            reports.append(report)
            err.print(f"{label}: {_summary(report)}", markup=False)
    figures = compared(of_base, of_head)
    return Against(
        base=other.label,
        head=head.label,
        rounds=rounds,
        figures=figures,
        unmet=[why for each in requirements if (why := each.unmet(figures)) is not None],
        failures=[*failures("base", of_base), *failures("head", of_head)],
        base_runs=of_base,
        head_runs=of_head,
    )


async def _run(label: str, checkout: Checkout, plan: Plan) -> BenchReport:
    with own_directory(None, "archon-compare-") as directory:
        async with contextlib.AsyncExitStack() as entered:
            with status(f"{label}: starting its stack ..."):
                up, target = await entered.enter_async_context(started(checkout, directory))
            return await unless_failed(asyncio.create_task(bench(plan, target)), up)


def _summary(report: BenchReport) -> str:
    """A summary line for the user."""
    spent = sum(each.cpu_ms_per_document or 0 for each in report.processes if each.name != BENCH)
    others = (
        "" if report.others_share is None else f", others took {report.others_share:.0%} of the processors"
    )
    return f"{report.enrichment.per_second:.1f} documents/s, CPU {spent:.0f} ms/document{others}"
