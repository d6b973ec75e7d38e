"""The dependencies of routes."""

from collections.abc import Callable, Iterator
from inspect import iscoroutinefunction

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

import bridge.app
import intelligence.app
from archon.runtime.settings import Settings


def calls(dependant: Dependant) -> Iterator[object]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from calls(inner)


@pytest.mark.parametrize("create", [bridge.app.create_app, intelligence.app.create_app])
def test_no_dependency_runs_in_a_thread(create: Callable[[Settings], FastAPI]) -> None:
    """FastAPI runs a function that is not a coroutine in another thread, and the request waits for both."""
    dependants = [
        getattr(route, "dependant", None) for route in iter_route_contexts(create(Settings()).routes)
    ]
    called = {call for dependant in dependants if dependant is not None for call in calls(dependant)}
    assert called
    for call in called:
        # A class is also instantiated in such a thread: only the few with the parameters of a listing.
        assert isinstance(call, type) or iscoroutinefunction(call) or iscoroutinefunction(call.__call__)  # type: ignore[operator]
