"""Histories of every path, committed once, replayed by the current workflow code.

To try it on a run of an estate, without a commit:
`temporal workflow show -w enrich-ID-HASH --output json > tests/workflows/histories/mine.json`, and then
`pytest -k "replays and mine"`.
"""

from pathlib import Path

import pytest
from temporalio.workflow import NondeterminismError

from tests.workflows import histories

BEFORE_LOCAL_STEPS = {
    "happy",
    "retried",
    "parked-and-retried",
    "retried-by-itself",
    "discarded",
    "cancelled",
    "superseded",
    "woken-by-a-submission",
    "second-submission",
    "continued",
}
"""Of runs without local steps: some are still open somewhere."""
AT_FIRST_LOCAL = {
    "outage",
    "overtaken-while-analysing",
    "cancelled-while-claiming",
    "cancelled-while-analysing",
    "cancelled-while-writing-vectors",
    "cancelled-while-writing-the-graph",
    "cancelled-while-publishing",
}
WHILE_PARKED = {"while-parked", "while-parked-and-retried", "letter-lost"}
PATHS = {
    *BEFORE_LOCAL_STEPS,
    # Each writing step was a separate activity then; those of a large document still are.
    *(f"local-{path}" for path in BEFORE_LOCAL_STEPS | AT_FIRST_LOCAL),
    *(f"joint-{path}" for path in BEFORE_LOCAL_STEPS | AT_FIRST_LOCAL),
    # Before that, runs only counted as parked after the graph had marked their documents.
    *(f"marked-{path}" for path in BEFORE_LOCAL_STEPS | AT_FIRST_LOCAL | WHILE_PARKED),
    "backfill",
    "backfill-continued",
    "backfill-cancelled",
    "document-deleted-twice",
    "project-deleted",
    "reconciled",
    "reconciled-with-parked",
}


def test_every_path_has_a_history() -> None:
    assert {path.stem for path in histories.committed()} >= PATHS


@pytest.mark.parametrize("path", histories.committed(), ids=lambda path: path.stem)
async def test_a_committed_history_replays(path: Path) -> None:
    await histories.replay(histories.read(path))


async def test_another_path_is_noticed() -> None:
    text = (histories.DIRECTORY / "happy.json").read_text()
    other = histories.WorkflowHistory.from_json("other", text.replace('"write_vectors"', '"write_elsewhere"'))
    with pytest.raises(NondeterminismError):
        await histories.replay(other)


@pytest.mark.parametrize("path", histories.committed(), ids=lambda path: path.stem)
def test_a_committed_history_names_no_machine(path: Path) -> None:
    assert '"identity"' not in path.read_text()
    assert '"stackTrace"' not in path.read_text()
