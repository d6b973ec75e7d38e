"""In: the released and the current JSON Schema of an event. Out: changes that break producers or consumers.

Within v1, changes only add optional fields. Schemas of events that others write (`consumed`) may only become
wider, those of events that they read only narrower. A new enumeration value for readers is allowed: the
documentation requires them to expect it.
"""

from collections.abc import Iterator, Mapping
from math import inf
from typing import Any

Schema = Mapping[str, Any]
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")


def breaks(old: Schema, new: Schema, *, consumed: bool) -> list[str]:
    """One line for each broken promise; empty if there is none."""
    return sorted(set(_compare(_Side(old), _Side(new), "", consumed=consumed)))


class _Side:
    """A schema with its document, with resolved references and without null."""

    def __init__(self, schema: Schema, root: Schema | None = None) -> None:
        self.root = schema if root is None else root
        while "$ref" in schema:
            schema = {**self.root["$defs"][schema["$ref"].rpartition("/")[2]], **_without(schema, "$ref")}
        options = schema.get("anyOf", [schema])
        present = [option for option in options if option.get("type") != "null"]
        self.nullable = len(present) < len(options)
        self.schema = schema
        if len(options) > 1 and len(present) == 1:
            self.schema = _Side({**_without(schema, "anyOf"), **present[0]}, self.root).schema

    def types(self) -> set[str]:
        """Types that a value may have; empty if any may."""
        options = self.schema.get("anyOf", [self.schema])
        named = {_Side(option, self.root).schema.get("type") for option in options}
        return set() if None in named else named | ({"null"} if self.nullable else set())

    def child(self, schema: Schema) -> "_Side":
        return _Side(schema, self.root)


def _without(schema: Schema, key: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != key}


def _compare(old: _Side, new: _Side, path: str, *, consumed: bool) -> Iterator[str]:
    given, taken = (old, new) if consumed else (new, old)
    types = given.types(), taken.types()
    if types[1] and not (types[0] and types[0] <= types[1]):
        yield f"{path or 'value'}: type {sorted(old.types())} became {sorted(new.types())}"
    yield from (f"{path}{key} has changed" for key in _limits(given.schema, taken.schema))
    if consumed:
        yield from (f"{path}{key} has changed" for key in _choices(given.schema, taken.schema))
    was, now = old.schema.get("properties", {}), new.schema.get("properties", {})
    yield from (f"{path}{name}: removed" for name in was if name not in now)
    required, before = set(new.schema.get("required", [])), set(old.schema.get("required", []))
    if consumed:
        yield from (f"{path}{name}: has become required" for name in required - before)
    else:
        yield from (f"{path}{name}: is no longer always there" for name in before - required)
    for name in was.keys() & now.keys():
        yield from _compare(old.child(was[name]), new.child(now[name]), f"{path}{name}.", consumed=consumed)
    if "items" in old.schema and "items" in new.schema:
        both = old.child(old.schema["items"]), new.child(new.schema["items"])
        yield from _compare(*both, f"{path}[].", consumed=consumed)


def _limits(given: Schema, taken: Schema) -> Iterator[str]:
    """Limits for accepted values that given values may exceed."""
    for key in _LOWER:
        if key in taken and given.get(key, -inf) < taken[key]:
            yield key
    for key in _UPPER:
        if key in taken and given.get(key, inf) > taken[key]:
            yield key
    yield from (key for key in ("pattern", "format") if key in taken and given.get(key) != taken[key])


def _choices(given: Schema, taken: Schema) -> Iterator[str]:
    """Values and fields that may be given but are not accepted."""
    if "enum" in taken and not set(given.get("enum", [None])) <= set(taken["enum"]):
        yield "enum"
    if taken.get("additionalProperties") is False and given.get("additionalProperties") is not False:
        yield "additionalProperties"
