"""In: the services that serve HTTP. Out: an OpenAPI document of each, and the models of its bodies.

The apps are made and never started, so nothing is connected. Environment variables do not count.
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
    """By name, with every setting at its default."""
    defaults = Settings.model_construct()
    return {"bridge": bridge.app.create_app(defaults), "intelligence": intelligence.app.create_app(defaults)}


def files() -> dict[str, str]:
    """File name to content, as they are to stand in docs/openapi."""
    return {f"{name}.json": json.dumps(app.openapi(), indent=2) + "\n" for name, app in apps().items()}


def bodies(app: FastAPI) -> Iterator[type[BaseModel]]:
    """The models that an app's routes take, answer and stream, each of them once or more."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and route.include_in_schema:
            taken = route.body_field.field_info.annotation if route.body_field else None
            yield from filter(_is_model, (taken, route.response_model, route.stream_item_type))


def _is_model(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, BaseModel)
