"""In: a Temporal client. Out: its namespace's search attributes, created if missing, or the list of missing
ones.

An attribute of another type is left to its operator.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from archon.contracts import names
from archon.contracts.errors import SetupError
from archon.runtime.temporal.client import translated

_KNOWN_WITHIN: Final = 60.0
"""Seconds until all parts of the server know a new namespace or attribute; its caches live for ten."""
_POLL: Final = 0.5
_KEYWORD: Final = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
_NOT_SHOWN: Final = frozenset({RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED})
"""Errors of clients without access to the operator service, as in Temporal Cloud."""

_REFUSED: Final = _NOT_SHOWN | {RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.FAILED_PRECONDITION}
"""For example more attributes of a type than an SQL visibility store has columns for."""


class NamespaceCheck:
    """For readiness. Checks the attributes until all are found, and then no more: they are not removed."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._complete = False

    async def check(self) -> str:
        """The server's version. Raises WorkflowUnavailableError if Temporal does not serve; SetupError if the
        namespace or an attribute is missing."""
        with translated():
            await self._client.service_client.check_health()
            if not self._complete:
                await self._require()
            found = await self._client.workflow_service.get_system_info(GetSystemInfoRequest())
        self._complete = True
        return found.server_version

    async def _require(self) -> None:
        namespace = self._client.namespace
        try:
            missing = _missing(await _listed(self._client))
        except RPCError as error:
            if error.status in _NOT_SHOWN:
                return
            if error.status == RPCStatusCode.NOT_FOUND:
                raise SetupError(
                    f"Temporal has no namespace {namespace}; `enrich setup` creates it"
                ) from error
            raise
        if missing:
            lacks = f"lacks search attributes: {', '.join(missing)}; `enrich setup` adds them"
            raise SetupError(f"Temporal: namespace {namespace} {lacks}")


async def ensure(client: Client) -> list[str]:
    """Registers missing attributes and returns their names after the server knows all. Raises RPCError,
    SetupError."""
    added = missing = _missing(await _of_new_namespace(client))
    if missing:
        await _add(client, missing)
    async with asyncio.timeout(_KNOWN_WITHIN):
        while missing:
            await asyncio.sleep(_POLL)
            missing = _missing(await _of_new_namespace(client))
    return added


async def _add(client: Client, missing: list[str]) -> None:
    wanted = dict.fromkeys(missing, _KEYWORD)
    try:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=wanted)
        )
    except RPCError as error:
        if error.status not in _REFUSED:
            raise
        refused = f"the search attributes {', '.join(missing)}: {error.message}"
        raise SetupError(f"Temporal refuses {refused}") from error


def _missing(found: Mapping[str, IndexedValueType.ValueType]) -> list[str]:
    others = [name for name in names.SEARCH_ATTRIBUTES if found.get(name, _KEYWORD) != _KEYWORD]
    if others:
        others_found = ", ".join(f"{name} is {IndexedValueType.Name(found[name])}" for name in others)
        raise SetupError(f"Temporal: search attribute {others_found}; this product needs a Keyword")
    return [name for name in names.SEARCH_ATTRIBUTES if name not in found]


async def _listed(client: Client) -> Mapping[str, IndexedValueType.ValueType]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    return dict((await client.operator_service.list_search_attributes(request)).custom_attributes)


async def _of_new_namespace(client: Client) -> Mapping[str, IndexedValueType.ValueType]:
    """A new namespace is not known everywhere at once."""
    async with asyncio.timeout(_KNOWN_WITHIN):
        while True:
            try:
                return await _listed(client)
            except RPCError as error:
                if error.status != RPCStatusCode.NOT_FOUND:
                    raise
                await asyncio.sleep(_POLL)
