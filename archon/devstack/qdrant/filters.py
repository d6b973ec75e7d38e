"""In: filters of Qdrant's REST API. Out: the engine's filters."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import qdrant_edge as edge

from archon.devstack.qdrant.protocol import Body, NotOfferedError, only


def filter_of(body: Body | None) -> edge.Filter | None:
    """None matches every point."""
    return None if body is None else _filter(body)


def _filter(body: Body) -> edge.Filter:
    only(body, "must", "should", "must_not", "min_should")
    least = body.get("min_should")
    return edge.Filter(
        must=_conditions(body.get("must")),
        should=_conditions(body.get("should")),
        must_not=_conditions(body.get("must_not")),
        min_should=edge.MinShould(_conditions(least["conditions"]) or [], least["min_count"])
        if least
        else None,
    )


def _conditions(found: Body | Sequence[Body] | None) -> "list[edge.ConditionType] | None":
    if found is None:
        return None
    return [_condition(found)] if isinstance(found, Mapping) else [_condition(each) for each in found]


def _condition(body: Body) -> "edge.ConditionType":
    for name, made in _CONDITIONS.items():
        if name in body:
            return made(body)
    return _filter(body)


def _field(body: Body) -> edge.FieldCondition:
    only(body, "key", "match", "range", "values_count", "is_empty", "is_null")
    match, span, count = body.get("match"), body.get("range"), body.get("values_count")
    return edge.FieldCondition(
        key=body["key"],
        match=None if match is None else _match(match),
        range=None if span is None else _range(span),
        values_count=None if count is None else edge.ValuesCount(**_bounds(count)),
        is_empty=body.get("is_empty"),
        is_null=body.get("is_null"),
    )


def _match(body: Body) -> "edge.MatchType":
    ((how, value),) = body.items()
    made = _MATCHES.get(how)
    if made is None:
        raise NotOfferedError(f"Not implemented: match {how}")
    return made(value)


def _range(body: Body) -> "edge.RangeType":
    bounds = _bounds(body)
    of_times = any(isinstance(value, str) for value in bounds.values())
    return edge.RangeDateTime(**bounds) if of_times else edge.RangeFloat(**bounds)


def _bounds(body: Body) -> dict[str, Any]:
    only(body, "gt", "gte", "lt", "lte")
    return dict(body)


def _nested(body: Body) -> edge.NestedCondition:
    return edge.NestedCondition(body["nested"]["key"], _filter(body["nested"]["filter"]))


_CONDITIONS: "Final[Mapping[str, Callable[[Body], edge.ConditionType]]]" = {
    "key": _field,
    "has_id": lambda body: edge.HasIdCondition(set(body["has_id"])),
    "has_vector": lambda body: edge.HasVectorCondition(body["has_vector"]),
    "is_empty": lambda body: edge.IsEmptyCondition(body["is_empty"]["key"]),
    "is_null": lambda body: edge.IsNullCondition(body["is_null"]["key"]),
    "nested": _nested,
}
"""Conditions by the field that only they have. `key` comes first, because its field may be empty or null."""
_MATCHES: "Final[Mapping[str, Callable[[Any], edge.MatchType]]]" = {
    "value": edge.MatchValue,
    "any": edge.MatchAny,
    "except": edge.MatchExcept,
    "text": edge.MatchText,
    "phrase": edge.MatchPhrase,
}
