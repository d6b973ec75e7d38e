"""In: the linearisations of a type's bases. Out: the order in which the type's members are looked up.

C3 (Barrett et al. 1996), as Python has it; where there is no such order, depth first.
"""

from collections.abc import Sequence
from itertools import chain

from archon.references.index.store import Key


def linearised(own: Key, bases: Sequence[Sequence[Key]]) -> Sequence[Key]:
    """The type itself, then all bases."""
    rest = [list(each) for each in bases if each] + [[each[0] for each in bases if each]]
    order = [own]
    while any(rest):
        head = next((each[0] for each in rest if each and not _in_tail(each[0], rest)), None)
        if head is None:
            return list(dict.fromkeys([own, *chain.from_iterable(bases)]))
        order.append(head)
        rest = [[key for key in each if key != head] for each in rest]
    return order


def _in_tail(key: Key, lists: Sequence[Sequence[Key]]) -> bool:
    return any(key in each[1:] for each in lists)
