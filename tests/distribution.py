"""In: the collected tests. Out: which files run in one process, in which order, and with which stack.

A stack costs 12 seconds of processor time to start, and 60 ms a second while it idles: the files of a group
share theirs, and it ends with them. What takes longest begins first, so that no process is left alone with
it at the end.
"""

from collections import Counter
from typing import Any, Final

import pytest
from xdist.scheduler import LoadFileScheduling

GROUPS: Final = {
    "all is well": (
        "e2e/test_cli",
        "e2e/test_ingest",
        "e2e/test_access",
        "e2e/test_main_job",
        "e2e/test_bench",
        "e2e/test_search",
        "e2e/test_graph",
        "e2e/test_delete",
        "e2e/test_tracing",
        "e2e/test_two_keys",
        "e2e/test_observability",
        "e2e/test_inputs",
    ),
    "failures": (
        "e2e/test_failures",
        "e2e/test_backfill",
        "e2e/test_deletion",
        "e2e/test_rollout",
        "e2e/test_streams",
        "e2e/test_flood",
        "e2e/test_revisions",
    ),
    "repairs": ("e2e/test_reconcile", "e2e/test_parked", "e2e/test_pages"),
    "servers that die": ("e2e/test_demo", "e2e/test_why", "e2e/test_outages", "crash/test_crash"),
    "enrich up": ("e2e/test_stack",),
    "tutorial": ("e2e/test_tutorial",),
}
"""In the order in which they begin; of a group in the order in which its stack can bear them."""
LONG: Final = (
    "workflows/test_enrich_document",
    "workflows/test_parking",
    "workflows/test_worker_versions",
    "unit/test_walk_git",
    "unit/test_reference",
)
"""Files of several seconds that would come last by their names: they begin after the groups."""
SHARED: Final = ("own", "scripted", "faulty_stack", "stack")
"""The fixtures that end with a group."""
_GROUP: Final = {f"tests/{file}.py": name for name, files in GROUPS.items() for file in files}
_PLACE: Final = {file: place for place, file in enumerate([*_GROUP, *(f"tests/{file}.py" for file in LONG)])}


class Together(LoadFileScheduling):  # type: ignore[misc]
    """Gives a process the files of a whole group."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


def _group(nodeid: str) -> str:
    file = nodeid.partition("::")[0]
    return _GROUP.get(file, file)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Ends the shared stacks after the last test of a group; a later test that needs one starts it again.

    Pytest itself ends a fixture of the session with the session.
    """
    if nextitem is None or _group(nextitem.nodeid) == _group(item.nodeid):
        return
    for name in SHARED:
        for fixture in item.session._fixturemanager.getfixturedefs(name, item) or ():
            fixture.finish(item._request)  # type: ignore[attr-defined]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together | None:
    return Together(config, log) if config.getvalue("dist") == "loadfile" else None


def _needs_stack(item: pytest.Item) -> bool:
    """Whether one that files share: some files have a fixture or a parameter of the same name."""
    found = item._fixtureinfo.name2fixturedefs  # type: ignore[attr-defined]
    given = item.callspec.params if hasattr(item, "callspec") else ()
    return any(
        name in found and name not in given and not found[name][-1].baseid.endswith(".py") for name in SHARED
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of a test that is `sampled(n)`, marks all but every n-th parameter as `full`, and of the others
    two thirds as `slow`; and orders the files."""
    alone = {item.nodeid.partition("::")[0] for item in items if _needs_stack(item)} - set(_GROUP)
    assert not alone, f"would start a stack for one file; put it into a group of {__name__}: {sorted(alone)}"
    seen: Counter[str] = Counter()
    for item in items:
        if (mark := item.get_closest_marker("sampled")) is not None:
            test = item.nodeid.partition("[")[0]
            if seen[test] % mark.args[0]:
                item.add_marker(pytest.mark.full)
            elif seen[test] % (3 * mark.args[0]):
                item.add_marker(pytest.mark.slow)
            seen[test] += 1
    items.sort(key=lambda item: _PLACE.get(item.nodeid.partition("::")[0], len(_PLACE)))
