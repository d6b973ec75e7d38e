"""In: a survey of a project. Out: its packages, hubs, cycles of imports and symbols without references."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from archon.contracts.code.answers import Hub, Outline, Package
from archon.references.edges.components import circles
from archon.references.edges.survey import Survey
from archon.references.edges.walk import place, symbol
from archon.references.index.document import OUTSIDE, VARIABLES, Document
from archon.references.index.store import Key
from archon.references.project import Project

CAVEAT: Final = (
    "No reference in the analysed documents leads to these symbols. Frameworks, reflection, templates and "
    "users of a library may still use them. Left out: symbols of tests, with a decorator, or that override "
    "others."
)
MOST_PATHS: Final = 1000
"""Files of one cycle in an answer."""
_ENTRIES: Final = frozenset({"main", "init", "default", "setup", "handler"})
_MOST_DEAD: Final = 2000
"""Candidates that are looked at more closely."""


def outline(project: Project, survey: Survey, limit: int) -> Outline:
    """At most `limit` of each."""
    packages = _packages(project)
    cycles = [_paths(project, each) for each in circles(survey.imports)]
    cycles.sort(key=lambda each: (-len(each), each))
    dead = _dead(project, survey)
    return Outline(
        project_name=project.name,
        freshness=project.freshness,
        complete=max(len(packages), len(cycles), len(dead), len(survey.documents)) <= limit
        and all(len(each) <= MOST_PATHS for each in cycles),
        packages=packages[:limit],
        hubs=_hubs(project, survey, limit),
        cycles=[each[:MOST_PATHS] for each in cycles[:limit]],
        dead=[symbol(project, each) for each in dead[:limit]],
        caveat=CAVEAT,
    )


def _packages(project: Project) -> list[Package]:
    """The largest first."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for number, stored in project.layout.documents.items():
        numbers[str(PurePosixPath(stored.path).parent)].append(number)
    sizes = project.store.sizes()
    found = [_package(project, path, each, sizes) for path, each in numbers.items()]
    return sorted(found, key=lambda each: (-each.symbols, -each.documents, each.path))


def _package(
    project: Project, path: str, numbers: Sequence[int], sizes: Mapping[int, tuple[int, int]]
) -> Package:
    stored = [project.layout.stored(each) for each in numbers]
    return Package(
        path=path,
        languages=sorted({each.language for each in stored if each.language}),
        documents=len(stored),
        tests=sum(each.test for each in stored),
        symbols=sum(sizes[each][0] for each in numbers),
        lines=sum(sizes[each][1] for each in numbers),
    )


def _hubs(project: Project, survey: Survey, limit: int) -> list[Hub]:
    def rank(key: Key) -> tuple[int, int]:
        return -survey.documents[key], -survey.references[key]

    keys = [each for each in survey.documents if not project.layout.stored(each[0]).test]
    keys.sort(key=rank)
    least = rank(keys[limit - 1]) if len(keys) > limit else None
    best = [each for each in keys if least is None or rank(each) <= least]
    best.sort(key=lambda each: (rank(each), place(project, each)))
    return [
        Hub(
            symbol=symbol(project, each), documents=survey.documents[each], references=survey.references[each]
        )
        for each in best[:limit]
    ]


def _paths(project: Project, numbers: Collection[int]) -> list[str]:
    return sorted(project.layout.stored(each).path for each in numbers)


def _dead(project: Project, survey: Survey) -> list[Key]:
    found: list[Key] = []
    for number, stored in project.layout.documents.items():
        if stored.test or len(found) > _MOST_DEAD:
            continue
        document = project.store.document(number)
        found += [
            (number, each)
            for each in range(len(document.code.declarations))
            if _is_dead(document, each, survey)
        ]
    found = [each for each in found if not _overrides(project, each)]
    return sorted(found, key=lambda each: place(project, each))


def _is_dead(document: Document, position: int, survey: Survey) -> bool:
    declaration = document.code.declarations[position]
    name = declaration.name
    return (
        (document.number, position) not in survey.reached
        and name not in survey.open_names
        and name not in _ENTRIES
        and not name.startswith("__")
        and declaration.kind not in VARIABLES
        and position not in document.decorators
        and not (
            declaration.parent != OUTSIDE
            and declaration.name == document.code.declarations[declaration.parent].name
        )
        and not any((document.number, each) in survey.reached for each in document.within.get(position, ()))
    )


def _overrides(project: Project, key: Key) -> bool:
    """Whether a base has the method, or might have it outside of the project."""
    document = project.store.document(key[0])
    declaration = document.code.declarations[key[1]]
    if declaration.parent == OUTSIDE or not document.is_type(declaration.parent):
        return False
    lineage, is_open = project.resolver.lineage((key[0], declaration.parent))
    return is_open or any(
        (each[1], declaration.name) in project.store.document(each[0]).children for each in lineage[1:]
    )
