"""In: nodes of an older product, which keeps project and path in `properties`. Out: their data, and the same
nodes in our shape.

Three spellings are supported: a map, the same as JSON text, and flattened keys such as
`properties.project_id`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from neo4j import AsyncManagedTransaction

from archon.contracts.documents import Document
from archon.contracts.errors import ProjectConflictError
from archon.stores.bolt.session import Row, run
from archon.stores.changes.keys import changed_key
from archon.stores.graph import nodes

Item = tuple[Document, Row]
"""A document, and its row for the statement `index`."""
_PREFIX: Final = "properties."
_PROJECT: Final = ("project_name", "project_id")
_PATH: Final = ("file_path", "source_path", "path")


def is_older(node: Mapping[str, Any]) -> bool:
    """Whether it lacks a property that every node of ours has."""
    return any(node.get(name) is None for name in ("project_name", "content_hash", "version"))


def project_of(node: Mapping[str, Any]) -> str | None:
    return _told(node, _PROJECT)


def path_of(node: Mapping[str, Any]) -> str | None:
    return _told(node, _PATH)


def hash_of(node: Mapping[str, Any]) -> str | None:
    return _told(node, ("content_hash",))


def problem_of(node: Mapping[str, Any]) -> str | None:
    """Why it cannot be converted to our shape, whatever its text, or None."""
    if not _is_canonical(node["entity_id"]):
        return "its id is not a UUID"
    if project_of(node) is None:
        return "it names no project"
    if path_of(node) is None:
        return "it names no file"
    return None


async def indexed(documents: Sequence[Item], transaction: AsyncManagedTransaction) -> list[Row]:
    """The result of the statement `index` for each document; first converts a node of the older shape under
    the same lock.

    Raises ProjectConflictError if such a node belongs to another project, or names none.
    """
    # Sorted by key, so that writers lock in one order.
    rows = [row for _, row in sorted(documents, key=lambda each: each[0].entity_id)]
    found = await _index(transaction, rows)
    older = [document for document, _ in documents if _is_incomplete(found[document.entity_id])]
    for document in older:
        await _adopt(transaction, document)
    if older:
        found |= await _index(transaction, [row for row in rows if _is_incomplete(found[row["id"]])])
    return [found[document.entity_id] for document, _ in documents]


async def _index(transaction: AsyncManagedTransaction, rows: Sequence[Row]) -> dict[str, Row]:
    keyed = [{**row, "changed_key": changed_key(row["project_name"])} for row in rows]
    return {row["id"]: row for row in await run(transaction, "index", rows=keyed, ended=nodes.ENDED)}


def _is_incomplete(row: Row) -> bool:
    return row["mine"] is None or row["version"] is None


async def _adopt(transaction: AsyncManagedTransaction, document: Document) -> None:
    """Converts the node, so that indexing treats it as changed."""
    node = (await run(transaction, "nodes", ids=[document.entity_id]))[0]["document"]
    if _nested(node, _PROJECT) != document.project_name:
        raise ProjectConflictError(document.entity_id)
    properties = {
        "project_name": document.project_name,
        "version": node.get("version") or 0,
        "content_hash": None,
    }
    await run(transaction, "set_properties", rows=[{"id": document.entity_id, "properties": properties}])


def _is_canonical(value: Any) -> bool:
    try:
        return bool(str(UUID(value)) == value)
    except (ValueError, AttributeError, TypeError):
        return False


def _told(node: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """The first value among these names, on the node itself or in its properties."""
    found = next((node[name] for name in names if node.get(name)), None)
    return str(found) if found is not None else _nested(node, names)


def _nested(node: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    inner = _properties(node)
    return next((str(inner[name]) for name in names if inner.get(name)), None)


def _properties(node: Mapping[str, Any]) -> Mapping[str, Any]:
    flat = {key.removeprefix(_PREFIX): value for key, value in node.items() if key.startswith(_PREFIX)}
    inner = node.get("properties")
    if isinstance(inner, str):
        try:
            inner = json.loads(inner)
        except ValueError:
            inner = None
    return {**inner, **flat} if isinstance(inner, Mapping) else flat
