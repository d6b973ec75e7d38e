"""In: questions that lead to each other, and changes of what they read. Out: their answers, each computed
once until something that it was computed from changes.

Dependencies are recorded as they are used (Acar, "Self-Adjusting Computation", 2005). A question that leads
back to itself finds nothing there. Whatever was answered on such a way is not kept, except the answer to the
question at which the circle began: otherwise an answer would depend on the questions before it. The
inputs of an answer that is not kept become those of the answer that reads it.

The answers of a circle are computed again on each way through it. A large circle has very many ways: after a
thousand answers, the rest of it counts as finding nothing.
"""

from collections.abc import Callable, Hashable, Iterator, Sized
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from archon.contracts.errors import InvalidInputError
from archon.references.index.inputs import Input

_DEEPEST: Final = 48
_MOST: Final = 300_000
_MOST_BYTES: Final = 160 * 1024 * 1024
_NEVER: Final = 1 << 30
CIRCLING: Final = 1_000
"""Answers within circles, computed and not kept, before an answer that is kept; real code has had eight."""
STEPS: Final = 400_000
"""Answers that one question may compute: some seconds of processor time."""
UNLIMITED: Final = 1 << 60
_SLACK: Final = 10_000
"""Edges from answers that are forgotten, which stay before all such edges are removed."""

T = TypeVar("T")


class Effort:
    """What one question may take. Any thread may end it."""

    def __init__(self, steps: int) -> None:
        self._left = steps
        self.ended = False

    def step(self) -> None:
        """Raises InvalidInputError if that was too much, or nobody waits any more."""
        self._left -= 1
        if self._left < 0 or self.ended:
            raise InvalidInputError(
                "depth", "leads to too many names; a smaller one, or a symbol with fewer references, does not"
            )


@dataclass(slots=True, eq=False)
class _Node:
    """An answer or an input. `readers` may be forgotten ones."""

    key: Hashable
    answer: Any = None
    sources: int = 0
    """Number of the nodes that this was computed from."""
    bytes: int = 0
    readers: "list[_Node]" = field(default_factory=list)
    known: bool = True


class Memo:
    """Bounded. A change of inputs is announced by `touch` and ends with `settle`."""

    def __init__(self) -> None:
        self._known: dict[Hashable, _Node] = {}
        self._inputs: dict[Input, _Node] = {}
        self._touched: dict[Input, tuple[Callable[[], object], object]] = {}
        self._reads: set[_Node] | None = None
        """Nodes that the present computation has read."""
        self._edges = 0
        self._live = 0
        """Edges altogether, and those from answers that are known."""
        self._open: dict[Hashable, int] = {}
        self._lowest = _NEVER
        self._circling = 0
        self._answers_bytes = 0
        self._effort = Effort(UNLIMITED)

    @property
    def bytes(self) -> int:
        """Memory of what is known, roughly."""
        return self._answers_bytes + 300 * len(self._inputs) + 9 * self._edges

    @contextmanager
    def within(self, effort: Effort) -> Iterator[None]:
        """Answers that are computed meanwhile are a part of the effort."""
        effort.step()
        self._effort = effort
        self._circling = 0
        try:
            yield
        finally:
            self._effort = Effort(UNLIMITED)

    def clear(self) -> None:
        self._known.clear()
        self._inputs.clear()
        self._edges = self._live = self._answers_bytes = 0

    def get(self, key: Hashable, compute: Callable[[], T], nothing: Any, *, apart: bool = False) -> T:
        """The answer to `key`, which `compute` gives; `nothing` within a circle. `apart`: no circle leads
        through it, so its own circles leave what else is computed as it is."""
        around = self._reads
        if (node := self._known.get(key)) is not None:
            if around is not None:
                around.add(node)
            known: T = node.answer
            return known
        depth = len(self._open)
        if key in self._open or depth >= _DEEPEST:
            self._lowest = min(self._lowest, self._open.get(key, -1))
            cut: T = nothing
            return cut
        apart = apart or not depth
        if self._circling >= CIRCLING and not apart:
            exhausted: T = nothing
            return exhausted
        if not depth and (len(self._known) >= _MOST or self.bytes > _MOST_BYTES):
            self.clear()
        self._effort.step()
        outer, self._lowest = self._lowest, _NEVER
        circling = self._circling
        if apart:
            self._circling = 0
        reads = self._reads = set()
        self._open[key] = depth
        try:
            answer = compute()
        finally:
            del self._open[key]
            self._reads = around
            inner, self._lowest = self._lowest, outer
        if inner >= depth:
            reads = {self._keep(key, answer, reads)}
        else:
            self._lowest = min(outer, inner)
        self._circling = circling if apart or inner >= depth else self._circling + 1
        if around is not None:
            around |= reads
        return answer

    def _keep(self, key: Hashable, answer: Any, reads: set[_Node]) -> _Node:
        size = 400 + 80 * len(answer) if isinstance(answer, Sized) else 400
        node = self._known[key] = _Node(key, answer, len(reads), size)
        self._answers_bytes += size
        for each in reads:
            each.readers.append(node)
        self._edges += len(reads)
        self._live += len(reads)
        return node

    def read(self, source: Input) -> None:
        if self._reads is not None:
            node = self._inputs.get(source)
            if node is None:
                node = self._inputs[source] = _Node(source)
            self._reads.add(node)

    def touch(self, source: Input, value: Callable[[], object]) -> None:
        if source in self._inputs and source not in self._touched:
            self._touched[source] = value, value()

    def settle(self) -> None:
        """Forgets the answers that were computed from inputs whose values have changed since `touch`."""
        changed = [source for source, (value, before) in self._touched.items() if value() != before]
        self._touched.clear()
        self._forget([self._inputs.pop(each) for each in changed])
        if self._edges > 2 * self._live + _SLACK:
            self._sweep()

    def _forget(self, nodes: list[_Node]) -> None:
        """Forgets all that reads one of the nodes, at whatever distance."""
        while nodes:
            node = nodes.pop()
            self._edges -= len(node.readers)
            for each in node.readers:
                if each.known:
                    each.known = False
                    self._live -= each.sources
                    self._answers_bytes -= each.bytes
                    del self._known[each.key]
                    nodes.append(each)
            node.readers = []

    def _sweep(self) -> None:
        """Removes the edges of forgotten answers, and inputs that nothing reads."""
        for node in (*self._known.values(), *self._inputs.values()):
            node.readers = [each for each in node.readers if each.known]
        self._inputs = {source: node for source, node in self._inputs.items() if node.readers}
        self._edges = self._live
