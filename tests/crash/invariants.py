"""In: the submitter's list and a stack at rest. Out: violations of the promise.

Each invariant returns the documents that violate it, one line each; an empty list is the goal.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from temporalio.api.enums.v1 import EventType

from archon.contracts import identity, names
from archon.runtime.settings import Settings
from archon.runtime.temporal import client as temporal
from tests import stores
from tests.crash.load import Load
from tests.e2e.events import read_all

Broken = list[str]
Invariant = Callable[[Settings, Load], Awaitable[Broken]]

_DUPLICATE_ENTITIES = """
MATCH (d:Document {project_name: $p})-[:CONTAINS]->(e:Entity)
WITH d.file_path AS path, e.kind AS kind, e.qualified_name AS name, e.ordinal AS ordinal, count(*) AS times
WHERE times > 1
RETURN path, kind, name, times
"""
_DUPLICATE_RELATIONSHIPS = """
MATCH (a)-[r]->(b)
WHERE a.project_name = $p
WITH a.name AS source, type(r) AS kind, b.name AS target, a.entity_id AS id, count(r) AS times
WHERE times > 1
RETURN source, kind, target, times
"""
_FUNCTIONS = """
MATCH (d:Document {project_name: $p})-[:CONTAINS]->(e:Entity)
RETURN d.entity_id, collect(e.name)
"""


async def at_rest(settings: Settings, load: Load) -> bool:
    """Whether nothing more can happen: every document has ended, and only parked runs are open."""
    nodes = await stores.nodes(settings, load.project)
    if any(
        nodes.get(each, {}).get("enrichment_status") not in {"completed", "failed"} for each in load.expected
    ):
        return False
    if any(
        node["content_hash"] != load.expected[each].content_hash
        for each, node in nodes.items()
        if each in load.expected
    ):
        return False
    client = await temporal.connect(settings)
    own = f'ExecutionStatus="Running" AND {names.SEARCH_PROJECT_NAME}="{load.project}"'
    parked = f'{own} AND {names.SEARCH_ENRICHMENT_STATUS}="{names.STATUS_PARKED}"'
    return (await client.count_workflows(own)).count == (await client.count_workflows(parked)).count


async def settled(settings: Settings, load: Load) -> Broken:
    """Submitted = enriched at the newest version + parked with a dead letter."""
    nodes = await stores.nodes(settings, load.project)
    letters = await _standing_letters(settings, load)
    broken = [f"{each} was never submitted" for each in nodes.keys() - load.expected.keys()]
    for document_id, expected in load.expected.items():
        node = nodes.get(document_id)
        if node is None:
            broken.append(f"{document_id} is lost")
            continue
        path, status = node["file_path"], "failed" if expected.refused else "completed"
        if (node["content_hash"], node["version"]) != (expected.content_hash, expected.version):
            broken.append(f"{path} is at version {node['version']}, not {expected.version}")
        if node["enrichment_status"] != status:
            broken.append(f"{path} is {node['enrichment_status']}, not {status}")
        if (document_id in letters) != expected.refused:
            broken.append(f"{path} has {'a' if document_id in letters else 'no'} dead letter")
    return broken


async def agreeing(settings: Settings, load: Load) -> Broken:
    """Graph and vectors agree document by document."""
    nodes = await stores.nodes(settings, load.project)
    points = await stores.points(settings, nodes)
    broken: Broken = []
    for document_id, node in nodes.items():
        if document_id not in points:
            # A parked document that no bridge indexed has no text, and therefore no point.
            broken += [] if node["enrichment_status"] == "failed" else [f"{node['file_path']} has no point"]
            continue
        payload: dict[str, Any] = points[document_id].payload or {}
        broken += [
            f"{node['file_path']}: {name} is {payload.get(name)!r}, but {node.get(name)!r} in the graph"
            for name in ("version", "content_hash", "enrichment_status")
            if payload.get(name) != node.get(name)
        ]
        if payload.get("embedded_hash") != node.get("enrichment_content_hash"):
            broken.append(f"{node['file_path']}: its vector is of another content")
    return broken


async def unique(settings: Settings, load: Load) -> Broken:
    """No entity and no relationship exists twice, and all belong to the newest text."""
    broken = [
        f"{' '.join(map(str, row[:-1]))}: {row[-1]} times"
        for statement in (_DUPLICATE_ENTITIES, _DUPLICATE_RELATIONSHIPS)
        for row in await stores.query(settings, statement, p=load.project)
    ]
    found = {row[0]: sorted(row[1]) for row in await stores.query(settings, _FUNCTIONS, p=load.project)}
    for document_id, expected in load.expected.items():
        if found.get(document_id, []) != sorted(expected.functions):
            broken.append(f"{document_id} has the functions {found.get(document_id)}")
    return broken


async def told_once(settings: Settings, load: Load) -> Broken:
    """One completed event per `ce_id`, and one success for each enriched document.

    A step is repeated after a worker dies between Kafka's acknowledgement and its own report, and after a
    workflow task that a signal made obsolete. So the same event may exist as often as its step had attempts:
    delivery is at least once.
    """
    events = [
        each
        for each in await read_all(settings, settings.kafka_completed_topic)
        if each["key"] in load.expected
    ]
    counts = Counter((each["key"], each["headers"]["ce_id"]) for each in events)
    broken = [
        f"the event {event_id} was published {count} times"
        for (document_id, event_id), count in counts.items()
        if count > 1 and count > await _attempts_to_tell(settings, document_id)
    ]
    announced = {event_id for _, event_id in counts}
    for document_id, expected in load.expected.items():
        wanted = identity.event_id(document_id, expected.version, "success")
        if (wanted in announced) == expected.refused:
            broken.append(f"{document_id} has {'a' if wanted in announced else 'no'} completed event")
    return broken


_NOT_ACCEPTED = {EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED, EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT}


async def _attempts_to_tell(settings: Settings, document_id: str) -> int:
    """Maximum number of attempts of any run of the document to publish a completed event: remotely, or within
    workflow tasks, of which only the accepted one records its local steps."""
    client = await temporal.connect(settings)
    most = 0
    async for execution in client.list_workflows(f'{names.SEARCH_DOCUMENT_ID} = "{document_id}"'):
        history = await client.get_workflow_handle(execution.id, run_id=execution.run_id).fetch_history()
        steps = {
            event.event_id
            for event in history.events
            if event.activity_task_scheduled_event_attributes.activity_type.name == "publish_completed"
        }
        attempts = [
            event.activity_task_started_event_attributes.attempt
            for event in history.events
            if event.activity_task_started_event_attributes.scheduled_event_id in steps
        ]
        repeated = [event for event in history.events if event.event_type in _NOT_ACCEPTED]
        most = max([most, len(repeated) + 1, *attempts])
    return most


async def _standing_letters(settings: Settings, load: Load) -> set[str]:
    standing: set[str] = set()
    for event in await read_all(settings, settings.kafka_dlq_topic):
        if event["key"] in load.expected:
            (standing.discard if event["value"] is None else standing.add)(event["key"])
    return standing


async def one_letter_a_failure(settings: Settings, load: Load) -> Broken:
    """Exactly one dead letter for each failure."""
    letters = [
        (each["key"], each["value"]["failure_count"])
        for each in await read_all(settings, settings.kafka_dlq_topic)
        if each["key"] in load.expected and each["value"] is not None
    ]
    return [
        f"{key}: failure {number} has {count} letters"
        for (key, number), count in Counter(letters).items()
        if count > 1
    ]


INVARIANTS: dict[str, Invariant] = {
    "enriched or parked": settled,
    "stores agree": agreeing,
    "no duplicates": unique,
    "one event": told_once,
    "one letter": one_letter_a_failure,
}
