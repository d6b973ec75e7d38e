"""In: the history of a run. Out: whether the current workflow code replays it; and a copy to commit.

A committed history represents runs of older code that are still open: code that cannot replay it would break
them. New code with another path must check `workflow.patched` first.
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
    """Raises the error of a workflow task that fails or differs from the history."""
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
    """Stores a history as DIRECTORY/name.json, without data about the machine.

    An existing one is kept: similar runs are still open somewhere.
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
