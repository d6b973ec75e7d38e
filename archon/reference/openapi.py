"""In: the HTTP services. Out: an OpenAPI document of each, and the models of their bodies.

The apps are built but never started, so nothing is connected. Environment variables have no effect.
"""

import json
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel

import bridge.app
import intelligence.app
from archon.runtime.settings import Settings


def apps() -> dict[str, FastAPI]:
    """The apps by name, with default settings."""
    defaults = Settings.model_construct()
    return {"bridge": bridge.app.create_app(defaults), "intelligence": intelligence.app.create_app(defaults)}


def files() -> dict[str, str]:
    """File name to content, below docs/openapi."""
    return {f"{name}.json": json.dumps(app.openapi(), indent=2) + "\n" for name, app in apps().items()}


def bodies(app: FastAPI) -> Iterator[type[BaseModel]]:
    """The models of requests, answers and streams of an app's routes, possibly with repetitions."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and route.include_in_schema:
            taken = route.body_field.field_info.annotation if route.body_field else None
            yield from filter(_is_model, (taken, route.response_model, route.stream_item_type))


def _is_model(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, BaseModel)
