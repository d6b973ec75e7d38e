"""In: a text and the entities found in it. Out: a hash of each entity's own lines.

What is nested in an entity is not its own: a method that changes leaves its class as it was.
"""

from collections.abc import Sequence

from archon.contracts.analysis import Entity
from archon.contracts.identity import content_hash
from archon.contracts.text.lines import lines_of


def hashed(entities: Sequence[Entity], text: str) -> list[Entity]:
    """The entities, each with `body_hash`; one that the service gave stays."""
    lines = lines_of(text)
    own = own_lines(entities, len(lines))
    return [
        entity
        if entity.body_hash is not None
        else entity.model_copy(update={"body_hash": _hash(lines, own[number] or _span(entity, len(lines)))})
        for number, entity in enumerate(entities)
    ]


def own_lines(entities: Sequence[Entity], end: int) -> list[list[int]]:
    """By entity, the lines of which it is the innermost; none where all are those of others."""
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
