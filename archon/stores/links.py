"""In: a document whose imports have just been written. Out: edges between documents, from it and to it.

An import leads to the documents at the place that it means, whichever of the two came first. The edge to the
module stays, as the record of what is written there; from it the others are found again at any time.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
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


@dataclass
class Linker:
    """The links of one document, within a transaction that holds its lock."""

    transaction: AsyncManagedTransaction
    step: Step

    @property
    def _id(self) -> str:
        return self.step.request.document_id

    @property
    def _project(self) -> str:
        return self.step.request.project_name

    async def relink(self, result: AnalysisResult) -> None:
        """Make its edges from and to other documents what imports and paths say now."""
        request = self.step.request
        family = modules.family_of(request.resolved_language)
        wanted: set[Link] = set()
        if family is not None:
            if family.name == "go":
                family = await self._go()
            wanted = await self._outgoing(family, result) | await self._incoming(family)
        elif request.resolved_language == modules.ROOTS:
            await self._relink_below(result)
        await self._write(wanted)

    async def _outgoing(self, family: Family, result: AnalysisResult) -> set[Link]:
        path = modules.normal(self.step.request.file_path)
        rows = enrichment_rows.import_rows(self.step, result)
        return await self._led(family, [Import(self._id, path, row["name"], row["names"]) for row in rows])

    async def _incoming(self, family: Family) -> set[Link]:
        path = modules.normal(self.step.request.file_path)
        ids = [enrichment_rows.module_id(self._project, name) for name in sorted(family.aliases(path))]
        rows = await run(self.transaction, "importers", ids=ids)
        led = await self._led(family, _imports(rows, family), only=family.place(path))
        return {link for link in led if link[1] == self._id}

    async def _relink_below(self, result: AnalysisResult) -> None:
        """Packages of a module of Go are led to by its name, which this document is the one to tell."""
        family = await self._go()
        for root in (entity.name for entity in result.entities if entity.kind == "module"):
            rows = await run(self.transaction, "importers_below", project=self._project, root=root)
            await self._add(await self._led(family, _imports(rows, family)))

    async def _led(self, family: Family, imports: Sequence[Import], only: str | None = None) -> set[Link]:
        """Where `imports` lead; with `only`, those that may lead to that place."""
        wanted = [
            (each, sought)
            for each in imports
            for sought in family.sought(each.module, each.names)
            if only is None or sought.prefix_of(only) is not None
        ]
        found = await self._found(family, {sought.place for _, sought in wanted})
        packages = await self._packages(family, found)
        links: set[Link] = set()
        ends = defaultdict(list)
        for place in found:
            ends[PurePosixPath(place).name].append(place)
        for each, sought in wanted:
            places = ends[PurePosixPath(sought.place).name]
            prefixes = {prefix for place in places if (prefix := sought.prefix_of(place)) is not None}
            prefix = family.choose(Found(each.path, sought, frozenset(prefixes - packages)))
            if prefix is not None:
                targets = found[sought.place if prefix == "." else f"{prefix}/{sought.place}"]
                links |= {(each.id, target, each.module) for target in targets if target != each.id}
        return links

    async def _found(self, family: Family, places: set[str]) -> Mapping[str, list[str]]:
        """Ids of the documents at places that end like one of these."""
        keys = sorted({modules.place_key(self._project, family, place) for place in places})
        by_place: dict[str, list[str]] = defaultdict(list)
        for row in await run(self.transaction, "places", keys=keys) if keys else []:
            by_place[family.place(modules.normal(row["path"]))].append(row["id"])
        return by_place

    async def _packages(self, family: Family, found: Iterable[str]) -> set[str]:
        """Of the directories above what has been found, those that are packages of Python."""
        if family.name != "python":
            return set()
        above = {str(parent) for place in found for parent in PurePosixPath(place).parents} - {"."}
        keys = sorted({modules.place_key(self._project, family, prefix) for prefix in above})
        rows = await run(self.transaction, "places", keys=keys) if keys else []
        paths = {modules.normal(row["path"]) for row in rows}
        return {prefix for prefix in above if f"{prefix}/__init__.py" in paths}

    async def _go(self) -> Family:
        rows = await run(self.transaction, "import_roots", key=modules.roots_key(self._project))
        paths = {row["name"]: PurePosixPath(modules.normal(row["path"])) for row in rows}
        return modules.go_family({name: str(path.parent) for name, path in paths.items()})

    async def _write(self, wanted: set[Link]) -> None:
        rows = await run(self.transaction, "links", id=self._id)
        there = {(row["source"], row["target"], row["module"]) for row in rows}
        if stale := there - wanted:
            await run(self.transaction, "remove_links", rows=_rows(stale))
        await self._add(wanted - there)

    async def _add(self, links: set[Link]) -> None:
        if links:
            await run(self.transaction, "add_links", rows=_rows(links), lock=str(uuid4()))


def _same_family(language: str | None, family: Family) -> bool:
    found = modules.family_of(language)
    return found is not None and found.name == family.name


def _imports(rows: Sequence[Row], family: Family) -> list[Import]:
    same = [row for row in rows if _same_family(row["language"], family)]
    return [Import(row["id"], modules.normal(row["path"]), row["module"], row["names"] or []) for row in same]


def _rows(links: set[Link]) -> list[dict[str, Any]]:
    """Sorted by key, so that writers lock in one order."""
    return [
        {"source": source, "target": target, "module": module} for source, target, module in sorted(links)
    ]
