"""In: a project. Out: the length of its runs' histories, and the contents of the longest one."""

from collections import Counter
from dataclasses import dataclass, field
from statistics import mean

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from archon.contracts import names
from archon.runtime.tasks import answers

_AT_ONCE = 8
_PREFIX = "EVENT_TYPE_"


@dataclass(frozen=True)
class Histories:
    """Of all runs of a project. `longest`: the event types of the longest history."""

    runs: int
    events_mean: float
    events_max: int
    transitions_mean: float
    transitions_max: int
    longest_id: str
    longest: dict[str, int] = field(default_factory=dict)


async def histories(client: Client, project: str) -> Histories:
    """Raises RPCError."""
    found = client.list_workflows(f'{names.SEARCH_PROJECT_NAME}="{project}"')
    handles = {each.run_id: client.get_workflow_handle(each.id, run_id=each.run_id) async for each in found}
    described = await answers(list(handles), lambda run_id: handles[run_id].describe(), _AT_ONCE)
    infos = {run: each.raw_description.workflow_execution_info for run, each in described.items()}
    events = {run: info.history_length for run, info in infos.items()}
    transitions = [info.state_transition_count for info in infos.values()]
    longest = handles[max(events, key=lambda run: events[run])]
    types = Counter(
        EventType.Name(event.event_type).removeprefix(_PREFIX)
        for event in (await longest.fetch_history()).events
    )
    return Histories(
        runs=len(events),
        events_mean=round(mean(events.values()), 1),
        events_max=max(events.values()),
        transitions_mean=round(mean(transitions), 1),
        transitions_max=max(transitions),
        longest_id=longest.id,
        longest=dict(types.most_common()),
    )
