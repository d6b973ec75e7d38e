"""In: a graph server. Out: our constraints and indexes, created if missing; an error if that is impossible.

`IF NOT EXISTS` does nothing if the name is taken, and an older index can block a constraint. So the actual
schema is read afterwards and compared.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, Protocol

from neo4j import exceptions as bolt_errors

from archon.contracts.errors import StoreMismatchError

UNIQUE: Final = (("Document", "entity_id"), ("Entity", "entity_id"), ("Module", "module_id"))
INDEXED: Final = (
    ("Document", "project_name"),
    ("Document", "content_hash"),
    ("Document", "external_id"),
    ("Document", "enrichment_status"),
    ("Document", "outbox"),
    ("Document", "import_key"),
    ("Document", "changed_key"),
    ("Module", "project_name"),
)
_ATTEMPTS: Final = 8
_UNIQUE_KINDS: Final = frozenset({"unique", "UNIQUENESS", "NODE_PROPERTY_UNIQUENESS", "NODE_KEY"})
_INDEX_KINDS: Final = frozenset({"label+property", "RANGE", "BTREE", "TEXT"})
"""Servers' names for a unique constraint on a property, and for an index that finds nodes by its value."""

Key = tuple[str, str]
"""A label, and a property of its nodes."""


class Server(Protocol):
    """Runs a statement outside transactions, as schema statements require."""

    async def agent(self) -> str: ...

    async def run_alone(self, cypher: str) -> list[dict[str, Any]]: ...


async def ensure(server: Server) -> None:
    """Safe to repeat, also from two processes at once. Raises StoreMismatchError, the driver's errors."""
    agent = await server.agent()
    for ddl in ddl_for(agent):
        await _define(server, ddl)
    if missing := await _missing(server, agent):
        raise StoreMismatchError(
            "graph",
            f"the server has no {', no '.join(missing)}, and did not create it: its name may be taken by "
            "another, or an index on the same property may block it",
        )


def ddl_for(agent: str) -> list[str]:
    """The schema in the server's own dialect."""
    if "Memgraph" in agent:
        unique = [f"CREATE CONSTRAINT ON (n:{label}) ASSERT n.{key} IS UNIQUE" for label, key in UNIQUE]
        # Also an index on the label alone: counting documents would otherwise scan all nodes of the graph.
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


async def _define(server: Server, ddl: str) -> None:
    for attempt in range(_ATTEMPTS):
        try:
            await server.run_alone(ddl)
        except (bolt_errors.Neo4jError, bolt_errors.SessionExpired) as error:
            if "already exists" in str(error).lower():
                return
            if attempt + 1 == _ATTEMPTS:
                raise
            await asyncio.sleep(0.1 * (attempt + 1))
        else:
            return


async def _missing(server: Server, agent: str) -> list[str]:
    """The missing schema objects, e.g. `unique constraint on :Document(entity_id)`."""
    memgraph = "Memgraph" in agent
    constraints = await server.run_alone("SHOW CONSTRAINT INFO" if memgraph else "SHOW CONSTRAINTS")
    indexes = await server.run_alone("SHOW INDEX INFO" if memgraph else "SHOW INDEXES")
    unique, indexed = _keys(constraints, _UNIQUE_KINDS), _keys(indexes, _INDEX_KINDS)
    return [
        f"unique constraint on :{label}({key})" for label, key in UNIQUE if (label, key) not in unique
    ] + [f"index on :{label}({key})" for label, key in INDEXED if (label, key) not in indexed]


def _keys(rows: Iterable[Mapping[str, Any]], kinds: Collection[str]) -> set[Key]:
    """Keys with their own constraint or index of these kinds, in the columns of any server."""
    found = set()
    for row in rows:
        kind = row.get("type") or row.get("constraint type") or row.get("index type")
        labels = row.get("labelsOrTypes") or [row.get("label")]
        properties = row.get("properties") or row.get("property") or []
        properties = [properties] if isinstance(properties, str) else properties
        if kind in kinds and len(labels) == len(properties) == 1:
            found.add((labels[0], properties[0]))
    return found
