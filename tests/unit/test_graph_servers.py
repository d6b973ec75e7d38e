"""Errors of graph servers that are not a document's fault, from a test server with their messages."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from archon.contracts import errors
from archon.contracts.errors import (
    StoreConflictError,
    StoreMismatchError,
    StoreRejectedError,
    StoreUnavailableError,
)
from archon.runtime.settings import Settings
from archon.stores.bolt import schema as bolt_schema
from archon.stores.bolt import session as bolt_store
from archon.stores.bolt.schema import INDEXED, UNIQUE
from archon.stores.bolt.session import Bolt, run
from tests.bolt_server import CLIENT_ERROR, MEMGRAPH, BoltServer, Failure, Rows, Script

RACED = Failure("Unable to commit due to unique constraint violation on :Document(entity_id)")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bolt_store, "_RETRY_SECONDS", 0.1)
    monkeypatch.setattr(bolt_store, "_CONSTRAINT_ATTEMPTS", 3)
    monkeypatch.setattr(bolt_schema, "_ATTEMPTS", 2)


async def _write(transaction: Any) -> str:
    await run(transaction, "current", id="d")
    return "written"


async def _with(server: BoltServer, use: Callable[[Bolt], Any]) -> Any:
    async with (
        server.serving() as uri,
        Bolt.connect(Settings(memgraph_uri=uri, memgraph_user="u", memgraph_password="p")) as bolt,
    ):
        return await use(bolt)


def failing(name: str, failure: Failure, times: int = 10_000) -> Script:
    """`name`: of the failing messages, or a statement's first words."""
    left = times

    def script(message: str, fields: Sequence[Any]) -> Failure | None:
        nonlocal left
        if left and (message == name or (message == "RUN" and str(fields[0]).startswith(name))):
            left -= 1
            return failure
        return None

    return script


async def test_two_writers_of_one_new_key_meet_at_the_commit_and_the_second_tries_again() -> None:
    server = BoltServer(failing("COMMIT", RACED, times=2))
    assert await _with(server, lambda bolt: bolt.write(_write)) == "written"
    assert len(server.fields_of("COMMIT")) == 3


async def test_a_race_that_does_not_end_is_a_conflict() -> None:
    with pytest.raises(StoreConflictError, match="unique constraint"):
        await _with(BoltServer(failing("COMMIT", RACED)), lambda bolt: bolt.write(_write))


OUTAGES = [
    ("LOGON", Failure("Authentication failure", "Memgraph.ClientError.Security.Unauthenticated")),
    ("LOGON", Failure("The client is unauthorized", "Neo.ClientError.Security.Unauthorized")),
    (
        "LOGON",
        Failure(
            "User reached the limit of concurent sessions",
            "Memgraph.ClientError.Statement.SessionLimitReached",
        ),
    ),
    ("RUN", Failure("You are not authorized to execute this query!")),
    ("RUN", Failure("Write query forbidden on the replica!")),
    ("RUN", Failure("Memory limit exceeded! Attempting to allocate a chunk of 1.00GiB")),
    ("RUN", Failure("?", "Memgraph.DatabaseError.MemgraphError.MemgraphError")),
    ("RUN", Failure("There is not enough memory", "Neo.TransientError.General.MemoryPoolOutOfMemoryError")),
    ("RUN", Failure("No write operations are allowed", "Neo.ClientError.Cluster.NotALeader")),
    ("RUN", Failure("Database 'neo4j' not found", "Neo.ClientError.Database.DatabaseNotFound")),
    ("RUN", Failure("Invalid input", "Neo.ClientError.Statement.SyntaxError")),
    ("RUN", Failure("Nobody knows", "Other.ClientError.Of.Tomorrow")),
    (
        "COMMIT",
        Failure(
            "Replication Exception: At least one SYNC replica has not confirmed committing last transaction."
        ),
    ),
    ("COMMIT", Failure("Cannot commit because instance is not main anymore.")),
    ("COMMIT", Failure("Timed out", "Neo.ClientError.Transaction.TransactionTimedOut")),
]


@pytest.mark.parametrize(
    ("message", "failure"), OUTAGES, ids=lambda value: getattr(value, "message", value)[:30]
)
async def test_a_fault_of_the_server_is_an_outage(message: str, failure: Failure) -> None:
    with pytest.raises(StoreUnavailableError) as raised:
        await _with(BoltServer(failing(message, failure)), lambda bolt: bolt.write(_write))
    assert failure.message in str(raised.value) or "No write service" in str(raised.value)
    if message != "COMMIT":
        with pytest.raises(StoreUnavailableError):
            await _with(BoltServer(failing(message, failure)), lambda bolt: bolt.rows("current", id="d"))


async def test_a_wrong_password_names_its_settings() -> None:
    with pytest.raises(StoreUnavailableError, match="MEMGRAPH_USER or MEMGRAPH_PASSWORD"):
        await _with(BoltServer(failing(*OUTAGES[0])), lambda bolt: bolt.ping())


async def test_a_value_that_a_node_cannot_hold_rejects_its_document() -> None:
    wrong = Failure("Property values can only be of primitive types", "Neo.ClientError.Statement.TypeError")
    with pytest.raises(StoreRejectedError):
        await _with(BoltServer(failing("RUN", wrong)), lambda bolt: bolt.write(_write))
    nothing = BoltServer(lambda *_: None)
    for value in (2**63, "\ud800"):
        with pytest.raises(StoreRejectedError):
            await _with(nothing, lambda bolt, value=value: bolt.rows("current", id=value))


async def test_the_server_gives_up_when_the_client_does() -> None:
    server = BoltServer(lambda *_: None)

    async def both(bolt: Bolt) -> None:
        await bolt.write(_write)
        await bolt.rows("current", id="d")

    await _with(server, both)
    assert [extra["tx_timeout"] for (extra,) in server.fields_of("BEGIN")] == [30_000, 30_000]


def memgraph(constraints: Rows, indexes: Rows) -> BoltServer:
    """`CREATE ...` succeeds and does nothing."""
    shown = {"SHOW CONSTRAINT INFO": constraints, "SHOW INDEX INFO": indexes}
    return BoltServer(lambda name, fields: shown.get(fields[0]) if name == "RUN" else None)


CONSTRAINTS = [
    {"constraint type": "unique", "label": label, "properties": [key], "data_type": ""}
    for label, key in UNIQUE
]
INDEXES = [
    {"index type": "label", "label": "Document", "property": None, "count": 7},
    *(
        {"index type": "label+property", "label": label, "property": [key], "count": 7}
        for label, key in INDEXED
    ),
]


async def test_a_schema_that_is_there_is_taken() -> None:
    await _with(memgraph(CONSTRAINTS, INDEXES), lambda bolt: bolt.ensure_schema())
    older = [{**each, "property": (each["property"] or [None])[0]} for each in INDEXES]
    await _with(memgraph(CONSTRAINTS, older), lambda bolt: bolt.ensure_schema())


async def test_missing_constraints_are_named() -> None:
    pairs = [{**CONSTRAINTS[0], "properties": ["entity_id", "version"]}, *CONSTRAINTS[1:]]
    with pytest.raises(StoreMismatchError, match=r"no unique constraint on :Document\(entity_id\), and"):
        await _with(memgraph(pairs, INDEXES), lambda bolt: bolt.ensure_schema())
    with pytest.raises(StoreMismatchError, match=r"no index on :Module\(project_name\), and"):
        await _with(memgraph(CONSTRAINTS, INDEXES[:-1]), lambda bolt: bolt.ensure_schema())


async def test_a_constraint_under_a_taken_name_is_noticed() -> None:
    """Neo4j and ArcadeDB then create nothing, without an error."""
    neo4j = [
        {"name": f"{label}_{key}", "type": "UNIQUENESS", "labelsOrTypes": [label], "properties": [key]}
        for label, key in UNIQUE
    ]
    indexes = [
        {"type": "LOOKUP", "labelsOrTypes": None, "properties": None},
        *({"type": "RANGE", "labelsOrTypes": [label], "properties": [key]} for label, key in INDEXED),
    ]
    shown: dict[str, Rows] = {"SHOW CONSTRAINTS": neo4j, "SHOW INDEXES": indexes}
    server = BoltServer(
        lambda name, fields: shown.get(fields[0]) if name == "RUN" else None, agent="Neo4j/5.26.0"
    )
    await _with(server, lambda bolt: bolt.ensure_schema())
    neo4j[0]["properties"] = ["other"]
    with pytest.raises(errors.StoreMismatchError, match=r"unique constraint on :Document\(entity_id\)"):
        await _with(server, lambda bolt: bolt.ensure_schema())


async def test_a_schema_that_may_not_be_made_says_so() -> None:
    refused = Failure("You are not authorized to execute this query!", CLIENT_ERROR)
    server = BoltServer(failing("CREATE CONSTRAINT", refused), agent=MEMGRAPH)
    with pytest.raises(StoreUnavailableError, match="not authorized"):
        await _with(server, lambda bolt: bolt.ensure_schema())
