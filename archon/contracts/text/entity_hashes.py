"""In: a text and its entities. Out: a hash of each entity's own lines.

Nested entities do not count: a changed method leaves the hash of its class unchanged.
"""

from collections.abc import Sequence

from archon.contracts.analysis import Entity
from archon.contracts.identity import content_hash
from archon.contracts.text.lines import lines_of


def hashed(entities: Sequence[Entity], text: str) -> list[Entity]:
    """The entities with `body_hash`; a hash from the service is kept."""
    lines = lines_of(text)
    own = own_lines(entities, len(lines))
    return [
        entity
        if entity.body_hash is not None
        else entity.model_copy(update={"body_hash": _hash(lines, own[number] or _span(entity, len(lines)))})
        for number, entity in enumerate(entities)
    ]


def own_lines(entities: Sequence[Entity], end: int) -> list[list[int]]:
    """For each entity, the lines whose innermost entity it is; empty if nested entities cover all its
    lines."""
    innermost: dict[int, int] = {}
    for number in sorted(range(len(entities)), key=lambda n: (entities[n].start_line, -entities[n].end_line)):
        innermost.update(dict.fromkeys(_span(entities[number], end), number))
    own: list[list[int]] = [[] for _ in entities]
    for line in sorted(innermost):
        own[innermost[line]].append(line)
    return own


def _span(entity: Entity, end: int) -> range:
    return range(entity.start_line, min(entity.end_line, end) + 1)


def _hash(lines: Sequence[str], numbers: Sequence[int]) -> str:
    return content_hash("\n".join(lines[number - 1] for number in numbers))
