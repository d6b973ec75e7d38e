"""In: a document with new imports, or documents to delete. Out: edges between documents.

An import is resolved to the documents at its place, in whatever order they appear. The edge to the module
stays as the record of the written import; the document edges can be computed from it at any time.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from uuid import uuid4

from neo4j import AsyncManagedTransaction

from archon.contracts import imports as modules
from archon.contracts.analysis import AnalysisResult
from archon.contracts.imports.family import Family, Found
from archon.contracts.workflow import Step
from archon.stores.bolt.session import Row, run
from archon.stores.graph import rows as enrichment_rows

Link = tuple[str, str, str]
"""The ids of the importing and the imported document, and the module's name."""


@dataclass(frozen=True)
class Import:
    """An import in the document `id` at `path`."""

    id: str
    path: str
    module: str
    names: Sequence[str]


@dataclass(frozen=True)
class Linking:
    """A document with new imports, and its earlier state: its `linked_as`, the modules through which others
    link to it, and its own links."""

    step: Step
    result: AnalysisResult
    linked_as: str | None
    named: Sequence[str]
    outgoing: Collection[Link]


async def relink(transaction: AsyncManagedTransaction, documents: Sequence[Linking]) -> None:
    """Updates the edges from and to the documents by the current imports and paths, under their locks.

    The caller sets the property `linked_as` in the same transaction, with the value of nodes.enriched.
    """
    by_project: dict[str, list[Linking]] = defaultdict(list)
    for each in documents:
        by_project[each.step.request.project_name].append(each)
    for project, same in sorted(by_project.items()):
        await _Linker(transaction, project).relink(same)


def outgoing(rows: Sequence[Row]) -> set[Link]:
    """The links in rows of the statement `import_states`."""
    return {(row["document_id"], row["target"], row["module"]) for row in rows if row["target"] is not None}


async def unlink(transaction: AsyncManagedTransaction, gone: Sequence[Row]) -> None:
    """Removes the edges of deleted documents, whose locks are held, and resolves imports of these documents
    again."""
    led: dict[str, set[str]] = defaultdict(set)
    of_go = set()
    for row in await run(transaction, "links_to", rows=gone):
        led[row["project"]].update([row["module"]] if row["module"] else [])
        of_go.update([row["project"]] if row["language"] == modules.ROOTS else [])
    await run(transaction, "remove_tombstones_links", rows=gone)
    for project, names in sorted(led.items()):
        await _Linker(transaction, project).relead(names, go=project in of_go)


@dataclass
class _Linker:
    """The links of one project's documents."""

    transaction: AsyncManagedTransaction
    project: str
    _of_go: Family | None = None

    async def relink(self, documents: Sequence[Linking]) -> None:
        own: list[tuple[str | None, Import]] = []
        there: set[Link] = set()
        names: set[str] = set()
        roots_changed = False
        for each in documents:
            request, there = each.step.request, there.union(each.outgoing)
            path, language = modules.normal(request.file_path), request.resolved_language
            family = await self._family(language)
            rows = enrichment_rows.import_rows(each.step, each.result) if family else []
            own += [(language, Import(request.document_id, path, row["name"], row["names"])) for row in rows]
            # Imports of other documents are read only if they may resolve differently now: a hub has
            # hundreds.
            if each.linked_as != enrichment_rows.linked_as(each.step, each.result):
                names.update(each.named, family.aliases(path) if family else ())
                roots_changed |= language == modules.ROOTS
        await self.relead(names, go=roots_changed, own=own, there=there)

    async def relead(
        self,
        names: Collection[str],
        *,
        go: bool,
        own: Sequence[tuple[str | None, Import]] = (),
        there: Collection[Link] = (),
    ) -> None:
        """Resolves all imports of the modules `names`, and the imports `own` with their languages, again;
        `there` are the existing links of the own imports. `go`: also all Go imports, because the names of Go
        modules determine their packages."""
        ids = [enrichment_rows.module_id(self.project, name) for name in sorted(names)]
        rows = await run(self.transaction, "importers", ids=ids) if ids else []
        rows += await run(self.transaction, "project_imports", project=self.project) if go else []
        others = [
            (
                row["language"],
                Import(row["id"], modules.normal(row["path"]), row["module"], row["names"] or []),
            )
            for row in rows
        ]
        by_family: dict[str, list[Import]] = defaultdict(list)
        families: dict[str, Family] = {}
        for language, each in (*own, *others):
            if family := await self._family(language):
                families[family.name] = family
                by_family[family.name].append(each)
        wanted: set[Link] = set()
        for name, imports in by_family.items():
            wanted |= await self._led(families[name], imports)
        found = {(row["id"], target, row["module"]) for row in rows for target in row["targets"]}
        await self._write(found.union(there), wanted)

    async def _led(self, family: Family, imports: Sequence[Import]) -> set[Link]:
        """The links of `imports`."""
        wanted = [(each, sought) for each in imports for sought in family.sought(each.module, each.names)]
        found = await self._found(family, {sought.place for _, sought in wanted})
        packages = await self._packages(family, found)
        ends = defaultdict(list)
        for place in found:
            ends[PurePosixPath(place).name].append(place)
        links: set[Link] = set()
        for each, sought in wanted:
            places = ends[PurePosixPath(sought.place).name]
            prefixes = {prefix for place in places if (prefix := sought.prefix_of(place)) is not None}
            prefix = family.choose(Found(each.path, sought, frozenset(prefixes - packages)))
            if prefix is not None:
                there = found[sought.place if prefix == "." else f"{prefix}/{sought.place}"]
                targets = {there[path] for path in family.pick(sorted(there))} - {each.id}
                links |= {(each.id, target, each.module) for target in targets}
        return links

    async def _found(self, family: Family, places: set[str]) -> Mapping[str, Mapping[str, str]]:
        """Paths and ids of the documents by place, for places with the same last name as one of these."""
        keys = sorted({modules.place_key(self.project, family, place) for place in places})
        by_place: dict[str, dict[str, str]] = defaultdict(dict)
        for row in await run(self.transaction, "places", keys=keys) if keys else []:
            path = modules.normal(row["path"])
            by_place[family.place(path)][path] = row["id"]
        return by_place

    async def _packages(self, family: Family, found: Iterable[str]) -> set[str]:
        """The directories above the found places that are Python packages."""
        if family.name != "python":
            return set()
        above = {str(parent) for place in found for parent in PurePosixPath(place).parents} - {"."}
        keys = sorted({modules.place_key(self.project, family, prefix) for prefix in above})
        rows = await run(self.transaction, "places", keys=keys) if keys else []
        paths = {modules.normal(row["path"]) for row in rows}
        return {prefix for prefix in above if f"{prefix}/__init__.py" in paths}

    async def _family(self, language: str | None) -> Family | None:
        family = modules.family_of(language)
        if family is None or family.name != "go":
            return family
        if self._of_go is None:
            rows = await run(self.transaction, "import_roots", key=modules.roots_key(self.project))
            roots = {row["name"]: str(PurePosixPath(modules.normal(row["path"])).parent) for row in rows}
            self._of_go = modules.go_family(roots)
        return self._of_go

    async def _write(self, there: set[Link], wanted: set[Link]) -> None:
        if stale := there - wanted:
            await run(self.transaction, "remove_links", rows=_rows(stale))
        if new := wanted - there:
            await run(self.transaction, "add_links", rows=_rows(new), lock=str(uuid4()))


def _rows(links: set[Link]) -> list[dict[str, Any]]:
    """Sorted by key, so that writers lock in one order."""
    return [
        {"source": source, "target": target, "module": module} for source, target, module in sorted(links)
    ]
