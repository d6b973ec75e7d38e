"""The small deciding parts of the flow: mailbox, offsets, failure table, error translation."""

import random
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from neo4j import exceptions as bolt_errors
from temporalio.exceptions import ActivityError, ApplicationError

from activities.failures import TREATMENTS
from archon.cli.ingest.tally import percentile
from archon.cli.terminal import output
from archon.contracts import errors
from archon.contracts.events import DeadLetter, ErrorDetails
from archon.contracts.operations.dead_letters import ORIGINAL_BYTES, original_message
from archon.contracts.types import FailureType
from archon.contracts.workflow import Carried
from archon.runtime.http.problems import MEDIA_TYPE
from archon.stores.bolt import errors as graph_errors
from archon.stores.bolt import schema as graph_schema
from kafka_ingress import indexing
from kafka_ingress.offsets import OffsetTracker
from tests import factories
from workflows.failures import failure_of
from workflows.mailbox import Mailbox, Wake


def test_a_redelivery_is_counted_and_not_submitted() -> None:
    mailbox = Mailbox(Carried())
    request = factories.request()
    for _ in range(3):
        mailbox.submit(request)
    mailbox.submit(request.model_copy(update={"correlation_id": factories.request().correlation_id}))
    assert (len(mailbox.carried().submissions), mailbox.duplicates) == (2, 2)


def test_an_early_wish_still_counts_and_counts_once() -> None:
    mailbox = Mailbox(Carried())
    mailbox.ask(Wake.RETRY)
    mailbox.ask(Wake.RETRY)
    assert mailbox.wake(1) is Wake.RETRY
    mailbox.take(Wake.RETRY)
    assert mailbox.wake(1) is None
    assert mailbox.retries == 2


def test_the_strongest_reason_wakes() -> None:
    mailbox = Mailbox(Carried(submissions=[factories.request()]))
    mailbox.ask(Wake.RETRY)
    assert mailbox.wake(1) is Wake.RESUBMITTED
    mailbox.ask(Wake.DISCARD)
    assert mailbox.wake(1) is Wake.DISCARD
    mailbox.superseded_by = 2
    assert mailbox.wake(1) is Wake.SUPERSEDED
    assert mailbox.wake(2) is Wake.DISCARD


def test_the_memory_of_seen_keys_is_bounded() -> None:
    mailbox = Mailbox(Carried(seen=[str(number) for number in range(1000)]))
    mailbox.submit(factories.request())
    assert mailbox.seen == 1000
    assert "0" not in mailbox.carried().seen


def test_nothing_is_lost_between_the_runs_of_a_chain() -> None:
    first = Mailbox(Carried())
    request = factories.request()
    first.submit(request)
    first.ask(Wake.RETRY)
    first.ask(Wake.DISCARD)
    first.take(Wake.RETRY)
    first.superseded_by = 3
    second = Mailbox(first.carried())
    second.submit(request)
    assert (second.next(), second.waiting, second.duplicates) == (request, False, 1)
    assert (second.wake(2), second.wake(3)) == (Wake.SUPERSEDED, Wake.DISCARD)
    second.take(Wake.DISCARD)
    assert second.wake(3) is None


@pytest.mark.parametrize("seed", range(20))
def test_only_what_is_contiguous_is_committed(seed: int) -> None:
    chance = random.Random(seed)
    offsets = sorted(chance.sample(range(1000), 50))
    tracker = OffsetTracker()
    for offset in offsets:
        tracker.begin(offset)
    done: set[int] = set()
    for offset in chance.sample(offsets, 50):
        tracker.done(offset)
        done.add(offset)
        first_open = next((each for each in offsets if each not in done), None)
        behind = [each for each in offsets if first_open is None or each < first_open]
        assert tracker.uncommitted == (behind[-1] + 1 if behind else None)
    tracker.committed(offsets[-1] + 1)
    assert tracker.uncommitted is None
    assert tracker.in_flight == 0


def test_a_worker_that_had_to_stop_is_no_fault_of_the_documents() -> None:
    error = ActivityError(
        "failed",
        scheduled_event_id=1,
        started_event_id=2,
        identity="",
        activity_type="analyse",
        activity_id="1",
        retry_state=None,
    )
    error.__cause__ = ApplicationError("worker is shutting down", type="WorkerShutdown")
    assert failure_of(error, "analysing").failure_type is FailureType.TRANSIENT
    error.__cause__ = ApplicationError("?", type="Other")
    assert failure_of(error, "analysing").failure_type is FailureType.PERMANENT


def test_a_bridge_that_fails_at_a_message_does_not_hold_back_the_next() -> None:
    for status, expected in (
        (500, RuntimeError),
        (503, errors.StoreUnavailableError),
        (422, errors.InvalidInputError),
    ):
        with pytest.raises(expected):
            indexing._check(httpx.Response(status, headers={"content-type": MEDIA_TYPE}, text="x"))


def _leaves(cls: type[Exception]) -> list[type[Exception]]:
    below = cls.__subclasses__()
    return [leaf for each in below for leaf in _leaves(each)] if below else [cls]


def test_every_error_an_activity_may_raise_has_a_treatment() -> None:
    of_others = {
        errors.AlreadyRunningError,
        errors.ConfigurationError,
        errors.ForbiddenError,
        errors.NotFoundError,
        errors.NotParkedError,
        errors.RateLimitedError,
        errors.RunFailedError,
        errors.StackUnavailableError,
        errors.SetupError,
        errors.TooLargeError,
        errors.TooManyStreamsError,
        errors.UnauthorizedError,
        errors.UnreadableBodyError,
        errors.UnsupportedMediaError,
    }
    mine = [
        cls
        for cls in _leaves(errors.ArchonError)
        if cls.__module__ == errors.__name__ and cls not in of_others
    ]
    assert [cls for cls in mine if cls not in TREATMENTS] == []


def _driver_errors() -> list[type[Exception]]:
    found = [
        each
        for each in vars(bolt_errors).values()
        if isinstance(each, type) and issubclass(each, (bolt_errors.Neo4jError, bolt_errors.DriverError))
    ]
    assert len(found) > 15
    return found


@pytest.mark.parametrize("cls", _driver_errors(), ids=lambda cls: cls.__name__)
def test_no_driver_error_escapes_the_graph(cls: type[Exception]) -> None:
    with pytest.raises(errors.StoreError) as raised, graph_errors.translated():
        raise cls.__new__(cls)
    conflict = issubclass(cls, (bolt_errors.TransientError, bolt_errors.ConstraintError))
    if conflict and cls is not bolt_errors.DatabaseUnavailable:
        assert isinstance(raised.value, errors.StoreConflictError)


def test_the_schema_speaks_each_servers_dialect() -> None:
    memgraph, neo4j = (
        graph_schema.ddl_for("Neo4j/v5.11.0 compatible graph database server - Memgraph"),
        graph_schema.ddl_for("Neo4j/5.26"),
    )
    assert "CREATE CONSTRAINT ON (n:Document) ASSERT n.entity_id IS UNIQUE" in memgraph
    assert all("IF NOT EXISTS" in each for each in neo4j)
    assert len({each.split()[2] for each in neo4j}) == len(neo4j)


def test_an_unreadable_message_is_kept_as_bytes() -> None:
    assert original_message(b'{"a": 1}') == {"a": 1}
    assert original_message(None) is None
    noise = original_message(b"\xff" * (ORIGINAL_BYTES + 1))
    assert (noise["size"], noise["truncated"]) == (ORIGINAL_BYTES + 1, True)
    assert len(noise["base64"]) < 2 * ORIGINAL_BYTES
    assert "base64" in original_message(b"[" * 100_000)


def test_percentiles_are_of_the_nearest_rank() -> None:
    values = [float(number) for number in range(1, 101)]
    assert [percentile(values, each) for each in (50, 95, 100)] == [50, 95, 100]
    assert percentile([7.0], 95) == 7
    assert percentile([], 95) is None


def test_durations_are_read_and_nonsense_is_named() -> None:
    assert output.duration("--older-than", "90s") == timedelta(seconds=90)
    assert output.duration("--older-than", " 3d ") == timedelta(days=3)
    for nonsense in ("", "soon", "1", "-1h", "1.5h", "999999999999d", "9" * 40 + "d"):
        with pytest.raises(errors.InvalidInputError, match="--older-than"):
            output.duration("--older-than", nonsense)


def test_control_characters_do_not_reach_the_terminal() -> None:
    assert output.printable("a\x1b[31mb\x00é") == "a\\x1b[31mb\\x00é"


def test_a_dead_letter_of_null_can_be_read_again() -> None:
    letter = DeadLetter(
        failure_reason="value: null",
        failure_timestamp=datetime.now(UTC),
        failure_type=FailureType.DATA_QUALITY,
        original_message=None,
        error_details=ErrorDetails(exception_type="InvalidInputError", exception_message="null"),
        source="t:0:1",
    )
    assert DeadLetter.model_validate_json(letter.model_dump_json(exclude_none=True)) == letter


def test_a_graph_that_is_out_of_step_is_waited_for() -> None:
    error = bolt_errors.Neo4jError._hydrate_neo4j(code="Neo.ClientError.Request.Invalid", message="BEGIN")
    with pytest.raises(errors.StoreUnavailableError), graph_errors.translated():
        raise error
