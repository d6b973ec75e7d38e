"""A second bridge in front of the session's stack, which requires API keys; and clients with a key."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
from fastapi import FastAPI

from archon.contracts.operations.api_keys import Access, ApiKey, mint
from archon.runtime.http import api_keys
from archon.runtime.http.serving import serve_http
from archon.runtime.local_ports import free_ports
from archon.runtime.settings import Settings
from bridge.app import create_app


@dataclass
class KeyedBridge:
    app: FastAPI
    settings: Settings
    keys: Path


@contextlib.asynccontextmanager
async def keyed_bridge(stack: Settings, keys: Path, **changes: object) -> AsyncIterator[KeyedBridge]:
    """Requires `keys`, which must exist; otherwise like the stack's own, except for `changes`."""
    port = free_ports(1)[0]
    url = f"http://127.0.0.1:{port}"
    own = {"api_keys_file": str(keys), "bridge_port": port, "bridge_url": url}
    settings = stack.model_copy(update={**own, **changes})
    app = create_app(settings)
    async with serve_http(app, settings, port):
        yield KeyedBridge(app, settings, keys)


def add_key(file: Path, projects: list[str] | str, given: Access = Access.WRITE, **more: object) -> str:
    key_id, shown, sha256 = mint()
    now = datetime.now(UTC)
    fields = {"id": key_id, "sha256": sha256, "projects": projects, "access": given, "created_at": now}
    api_keys.add(file, ApiKey.model_validate({**fields, **more}))
    return shown


def client(settings: Settings, key: str | None) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return httpx.AsyncClient(base_url=settings.bridge_url, headers=headers, timeout=30)
