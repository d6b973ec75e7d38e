"""In: a whole project. Out: how often each symbol is referred to, and which documents import which.

Looks at all references, some documents at a time, so that other questions are answered in between.
"""

from collections import defaultdict
from typing import Final

from archon.references.edges.imports import imports_out_of
from archon.references.index.document import OUTSIDE, Document, plain, segments
from archon.references.index.store import Key
from archon.references.project import Project

SOME: Final = 100
WHOLE: Final = 1 << 30
"""Documents that are looked at in one go."""
_COUNTED: Final = 0.5
"""Confidence from which a reference counts for hubs."""


class Survey:
    """Of the project at one generation; `go_on` until it is True."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self.generation = project.generation
        self._rest = list(project.store.numbers())
        self.references: dict[Key, int] = defaultdict(int)
        self.documents: dict[Key, int] = defaultdict(int)
        self.reached: set[Key] = set()
        """Symbols to which a reference may lead, however unsure."""
        self.open_names: set[str] = set()
        """Names that some reference mentions without leading anywhere."""
        self.imports: dict[int, list[int]] = {}

    def go_on(self, size: int) -> bool:
        """Whether all documents have been looked at."""
        part, self._rest = self._rest[:size], self._rest[size:]
        for number in part:
            document = self._project.store.document(number)
            self._count(document)
            edges = imports_out_of(self._project, [(number, OUTSIDE)])
            self.imports[number] = list(dict.fromkeys(each.target[0] for each in edges))
        return not self._rest

    def _count(self, document: Document) -> None:
        here: set[Key] = set()
        for reference in document.code.references:
            targets = self._project.resolver.targets(document, reference)
            own = (document.number, reference.source)
            others = [each for each in targets if each.at != own]
            self.reached.update(each.at for each in others)
            if not any(each.last for each in targets):
                self.open_names.add(plain(segments(reference.name)[-1]))
            for each in others:
                if each.confidence >= _COUNTED:
                    self.references[each.at] += 1
                    here.add(each.at)
        for key in here:
            self.documents[key] += 1
