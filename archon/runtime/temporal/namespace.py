"""In: settings. Out: the Temporal namespace with the retention and the search attributes that this product
needs.

Safe to repeat. A retention is only raised, never lowered; an attribute of another type is left to its
operator.
"""

from datetime import timedelta
from typing import Final, Literal

from google.protobuf.duration_pb2 import Duration
from pydantic import BaseModel
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeNamespaceResponse,
    RegisterNamespaceRequest,
    UpdateNamespaceRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from archon.contracts.errors import SetupError, WorkflowUnavailableError
from archon.runtime.reasons import in_words
from archon.runtime.settings import Settings
from archon.runtime.temporal import client as temporal
from archon.runtime.temporal import search_attributes

RETENTION: Final = timedelta(days=7)
"""At least the topics' retention; a development server's default is a day."""


class NamespaceState(BaseModel):
    """The changes to a namespace. `retention` in seconds."""

    name: str
    status: Literal["created", "changed", "exists"]
    retention: int
    search_attributes_added: list[str]

    @property
    def detail(self) -> str:
        added = ", ".join(self.search_attributes_added)
        return f"kept {self.retention / 86400:g} days" + (
            f"; search attributes added: {added}" if added else ""
        )


async def ensure_namespace(settings: Settings, retention: timedelta = RETENTION) -> NamespaceState:
    """Creates it, or raises its retention, and registers missing search attributes.

    Raises WorkflowUnavailableError; SetupError if an attribute has another type.
    """
    client = await temporal.connect(settings)
    try:
        created, kept = await _ensure_retention(client, retention)
        added = await search_attributes.ensure(client)
    except RPCError as error:
        if error.status == RPCStatusCode.PERMISSION_DENIED:
            raise SetupError(f"Temporal: {error.message}") from error
        raise WorkflowUnavailableError(f"{temporal.temporal_at(settings)}: {in_words(error)}") from error
    raised = kept < retention
    return NamespaceState(
        name=client.namespace,
        status="created" if created else "changed" if raised or added else "exists",
        retention=int(max(kept, retention).total_seconds()),
        search_attributes_added=added,
    )


async def _ensure_retention(client: Client, retention: timedelta) -> tuple[bool, timedelta]:
    """Whether the namespace is new, and its previous retention."""
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
