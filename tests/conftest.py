"""In: a test run. Out: the same, in the order of `tests.distribution` and with `tests.stacks`."""

import gc
from collections.abc import Generator
from importlib import import_module
from pathlib import Path

import pytest

from tests.distribution import (
    pytest_collection_modifyitems,
    pytest_runtest_teardown,
    pytest_xdist_make_scheduler,
)

__all__ = ["pytest_collection_modifyitems", "pytest_runtest_teardown", "pytest_xdist_make_scheduler"]

RECORD = "--record-servers"
_LOG_LINES = 12


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        RECORD, type=Path, metavar="FILE", help="Record in FILE which tests passed on which servers."
    )


def pytest_configure(config: pytest.Config) -> None:
    """The process that only distributes the tests spares itself the imports: the others wait for it."""
    if not _distributes(config):
        for name in ("tests.stacks", "tests.examples"):
            config.pluginmanager.register(import_module(name))
    if config.getoption(RECORD) is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(import_module("tests.servers.recording"))


def _distributes(config: pytest.Config) -> bool:
    return not hasattr(config, "workerinput") and config.getoption("dist") != "no"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays: the garbage collector would walk it in vain, now and during every test."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds the last log lines of all stack processes to a failure, because it may not happen again."""
    report = yield
    if report.failed:
        directory = item.session.config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        for log in sorted(directory.glob("*/logs/*.log")):
            if not log.parent.parent.is_symlink() and log.stat().st_mtime >= call.start:
                lines = log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
                report.sections.append((str(log), "\n".join(line[:300] for line in lines)))
    return report
