"""In: settings. Out: the Temporal namespace as this product needs it: its retention and search attributes.

Safe to repeat. A retention is only ever raised; an attribute of another type is its operator's to mend.
"""

import asyncio
from datetime import timedelta
from typing import Final, Literal

from google.protobuf.duration_pb2 import Duration
from pydantic import BaseModel
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeNamespaceResponse,
    RegisterNamespaceRequest,
    UpdateNamespaceRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from archon.contracts import names
from archon.contracts.errors import SetupError, WorkflowUnavailableError
from archon.runtime import temporal
from archon.runtime.settings import Settings

RETENTION: Final = timedelta(days=7)
"""At least the topics' retention; a development server's own is a day."""
_KNOWN_WITHIN: Final = 60.0
"""Seconds until every part of the server knows of a new namespace or attribute; its caches live for ten."""
_POLL: Final = 0.5
_KEYWORD: Final = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD


class NamespaceState(BaseModel):
    """What has been done to a namespace. `retention` in seconds."""

    name: str
    status: Literal["created", "changed", "exists"]
    retention: int
    search_attributes_added: list[str]

    @property
    def told(self) -> str:
        added = ", ".join(self.search_attributes_added)
        return f"kept {self.retention / 86400:g} days" + (
            f"; search attributes added: {added}" if added else ""
        )


async def ensure_namespace(settings: Settings, retention: timedelta = RETENTION) -> NamespaceState:
    """Create it, or raise its retention, and register the search attributes that are missing.

    Raises WorkflowUnavailableError; SetupError when an attribute has another type.
    """
    client = await temporal.connect(settings)
    try:
        created, kept = await _ensure_retention(client, retention)
        added = await _ensure_search_attributes(client)
    except RPCError as error:
        if error.status == RPCStatusCode.PERMISSION_DENIED:
            raise SetupError(f"Temporal: {error.message}") from error
        raise WorkflowUnavailableError(f"Temporal: {error.message}") from error
    raised = kept < retention
    return NamespaceState(
        name=client.namespace,
        status="created" if created else "changed" if raised or added else "exists",
        retention=int(max(kept, retention).total_seconds()),
        search_attributes_added=added,
    )


async def _ensure_retention(client: Client, retention: timedelta) -> tuple[bool, timedelta]:
    """Whether the namespace is new, and the retention that it had."""
    wanted = Duration(seconds=int(retention.total_seconds()))
    found = await _described(client)
    if found is None:
        await _register(client, wanted)
        return True, retention
    kept = found.config.workflow_execution_retention_ttl.ToTimedelta()
    if kept < retention:
        await client.workflow_service.update_namespace(
            UpdateNamespaceRequest(
                namespace=client.namespace, config=NamespaceConfig(workflow_execution_retention_ttl=wanted)
            )
        )
    return False, kept


async def _described(client: Client) -> DescribeNamespaceResponse | None:
    try:
        return await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=client.namespace)
        )
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return None
        raise


async def _register(client: Client, retention: Duration) -> None:
    try:
        await client.workflow_service.register_namespace(
            RegisterNamespaceRequest(
                namespace=client.namespace, workflow_execution_retention_period=retention
            )
        )
    except RPCError as error:
        # Another process was faster.
        if error.status != RPCStatusCode.ALREADY_EXISTS:
            raise


async def _ensure_search_attributes(client: Client) -> list[str]:
    """The names of those that were missing, once the server knows them all."""
    added = missing = await _missing_attributes(client)
    if missing:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=client.namespace, search_attributes=dict.fromkeys(missing, _KEYWORD)
            )
        )
    async with asyncio.timeout(_KNOWN_WITHIN):
        while missing:
            await asyncio.sleep(_POLL)
            missing = await _missing_attributes(client)
    return added


async def _missing_attributes(client: Client) -> list[str]:
    found = await _search_attributes(client)
    for name in names.SEARCH_ATTRIBUTES:
        if found.get(name, _KEYWORD) != _KEYWORD:
            kind = IndexedValueType.Name(found[name])
            raise SetupError(f"Temporal: search attribute {name} is {kind}; this product needs a Keyword")
    return [name for name in names.SEARCH_ATTRIBUTES if name not in found]


async def _search_attributes(client: Client) -> dict[str, IndexedValueType.ValueType]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    async with asyncio.timeout(_KNOWN_WITHIN):
        while True:
            try:
                answer = await client.operator_service.list_search_attributes(request)
            except RPCError as error:
                # A namespace that is new is not yet known everywhere.
                if error.status != RPCStatusCode.NOT_FOUND:
                    raise
                await asyncio.sleep(_POLL)
            else:
                return dict(answer.custom_attributes)
