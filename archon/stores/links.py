"""In: a document whose imports have just been written, or documents that go. Out: edges between documents.

An import leads to the documents at the place that it means, whichever of the two came first. The edge to the
module stays, as the record of what is written there; from it the others are found again at any time.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from uuid import uuid4

from neo4j import AsyncManagedTransaction

from archon.contracts.analysis import AnalysisResult
from archon.contracts.workflow import Step
from archon.stores import enrichment_rows, modules
from archon.stores.bolt import Row, run
from archon.stores.modules.family import Family, Found

Link = tuple[str, str, str]
"""The importing document's id, the imported one's, and the module that is named."""


@dataclass(frozen=True)
class Import:
    """An import in the document `id` at `path`."""

    id: str
    path: str
    module: str
    names: Sequence[str]


async def relink(transaction: AsyncManagedTransaction, step: Step, result: AnalysisResult) -> None:
    """Make a document's edges from and to others what imports and paths say now, under its lock.

    Whoever calls this sets the property `linked_as` in the same transaction, as nodes.enriched has it.
    """
    request = step.request
    linker = _Linker(transaction, request.project_name)
    path, language = modules.normal(request.file_path), request.resolved_language
    family = await linker.family(language)
    rows = enrichment_rows.import_rows(step, result) if family else []
    own = [Import(request.document_id, path, row["name"], row["names"]) for row in rows]
    there = _links(await run(transaction, "links", id=request.document_id))
    outgoing = {link for link in there if link[0] == request.document_id}
    await linker.write(outgoing, await linker.led(family, own) if family else set())
    # Others' imports are asked only where they may mean something else now: a hub has hundreds.
    linked_as = enrichment_rows.linked_as(step, result)
    if not await run(transaction, "linked_as", id=request.document_id, linked_as=linked_as):
        named = {module for _, target, module in there - outgoing if target == request.document_id}
        await linker.relink_importers(named | (family.aliases(path) if family else set()))
        if language == modules.ROOTS:
            directory = str(PurePosixPath(path).parent)
            roots = enrichment_rows.go_modules(result)
            await linker.relink_go(dict.fromkeys(roots, directory), path)


async def unlink(transaction: AsyncManagedTransaction, gone: Sequence[Row]) -> None:
    """Remove the edges of deleted documents, whose locks are held; imports that led to them lead elsewhere
    then, if anywhere."""
    led: dict[str, set[str]] = defaultdict(set)
    of_go = set()
    for row in await run(transaction, "links_to", rows=gone):
        led[row["project"]].update([row["module"]] if row["module"] else [])
        of_go.update([row["project"]] if row["language"] == modules.ROOTS else [])
    await run(transaction, "remove_tombstones_links", rows=gone)
    for project, names in sorted(led.items()):
        await _Linker(transaction, project).relink_importers(names)
    for project in sorted(of_go):
        await _Linker(transaction, project).relink_go({}, None)


@dataclass(frozen=True)
class _Linker:
    """The links of one project's documents."""

    transaction: AsyncManagedTransaction
    project: str

    async def relink_importers(self, names: Collection[str]) -> None:
        """Lead all imports of these modules."""
        ids = [enrichment_rows.module_id(self.project, name) for name in sorted(names)]
        rows = await run(self.transaction, "importers", ids=ids) if ids else []
        await self._relead(rows)

    async def relink_go(self, told: Mapping[str, str], path: str | None) -> None:
        """Lead all imports of Go: packages are found by the names of the modules that they are below. `told`:
        the directories by the names that the go.mod at `path` says now."""
        go = await self._go(told, path)
        await self._relead(await run(self.transaction, "project_imports", project=self.project), go)

    async def _relead(self, rows: Sequence[Row], go: Family | None = None) -> None:
        by_family: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            if (family := modules.family_of(row["language"])) and (go is None or family.name == go.name):
                by_family[family.name].append(row)
        for same in by_family.values():
            family = go or await self.family(same[0]["language"])
            assert family is not None
            imports = [
                Import(row["id"], modules.normal(row["path"]), row["module"], row["names"] or [])
                for row in same
            ]
            pairs = [{"source": each.id, "module": each.module} for each in imports]
            there = _links(await run(self.transaction, "links_of", rows=pairs))
            await self.write(there, await self.led(family, imports))

    async def led(self, family: Family, imports: Sequence[Import]) -> set[Link]:
        """Where `imports` lead."""
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
        """By place, the ids by path of the documents at places that end like one of these."""
        keys = sorted({modules.place_key(self.project, family, place) for place in places})
        by_place: dict[str, dict[str, str]] = defaultdict(dict)
        for row in await run(self.transaction, "places", keys=keys) if keys else []:
            path = modules.normal(row["path"])
            by_place[family.place(path)][path] = row["id"]
        return by_place

    async def _packages(self, family: Family, found: Iterable[str]) -> set[str]:
        """Of the directories above what has been found, those that are packages of Python."""
        if family.name != "python":
            return set()
        above = {str(parent) for place in found for parent in PurePosixPath(place).parents} - {"."}
        keys = sorted({modules.place_key(self.project, family, prefix) for prefix in above})
        rows = await run(self.transaction, "places", keys=keys) if keys else []
        paths = {modules.normal(row["path"]) for row in rows}
        return {prefix for prefix in above if f"{prefix}/__init__.py" in paths}

    async def family(self, language: str | None) -> Family | None:
        family = modules.family_of(language)
        return await self._go({}, None) if family is not None and family.name == "go" else family

    async def _go(self, told: Mapping[str, str], path: str | None) -> Family:
        rows = await run(self.transaction, "import_roots", key=modules.roots_key(self.project))
        paths = [(row["name"], modules.normal(row["path"])) for row in rows]
        roots = {name: str(PurePosixPath(each).parent) for name, each in paths if each != path}
        return modules.go_family({**roots, **told})

    async def write(self, there: set[Link], wanted: set[Link]) -> None:
        if stale := there - wanted:
            await run(self.transaction, "remove_links", rows=_rows(stale))
        if new := wanted - there:
            await run(self.transaction, "add_links", rows=_rows(new), lock=str(uuid4()))


def _links(rows: Sequence[Row]) -> set[Link]:
    return {(row["source"], row["target"], row["module"]) for row in rows}


def _rows(links: set[Link]) -> list[dict[str, Any]]:
    """Sorted by key, so that writers lock in one order."""
    return [
        {"source": source, "target": target, "module": module} for source, target, module in sorted(links)
    ]
