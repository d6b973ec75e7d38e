"""In: paths, languages, packages and settings of a project's documents. Out: where modules are.

In memory, some hundred bytes for each document.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import PurePosixPath
from typing import Any, Final

from archon.contracts import imports
from archon.contracts.imports.family import Family
from archon.references.index.inputs import Inputs, Recorder, recorded
from archon.references.index.store import Stored

FAMILY: Final = {"vue": "javascript", "svelte": "javascript", "astro": "javascript", "notebook": "python"}


def family_named(language: str | None) -> str:
    """The languages that share names: those that import each other, otherwise the language itself."""
    family = imports.family_of(FAMILY.get(language or "", language))
    return family.name if family is not None else language or ""


class Layout(Inputs):
    """Where the documents of a project are."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self._documents: dict[int, Stored] = {}
        self._by_id: dict[str, int] = {}
        self._by_path: dict[str, set[int]] = defaultdict(set)
        self._by_place: dict[tuple[str, str], set[int]] = defaultdict(set)
        self._places_by_end: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._directories: dict[tuple[str, str], int] = defaultdict(int)
        self._by_package: dict[tuple[str, str], set[int]] = defaultdict(set)
        self._packages: dict[int, str] = {}
        self._settings: dict[str, dict[int, Mapping[str, Any]]] = defaultdict(dict)
        """By what they configure, as `tsconfig`: the settings of each document."""
        self._changes = 0

    def add(self, stored: Stored, package: str, settings: str) -> None:
        """Adds a document, or changes its package and settings."""
        if stored.number in self._documents:
            self.remove(stored.number)
        read = {name: value for name, value in _settings(settings).items() if isinstance(value, dict)}
        self._touch(stored, package, read)
        self._enter(stored, package)
        for name, value in read.items():
            self._settings[name][stored.number] = value

    def remove(self, number: int) -> None:
        stored = self._documents[number]
        own = [name for name, values in self._settings.items() if number in values]
        self._touch(stored, self._packages[number], own)
        family = family_named(stored.language)
        place = _place(stored)
        del self._documents[number], self._by_id[stored.document_id]
        _discard(self._by_path, stored.path, number)
        _discard(self._by_place, (family, place), number)
        if (family, place) not in self._by_place:
            _discard(self._places_by_end, (family, PurePosixPath(place).name), place)
        _discard(self._by_package, (family, self._packages.pop(number)), number)
        for each in _above(place):
            self._directories[family, each] -= 1
            if not self._directories[family, each]:
                del self._directories[family, each]
        for name in own:
            del self._settings[name][number]

    def _touch(self, stored: Stored, package: str, settings: Iterable[str]) -> None:
        """Announces a change of all that depends on whether the document is here."""
        self._changes += 1
        family = family_named(stored.language)
        place = _place(stored)
        self.touch(self.all_documents)
        self.touch(self.with_document_id, stored.document_id)
        self.touch(self.at_path, stored.path)
        self.touch(self.at_place, family, place)
        self.touch(self.places_ending, family, PurePosixPath(place).name)
        self.touch(self.in_package, family, package)
        self.touch(self.packages, family)
        for each in _above(place):
            self.touch(self.is_directory, family, each)
        for each in settings:
            self.touch(self.settings_of, each)

    def _enter(self, stored: Stored, package: str) -> None:
        family = family_named(stored.language)
        place = _place(stored)
        self._documents[stored.number] = stored
        self._by_id[stored.document_id] = stored.number
        self._by_path[stored.path].add(stored.number)
        self._by_place[family, place].add(stored.number)
        self._places_by_end[family, PurePosixPath(place).name].add(place)
        self._by_package[family, package].add(stored.number)
        self._packages[stored.number] = package
        for each in _above(place):
            self._directories[family, each] += 1

    def stored(self, number: int) -> Stored:
        """Stays the same as long as the number is used."""
        return self._documents[number]

    @property
    def documents(self) -> Mapping[int, Stored]:
        """All documents by number."""
        self.all_documents()
        return self._documents

    @recorded
    def all_documents(self) -> int:
        """The number of changes."""
        return self._changes

    @recorded
    def with_document_id(self, document_id: str) -> int | None:
        return self._by_id.get(document_id)

    @recorded
    def at_path(self, path: str) -> Sequence[int]:
        """The documents at a path, in the order of their ids."""
        return self._ordered(self._by_path.get(path, ()))

    @recorded
    def at_place(self, family: str, place: str) -> Sequence[int]:
        """The documents that form the module at a place, in the order of their paths."""
        return self._ordered(self._by_place.get((family, place), ()))

    @recorded
    def places_ending(self, family: str, end: str) -> AbstractSet[str]:
        """The places with this last name."""
        return frozenset(self._places_by_end.get((family, end), ()))

    @recorded
    def is_directory(self, family: str, place: str) -> bool:
        """Whether documents of the family are below the directory."""
        return (family, place) in self._directories

    @recorded
    def in_package(self, family: str, package: str) -> Sequence[int]:
        """The documents that declare a package, in the order of their paths."""
        return self._ordered(self._by_package.get((family, package), ()))

    @recorded
    def packages(self, family: str) -> AbstractSet[str]:
        """The packages that documents of the family declare."""
        return {package for each, package in self._by_package if each == family and package}

    @recorded
    def settings_of(self, what: str) -> Sequence[tuple[int, Mapping[str, Any]]]:
        """The documents that configure this, in the order of their paths, with their settings."""
        settings = self._settings.get(what, {})
        return [(each, settings[each]) for each in self._ordered(settings)]

    def _ordered(self, numbers: Collection[int]) -> Sequence[int]:
        if len(numbers) < 2:  # noqa: PLR2004  nothing to sort
            return list(numbers)
        return sorted(
            numbers, key=lambda each: (self._documents[each].path, self._documents[each].document_id)
        )


def _place(stored: Stored) -> str:
    language = FAMILY.get(stored.language or "", stored.language)
    family: Family | None = imports.family_of(language)
    return family.place(stored.path) if family is not None else stored.path


def _above(place: str) -> list[str]:
    return [str(each) for each in PurePosixPath(place).parents]


def _discard(index: dict[Any, set[Any]], key: Any, value: Any) -> None:
    index[key].discard(value)
    if not index[key]:
        del index[key]


def _settings(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
