"""In: settings. Out: the contents of graph and vectors, read with plain clients, without our code in
between."""

from collections.abc import Iterable
from typing import Any

from neo4j import AsyncGraphDatabase
from qdrant_client.models import Record

from archon.runtime.settings import Settings
from archon.stores.vectors.store import qdrant


async def query(settings: Settings, cypher: str, **parameters: Any) -> list[list[Any]]:
    """The rows of a statement."""
    user, password = settings.memgraph_user, settings.memgraph_password.get_secret_value()
    auth = (user, password) if user else None
    async with AsyncGraphDatabase.driver(settings.memgraph_uri, auth=auth) as driver:
        found = await driver.execute_query(cypher, parameters, database_=settings.graph_database)
    return [list(record.values()) for record in found.records]


async def nodes(settings: Settings, project: str) -> dict[str, dict[str, Any]]:
    """The documents of a project by id, each with its properties."""
    rows = await query(settings, "MATCH (d:Document {project_name: $p}) RETURN properties(d)", p=project)
    return {node["entity_id"]: node for (node,) in rows}


async def points(settings: Settings, ids: Iterable[str]) -> dict[str, Record]:
    """Points by document id, each with its vector."""
    client = qdrant(settings)
    try:
        found = await client.retrieve(settings.qdrant_collection, list(ids), with_vectors=True)
    finally:
        await client.close()
    return {str(point.id): point for point in found}
