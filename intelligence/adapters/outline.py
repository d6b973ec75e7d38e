"""In: names with their lines, from a reader. Out: entities with qualified names and ordinals."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from archon.contracts.analysis import Entity, Relationship

KEYS_LIMIT: Final = 2000
"""Maximum number of entities of a document, the outermost first: data files may have very many keys."""
NAME_CHARACTERS: Final = 200
_PATH_CHARACTERS: Final = 1000
_TARGET_CHARACTERS: Final = 500


@dataclass
class Item:
    """A named item. `parent` is the item around it; lines count from 1."""

    kind: str
    name: str
    start_line: int
    end_line: int
    parent: "Item | None" = None
    signature: str | None = None
    depth: int = field(init=False)
    path: str = ""

    def __post_init__(self) -> None:
        self.name = self.name[:NAME_CHARACTERS] or '""'
        self.depth = self.parent.depth + 1 if self.parent else 0


@dataclass
class Outline:
    """The items that a reader found in one document."""

    items: list[Item] = field(default_factory=list)
    relationships: list[Relationship] = field(default_factory=list)
    syntax_errors: int = 0
    not_understood: int = 0
    """Number of lines."""
    _related: set[tuple[str, str | None, str]] = field(default_factory=set)

    def add(
        self, kind: str, name: str, line: int, parent: Item | None = None, signature: str | None = None
    ) -> Item:
        """Its end is its own line until the reader sets another."""
        item = Item(kind, name, line, line, parent, signature)
        self.items.append(item)
        return item

    def relate(self, kind: str, target: str, line: int, source: Item | None = None) -> None:
        """Each relationship once, with its first line."""
        key = (kind, source.name if source else None, target[:_TARGET_CHARACTERS])
        if key not in self._related and len(self._related) < KEYS_LIMIT:
            self._related.add(key)
            self.relationships.append(Relationship(kind=kind, source=key[1], target=key[2], line=line))

    def miss(self, lines: int = 1) -> None:
        """Counts lines that could not be read."""
        self.syntax_errors += 1
        self.not_understood += lines

    def entities(self) -> list[Entity]:
        """The outermost entities, in order of appearance."""
        by_depth = sorted(range(len(self.items)), key=lambda index: self.items[index].depth)
        seen: Counter[tuple[str, str]] = Counter()
        return [_entity(self.items[index], seen) for index in sorted(by_depth[:KEYS_LIMIT])]


def _entity(item: Item, seen: Counter[tuple[str, str]]) -> Entity:
    item.path = f"{item.parent.path[:_PATH_CHARACTERS]}.{item.name}" if item.parent else item.name
    seen[item.kind, item.path] += 1
    return Entity(
        kind=item.kind,
        name=item.name,
        qualified_name=item.path,
        ordinal=seen[item.kind, item.path] - 1,
        start_line=item.start_line,
        end_line=max(item.start_line, item.end_line),
        signature=item.signature,
    )
