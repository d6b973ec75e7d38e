"""The measured space of disks: a health check is not older than a second, and waits for no hanging one."""

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from archon.contracts.errors import StoreUnavailableError
from archon.runtime.estate import storage as module
from archon.runtime.estate.storage import Storage


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def measuring(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], int]], None]:
    """Sets what measures the free bytes."""

    def by(free: Callable[[], int]) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1000, 0, free()))

    return by


async def test_a_disk_that_fills_is_not_ready_at_the_next_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measuring: Callable[[Callable[[], int]], None]
) -> None:
    monkeypatch.setattr(module, "_FRESH", -1.0)
    storage = Storage({"graph": tmp_path}, least=100, interval=3600)
    measuring(lambda: 500)
    assert (await storage.check()).status == "healthy"
    measuring(lambda: 50)
    with pytest.raises(StoreUnavailableError, match="disk nearly full"):
        await storage.check()


async def test_a_recent_measurement_is_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measuring: Callable[[Callable[[], int]], None]
) -> None:
    monkeypatch.setattr(module, "_FRESH", 3600.0)
    storage = Storage({"graph": tmp_path}, least=100, interval=3600)
    measuring(lambda: 500)
    await storage.check()
    measuring(lambda: 50)
    assert (await storage.check()).status == "healthy"


async def test_a_hanging_disk_keeps_one_thread_and_its_last_measurement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measuring: Callable[[Callable[[], int]], None]
) -> None:
    monkeypatch.setattr(module, "_FRESH", -1.0)
    monkeypatch.setattr(module, "_PATIENCE", 0.01)
    storage = Storage({"graph": tmp_path}, least=100, interval=3600)
    measuring(lambda: 500)
    await storage.check()
    answers, begun = threading.Event(), []

    def hang() -> int:
        begun.append(threading.get_ident())
        answers.wait(30)
        return 500

    measuring(hang)
    try:
        for _ in range(3):
            assert (await storage.check()).status == "healthy"
        assert len(begun) <= 1
    finally:
        answers.set()
