"""In: a directed graph. Out: the groups of nodes that reach each other (Tarjan 1972), without recursion."""

from collections.abc import Iterator, Mapping, Sequence


def circles(edges: Mapping[int, Sequence[int]]) -> list[list[int]]:
    """Strongly connected components of more than one node."""
    search = _Search(edges)
    for root in sorted(edges):
        if root not in search.number:
            search.run(root)
    return [each for each in search.found if len(each) > 1]


class _Search:
    def __init__(self, edges: Mapping[int, Sequence[int]]) -> None:
        self._edges = edges
        self.number: dict[int, int] = {}
        self._lowest: dict[int, int] = {}
        self._path: list[int] = []
        self._on_path: set[int] = set()
        self.found: list[list[int]] = []

    def run(self, root: int) -> None:
        """Finds the components of all nodes that the root reaches."""
        work = [self._enter(root)]
        while work:
            node, rest = work[-1]
            following = next(rest, None)
            if following is None:
                work.pop()
                self._leave(node, work[-1][0] if work else node)
            elif following not in self.number:
                work.append(self._enter(following))
            elif following in self._on_path:
                self._lowest[node] = min(self._lowest[node], self.number[following])

    def _enter(self, node: int) -> tuple[int, Iterator[int]]:
        self.number[node] = self._lowest[node] = len(self.number)
        self._path.append(node)
        self._on_path.add(node)
        return node, iter(self._edges.get(node, ()))

    def _leave(self, node: int, before: int) -> None:
        self._lowest[before] = min(self._lowest[before], self._lowest[node])
        if self._lowest[node] != self.number[node]:
            return
        component = [self._path.pop()]
        while component[-1] != node:
            component.append(self._path.pop())
        self._on_path.difference_update(component)
        self.found.append(component)
