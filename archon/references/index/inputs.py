"""In: queries of an index, and changes. Out: notes of both, for those who keep what they computed from the
queries' results."""

from collections.abc import Callable, Hashable
from functools import partial, wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

Input = tuple[Hashable, ...]
"""A query: its name and its arguments."""


class Recorder(Protocol):
    """The keeper of computed results."""

    def read(self, source: Input) -> None:
        """The present computation uses the result of a query."""

    def touch(self, source: Input, value: Callable[[], object]) -> None:
        """The next change may change the result of a query; `value` gives it."""


class Inputs:
    """An index whose queries are recorded. Its queries have names that no other index of the recorder has."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def touch(self, query: Callable[..., object], *arguments: Hashable) -> None:
        """To be called before a change for each query whose result may change."""
        self._recorder.touch((query.__name__, *arguments), partial(query, *arguments))

    def read(self, query: str, *arguments: Hashable) -> None:
        self._recorder.read((query, *arguments))


Owner = TypeVar("Owner", bound=Inputs)
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def recorded(
    query: Callable[Concatenate[Owner, Arguments], Result],
) -> Callable[Concatenate[Owner, Arguments], Result]:
    """Records each use of a query, which has positional arguments alone."""
    name = query.__name__

    @wraps(query)
    def reading(self: Owner, /, *arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        self.read(name, *arguments)
        return query(self, *arguments, **named)

    return reading
