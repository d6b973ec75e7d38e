"""In: Cypher statements. Out: their rows, over Bolt, with conflicts retried and the driver's errors ours.

One Cypher for Memgraph, ArcadeDB and Neo4j; only the DDL differs, told apart by the server's agent string.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

from neo4j import AsyncDriver, AsyncGraphDatabase, AsyncManagedTransaction, AsyncResult, RoutingControl
from neo4j import exceptions as bolt_errors

from archon.contracts.errors import StoreConflictError, StoreRejectedError, StoreUnavailableError
from archon.runtime import tracing
from archon.runtime.settings import Settings

Row = dict[str, Any]
Work = Callable[[AsyncManagedTransaction], Awaitable[Any]]

UNIQUE: Final = (("Document", "entity_id"), ("Entity", "entity_id"), ("Module", "module_id"))
INDEXED: Final = (
    ("Document", "project_name"),
    ("Document", "content_hash"),
    ("Document", "external_id"),
    ("Document", "enrichment_status"),
    ("Document", "outbox"),
    ("Document", "import_key"),
    ("Module", "project_name"),
)
_SYSTEM: Final = "neo4j"
"""OpenTelemetry's semantic conventions name the system after the driver, whose ever server it speaks to."""
_CONSTRAINT_ATTEMPTS: Final = 8
_SECONDS: Final = 30.0
"""How long a transaction may take, with the driver's own retries: a server may hang and say nothing."""
_UNAVAILABLE: Final = (
    bolt_errors.ServiceUnavailable,
    bolt_errors.SessionExpired,
    bolt_errors.DatabaseUnavailable,
    bolt_errors.DatabaseError,
    bolt_errors.ConnectionAcquisitionTimeoutError,
    bolt_errors.TransactionError,
    OSError,
)
_OUT_OF_STEP: Final = "Neo.ClientError.Request.Invalid"
"""A message that the protocol does not allow now: told by a server that is about to go, of no statement."""
_GONE: Final = "Neo.ClientError.Statement.EntityNotFound"
"""What a statement has found was deleted before it got its lock: tried again, it finds something else."""
_CONFLICT: Final = (bolt_errors.TransientError, bolt_errors.ConstraintError)


@cache
def statement(name: str) -> str:
    """The statement in cypher/NAME.cypher."""
    return files(__package__).joinpath("cypher", f"{name}.cypher").read_text()


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise the driver's errors as ours."""
    try:
        yield
    except bolt_errors.AuthError as error:
        # Our configuration, which says nothing of a document: wait until it is mended.
        wrong = f"MEMGRAPH_USER or MEMGRAPH_PASSWORD is missing or wrong: {_told(error)}"
        raise StoreUnavailableError("graph", wrong) from error
    except _UNAVAILABLE as error:
        raise StoreUnavailableError("graph", _told(error)) from error
    except _CONFLICT as error:
        raise StoreConflictError("graph", _told(error)) from error
    except (bolt_errors.Neo4jError, bolt_errors.DriverError) as error:
        if getattr(error, "code", None) == _OUT_OF_STEP:
            raise StoreUnavailableError("graph", _told(error)) from error
        if getattr(error, "code", None) == _GONE:
            raise StoreConflictError("graph", _told(error)) from error
        raise StoreRejectedError("graph", _told(error)) from error


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:500]}"


class Bolt:
    """A driver and the database it speaks to."""

    def __init__(self, driver: AsyncDriver, database: str | None, url: str = "") -> None:
        self._driver = driver
        self._database = database
        self._span = tracing.client("graph", _SYSTEM, url)

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncIterator["Bolt"]:
        """Connects at the first statement."""
        password = settings.memgraph_password.get_secret_value()
        with translated():
            driver = AsyncGraphDatabase.driver(
                settings.memgraph_uri,
                auth=(settings.memgraph_user, password) if settings.memgraph_user else None,
                connection_timeout=3.0,
                connection_acquisition_timeout=10.0,
                max_transaction_retry_time=5.0,
                initial_retry_delay=0.05,
            )
        async with driver:
            yield cls(driver, settings.graph_database, settings.memgraph_uri)

    def grouped(self) -> contextlib.AbstractContextManager[object]:
        """A span around the wait for a transaction that other documents share: its own spans are in the trace
        of one of them."""
        return self._span("group")

    async def write(self, work: Work) -> Any:
        """Run `work` in a transaction, again after a conflict. Raises StoreConflictError when that does not
        help."""
        with self._span("write"), translated():
            for attempt in range(_CONSTRAINT_ATTEMPTS):
                try:
                    async with (
                        asyncio.timeout(_SECONDS),
                        self._driver.session(database=self._database) as session,
                    ):
                        return await session.execute_write(work)
                except bolt_errors.ConstraintError:
                    # Two transactions merged one new key at once, which the driver does not retry.
                    if attempt + 1 == _CONSTRAINT_ATTEMPTS:
                        raise
                    await asyncio.sleep(random.uniform(0.01, 0.05) * (attempt + 1))
        raise AssertionError("unreachable")

    async def rows(self, name: str, **parameters: Any) -> list[Row]:
        """The rows of one reading statement, which goes together with the begin of its transaction."""
        with self._span("read"), translated(), _span(name):
            async with asyncio.timeout(_SECONDS):
                found: list[Row] = await self._driver.execute_query(
                    statement(name),
                    parameters,
                    database_=self._database,
                    routing_=RoutingControl.READ,
                    bookmark_manager_=None,
                    result_transformer_=AsyncResult.data,
                )
        return found

    async def rehearse(self, name: str, parameters: Sequence[dict[str, Any]]) -> None:
        """Run a statement once for each of `parameters`, at once, and roll all of it back."""

        async def one(values: dict[str, Any]) -> None:
            async with self._driver.session(database=self._database) as session:
                transaction = await session.begin_transaction()
                await (await transaction.run(statement(name), values)).consume()
                await transaction.rollback()

        with translated():
            await asyncio.gather(*map(one, parameters))

    async def ping(self) -> None:
        with translated():
            await self._driver.execute_query("RETURN 1", database_=self._database)

    async def ensure_schema(self) -> None:
        """Constraints and indexes; safe to repeat, and to do from two processes at once."""
        with translated():
            async with self._driver.session(database=self._database) as session:
                server = (await (await session.run("RETURN 1")).consume()).server
            for ddl in ddl_for(server.agent):
                await self._define(ddl)

    async def _define(self, ddl: str) -> None:
        for attempt in range(_CONSTRAINT_ATTEMPTS):
            try:
                async with self._driver.session(database=self._database) as session:
                    await (await session.run(ddl)).consume()
            except (bolt_errors.Neo4jError, bolt_errors.SessionExpired) as error:
                if "already exists" in str(error).lower():
                    return
                if attempt + 1 == _CONSTRAINT_ATTEMPTS:
                    raise
                await asyncio.sleep(0.1 * (attempt + 1))
            else:
                return


def ddl_for(agent: str) -> list[str]:
    """The schema in the server's own dialect."""
    if "Memgraph" in agent:
        unique = [f"CREATE CONSTRAINT ON (n:{label}) ASSERT n.{key} IS UNIQUE" for label, key in UNIQUE]
        # The label alone, too: what counts all documents would look at every node of the graph.
        keys = [f"{label}({key})" for label, key in (*UNIQUE, *INDEXED)]
        return unique + [f"CREATE INDEX ON :{each}" for each in ("Document", *keys)]
    unique = [
        f"CREATE CONSTRAINT {label.lower()}_{key}_unique IF NOT EXISTS "
        f"FOR (n:{label}) REQUIRE n.{key} IS UNIQUE"
        for label, key in UNIQUE
    ]
    return unique + [
        f"CREATE INDEX {label.lower()}_{key} IF NOT EXISTS FOR (n:{label}) ON (n.{key})"
        for label, key in INDEXED
    ]


def _span(name: str) -> contextlib.AbstractContextManager[object]:
    return tracing.within(f"graph {name}", {"db.system.name": _SYSTEM, "db.query.summary": name})


async def run(transaction: AsyncManagedTransaction, name: str, **parameters: Any) -> list[Row]:
    """One statement within a transaction; its rows."""
    with _span(name):
        result = await transaction.run(statement(name), parameters)
        rows: list[Row] = await result.data()
    return rows
