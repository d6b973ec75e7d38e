"""In: Cypher statements. Out: their rows, over Bolt, with retries of conflicts and our errors.

The same Cypher runs on Memgraph, ArcadeDB and Neo4j; only schema statements differ.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final
from uuid import uuid4

from neo4j import (
    AsyncDriver,
    AsyncGraphDatabase,
    AsyncManagedTransaction,
    AsyncResult,
    Query,
    RoutingControl,
    unit_of_work,
)
from neo4j import exceptions as bolt_errors

from archon.contracts.errors import StoreConflictError, StoreUnavailableError
from archon.runtime.reasons import place
from archon.runtime.settings import Settings
from archon.runtime.telemetry import tracing
from archon.stores.bolt import schema as graph_schema
from archon.stores.bolt.errors import raced, translated

Row = dict[str, Any]
Work = Callable[[AsyncManagedTransaction], Awaitable[Any]]

_SYSTEM: Final = "neo4j"
"""OpenTelemetry's semantic conventions name the system after the driver, whatever the server."""
_CONSTRAINT_ATTEMPTS: Final = 8
_RETRY_SECONDS: Final = 5.0
"""Seconds for which the driver itself retries transient errors."""
TRANSACTION_SECONDS: Final = 30.0
"""Maximum seconds of a transaction, including the driver's retries: a server may hang silently. The server
gets the same limit, so it does not continue after we give up."""


@cache
def statement(name: str) -> str:
    """The statement in cypher/NAME.cypher."""
    return files("archon.stores").joinpath("cypher", f"{name}.cypher").read_text()


@cache
def _query(name: str) -> Query:
    return Query(statement(name), timeout=TRANSACTION_SECONDS)


class Bolt:
    """A driver and its database."""

    def __init__(self, driver: AsyncDriver, database: str | None, url: str = "") -> None:
        self._driver = driver
        self._database = database
        self._span = tracing.client("graph", _SYSTEM, url)
        self._write_failed = False
        self._place = place(url, "memgraph_uri")

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, settings: Settings) -> AsyncIterator["Bolt"]:
        """Connects at the first statement."""
        password = settings.memgraph_password.get_secret_value()
        with translated(place(settings.memgraph_uri, "memgraph_uri")):
            driver = AsyncGraphDatabase.driver(
                settings.memgraph_uri,
                auth=(settings.memgraph_user, password) if settings.memgraph_user else None,
                connection_timeout=3.0,
                connection_acquisition_timeout=10.0,
                max_transaction_retry_time=_RETRY_SECONDS,
                initial_retry_delay=0.05,
            )
        async with driver:
            yield cls(driver, settings.graph_database, settings.memgraph_uri)

    def grouped(self) -> contextlib.AbstractContextManager[object]:
        """A span for the wait for a shared transaction, whose own spans are in the trace of one of its
        documents."""
        return self._span("group")

    async def write(self, work: Work) -> Any:
        """Runs `work` in a transaction, and again after a conflict. Raises StoreConflictError if retries do
        not help."""
        try:
            found = await self._written(work)
        except StoreUnavailableError:
            self._write_failed = True
            raise
        self._write_failed = False
        return found

    async def _written(self, work: Work) -> Any:
        work = unit_of_work(timeout=TRANSACTION_SECONDS)(work)
        with self._span("write"), translated(self._place):
            for attempt in range(_CONSTRAINT_ATTEMPTS):
                try:
                    async with (
                        asyncio.timeout(TRANSACTION_SECONDS),
                        self._driver.session(database=self._database) as session,
                    ):
                        return await session.execute_write(work)
                except bolt_errors.ClientError as error:
                    # The driver does not retry a constraint conflict.
                    if not raced(error) or attempt + 1 == _CONSTRAINT_ATTEMPTS:
                        raise
                    await asyncio.sleep(random.uniform(0.01, 0.05) * (attempt + 1))
        raise AssertionError("unreachable")

    async def rows(self, name: str, **parameters: Any) -> list[Row]:
        """The rows of one read statement, sent together with the BEGIN of its transaction."""
        with self._span("read"), translated(self._place), _span(name):
            async with asyncio.timeout(TRANSACTION_SECONDS):
                found: list[Row] = await self._driver.execute_query(
                    _query(name),
                    parameters,
                    database_=self._database,
                    routing_=RoutingControl.READ,
                    bookmark_manager_=None,
                    result_transformer_=AsyncResult.data,
                )
        return found

    async def rehearse(self, name: str, parameters: Sequence[dict[str, Any]]) -> None:
        """Runs a statement once for each of `parameters`, concurrently, and rolls everything back."""

        async def one(values: dict[str, Any]) -> None:
            async with self._driver.session(database=self._database) as session:
                transaction = await session.begin_transaction()
                await (await transaction.run(statement(name), values)).consume()
                await transaction.rollback()

        with translated(self._place):
            await asyncio.gather(*map(one, parameters))

    async def ping(self) -> str:
        """The server's name and version. Without the driver's retries, because the caller needs the current
        state. Raises StoreError if the server does not answer; after a failed write, also until a write
        succeeds again: a server with a full disk still answers reads."""
        with translated(self._place):
            agent = await self.agent()
        if self._write_failed:
            await self._ping_by_write()
        return agent

    async def _ping_by_write(self) -> None:
        try:
            await self.write(_probe)
        except StoreUnavailableError as error:
            raise StoreUnavailableError("graph", f"answers, but takes no writes ({error})") from error
        except StoreConflictError:
            pass  # another process won the race, so the server accepts writes

    async def ensure_schema(self) -> None:
        """Creates constraints and indexes; safe to repeat, also from two processes at once. Raises
        StoreMismatchError if the server has conflicting ones."""
        with translated(self._place):
            await graph_schema.ensure(self)

    async def agent(self) -> str:
        """The server's name and version."""
        async with self._driver.session(database=self._database) as session:
            return (await (await session.run("RETURN 1")).consume()).server.agent

    async def run_alone(self, cypher: str) -> list[Row]:
        """The rows of a statement outside transactions, as schema statements require."""
        async with self._driver.session(database=self._database) as session:
            return await (await session.run(cypher)).data()


def _span(name: str) -> contextlib.AbstractContextManager[object]:
    return tracing.within(f"graph {name}", {"db.system.name": _SYSTEM, "db.query.summary": name})


async def run(transaction: AsyncManagedTransaction, name: str, **parameters: Any) -> list[Row]:
    """The rows of one statement within a transaction."""
    with _span(name):
        result = await transaction.run(statement(name), parameters)
        rows: list[Row] = await result.data()
    return rows


async def _probe(transaction: AsyncManagedTransaction) -> None:
    await run(transaction, "probe", value=str(uuid4()))
