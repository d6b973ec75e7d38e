"""In: the history of a run. Out: whether today's workflow code replays it; and a copy fit to be committed.

A committed history stands for runs that were begun by older code and are still open: what cannot replay it
would break them. New code that takes another path asks `workflow.patched` first.
"""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Interceptor, Replayer

from worker import WORKFLOWS, workflow_runner

DIRECTORY = Path(__file__).parent / "histories"
_OF_THE_MACHINE = {"identity", "stackTrace", "stack_trace", "workerVersion"}


async def replay(history: WorkflowHistory, interceptors: Sequence[Interceptor] = ()) -> None:
    """Raises the error of a workflow task that fails or goes another way than the history."""
    replayer = Replayer(
        workflows=WORKFLOWS,
        workflow_runner=workflow_runner(),
        data_converter=pydantic_data_converter,
        interceptors=interceptors,
    )
    await replayer.replay_workflow(history)


def committed() -> list[Path]:
    return sorted(DIRECTORY.glob("*.json"))


def commit(name: str, history: WorkflowHistory) -> None:
    """Keep a history as DIRECTORY/name.json, without what tells of the machine that it ran on.

    One that is there already stays: runs like it are still open somewhere.
    """
    DIRECTORY.mkdir(exist_ok=True)
    path = DIRECTORY / f"{name}.json"
    if not path.exists():
        path.write_text(json.dumps(_clean(json.loads(history.to_json())), indent=1) + "\n")


def read(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(f"replayed-{path.stem}", path.read_text())


def _clean(value: Any) -> Any:
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if not isinstance(value, dict):
        return value
    clean = {key: _clean(item) for key, item in value.items() if key not in _OF_THE_MACHINE}
    if clean.get("kind") == "TASK_QUEUE_KIND_STICKY":
        clean["name"] = "sticky"
    if isinstance(clean.get("data"), str):
        payload = _clean(json.loads(base64.b64decode(clean["data"])))
        clean["data"] = base64.b64encode(json.dumps(payload).encode()).decode()
    return clean
