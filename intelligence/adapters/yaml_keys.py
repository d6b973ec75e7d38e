"""In: YAML. Out: its keys by path, anchors and aliases (YAML 1.2, 7.1).

Reads libyaml's events and builds no objects, so an alias that expands to a billion nodes is one event.
"""

import re
from typing import Any, Final

import yaml

from archon.contracts.text.lines import count_lines
from intelligence.adapters.outline import Item, Outline
from intelligence.syntax.grammar import LOADER

_NO_LINE_ENDS: Final = re.compile("[\x0b\x0c\x85\u2028\u2029\ufffe\uffff]")


class _Level:
    """An open collection: the item of its key and, in a mapping, the key whose value comes next."""

    def __init__(self, owner: Item | None, *, mapping: bool) -> None:
        self.owner = owner
        self.mapping = mapping
        self.key: Item | None = None
        self.keyless = False

    def take(self, item: Item | None) -> None:
        """A node has ended: it was a key, or the value of one."""
        if self.mapping and self.key is None and not self.keyless:
            self.key, self.keyless = item, item is None
        else:
            self.key, self.keyless = None, False

    @property
    def wants_key(self) -> bool:
        return self.mapping and self.key is None and not self.keyless

    @property
    def inside(self) -> Item | None:
        return self.key or self.owner


def read(text: str) -> Outline:
    """Reads up to the first error."""
    found = Outline()
    levels = [_Level(None, mapping=False)]
    try:
        # Removes line ends that only YAML 1.1 knows, and characters that libyaml rejects.
        for event in yaml.parse(_NO_LINE_ENDS.sub(" ", text), Loader=LOADER):
            _take(event, levels, found)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        found.miss(max(1, count_lines(text) - (mark.line if mark is not None else 0)))
    return found


def _take(event: Any, levels: list[_Level], found: Outline) -> None:
    level = levels[-1]
    line = event.start_mark.line + 1
    if isinstance(event, yaml.CollectionEndEvent):
        owner = levels.pop().owner
        if owner is not None:
            owner.end_line = max(owner.end_line, _last_line(event))
        levels[-1].take(None)
        return
    if isinstance(event, yaml.AliasEvent):
        found.add("reference", str(event.anchor), line, level.inside)
        level.take(None)
    elif isinstance(event, yaml.NodeEvent):
        if event.anchor:
            found.add("anchor", str(event.anchor), line)
        if isinstance(event, yaml.ScalarEvent):
            _take_scalar(event, level, found, line)
        else:
            levels.append(_Level(level.inside, mapping=isinstance(event, yaml.MappingStartEvent)))


def _take_scalar(event: Any, level: _Level, found: Outline, line: int) -> None:
    if level.wants_key:
        level.take(found.add("key", event.value, line, level.owner))
        return
    if level.key is not None:
        level.key.end_line = max(line, _last_line(event))
        if level.key.name == "$ref":
            _refer(found, event.value, line, level)
    level.take(None)


def _last_line(event: Any) -> int:
    """A block ends at the start of the line after it."""
    mark = event.end_mark
    return int(mark.line) + (1 if mark.column else 0)


def _refer(found: Outline, target: str, line: int, level: _Level) -> None:
    if not target:
        return
    found.add("reference", target, line, level.owner)
    if document := target.partition("#")[0]:
        found.relate("imports", document, line)
