"""The worker processes: one bad document affects neither the pool nor other documents."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from intelligence.service.pool import (
    MemoryLimitError,
    Pool,
    PoolError,
    TimeLimitError,
    WorkerDiedError,
    WorkFailedError,
)
from tests.eventually import eventually
from tests.processes import alive
from tests.unit.intelligence import works

pytestmark = pytest.mark.slow  # each starts processes
MEMORY = 512 * 1024 * 1024
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="prlimit")


@contextlib.asynccontextmanager
async def pool(workers: int = 2, limit: float = 30, memory: int | None = None) -> AsyncIterator[Pool]:
    made = Pool(workers, limit, works.nothing, memory)
    try:
        await made.warm()
        yield made
    finally:
        made.close()


async def test_a_native_crash_ends_its_own_work_alone(tmp_path: Path) -> None:
    async with pool() as workers:
        neighbour = asyncio.create_task(workers.run(works.wait_for, str(tmp_path / "crashed")))
        with pytest.raises(WorkerDiedError):
            await workers.run(works.crash)
        assert not neighbour.done()
        (tmp_path / "crashed").touch()
        assert await neighbour == "done"
        assert await asyncio.gather(*(workers.run(works.double, n) for n in range(20))) == [*range(0, 40, 2)]


async def test_a_worker_that_dies_once_is_no_fault_of_the_work(tmp_path: Path) -> None:
    async with pool(1) as workers:
        assert await workers.run(works.once, str(tmp_path / "died")) == "done"


@pytest.mark.parametrize("work", [works.hang, works.spin])
async def test_work_beyond_the_time_limit_is_ended_and_the_next_caller_is_served(
    work: Callable[[], None],
) -> None:
    async with pool(1, limit=0.5) as workers:
        before = await workers.run(works.process)
        hanging = asyncio.create_task(workers.run(work))
        waiting = [asyncio.create_task(workers.run(works.process)) for _ in range(3)]
        with pytest.raises(TimeLimitError, match=r"longer than 0\.5 s"):
            await hanging
        (after,) = set(await asyncio.gather(*waiting))
        assert after != before


@pytest.mark.threat
@LINUX
async def test_work_beyond_the_memory_is_refused_by_a_process_that_ends_with_it() -> None:
    async with pool(1, memory=MEMORY) as workers:
        before = await workers.run(works.process)
        with pytest.raises(MemoryLimitError, match="more than 512 MiB"):
            await workers.run(works.by_name, "fill")
        assert await workers.run(works.process) != before
        assert await workers.run(works.fill, MEMORY // 4) == "done"


@LINUX
async def test_memory_left_by_earlier_work_fails_no_later_work() -> None:
    async with pool(1, memory=MEMORY) as workers:
        assert await workers.run(works.keep, MEMORY // 2) == "done"
        assert await workers.run(works.keep, MEMORY // 2) == "done"


async def test_the_clock_alone_ends_nothing() -> None:
    async with pool(1, limit=0.5) as workers:
        assert await workers.run(works.rest, 1.0) == "done"


PARENT = """
import asyncio
from intelligence.service.pool import Pool
from tests.unit.intelligence import works

async def main():
    pool = Pool(1, 600, works.nothing)
    await pool.warm()
    print(await pool.run(works.process), flush=True)
    await pool.run({work})

if __name__ == "__main__":  # the workers import it, too
    asyncio.run(main())
"""


@pytest.mark.parametrize("work", ["works.rest, 600.0", "works.spin"])
async def test_no_worker_outlives_a_service_that_is_killed(tmp_path: Path, work: str) -> None:
    (script := tmp_path / "parent.py").write_text(PARENT.format(work=work))
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    parent = await asyncio.create_subprocess_exec(
        sys.executable, script, stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert parent.stdout is not None
    worker = int(await parent.stdout.readline())
    assert alive(worker)
    parent.kill()
    await parent.wait()

    async def ended() -> bool:
        return not alive(worker)

    await eventually(ended, seconds=5)


async def test_a_caller_that_gives_up_leaves_no_worker_behind() -> None:
    async with pool(1) as workers:
        given_up = asyncio.create_task(workers.run(works.hang))
        await asyncio.sleep(0)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        assert await workers.run(works.double, 4) == 8


@pytest.mark.parametrize("name", ["fail", "panic"])
async def test_an_unexpected_error_is_reported_without_its_message(name: str) -> None:
    async with pool(1) as workers:
        before = await workers.run(works.process)
        with pytest.raises(WorkFailedError) as raised:
            await workers.run(works.by_name, name)
        assert "secret" not in str(raised.value)
        assert await workers.run(works.process) == before


@pytest.mark.sampled(3)
@pytest.mark.parametrize("bad", ["fail", "panic", "hang", "crash", "spin", pytest.param("fill", marks=LINUX)])
async def test_only_the_bad_item_of_a_batch_has_no_result(bad: str) -> None:
    names = [f"good {n}" for n in range(12)]
    names.insert(5, bad)
    codes = {"crash": "worker_died", "hang": "time_limit", "spin": "time_limit", "fill": "memory_limit"}
    async with pool(limit=0.5, memory=MEMORY) as workers:
        outcomes = await workers.run_each(works.by_name, [(name,) for name in names], [1] * len(names))
        found = [outcome.code if isinstance(outcome, PoolError) else outcome for outcome in outcomes]
        assert found == [codes.get(bad, "analysis_failed") if name == bad else name for name in names]


async def test_a_batch_is_sent_in_groups_and_what_is_large_goes_alone() -> None:
    sent: list[int] = []

    class Watched(Pool):
        async def _sent(self, work, items):  # type: ignore[no-untyped-def]
            sent.append(len(items))
            return await super()._sent(work, items)

    workers = Watched(1, 30, works.nothing)
    try:
        await workers.warm()
        sizes = [10] * 10 + [1000] + [10] * 10
        found = await workers.run_each(works.double, [(n,) for n in range(21)], sizes)
        assert found == [*range(0, 42, 2)]
        assert sorted(sent) == [1, 10, 10]
        assert await workers.run_each(works.double, [], []) == []
    finally:
        workers.close()
