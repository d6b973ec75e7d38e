"""Imports become edges between documents on a real graph, in any order of arrival."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from archon.contracts.analysis import AnalysisResult, Entity, Relationship
from archon.contracts.documents import Document
from archon.contracts.operations.deletion import DeletionScope
from archon.contracts.types import EnrichmentType
from archon.runtime.settings import Settings
from archon.stores.graph.store import GraphStore
from tests import factories, stores

Imports = dict[str, list[str]]


def analysis(imports: Imports, *modules_named: str) -> AnalysisResult:
    relationships = [
        Relationship(kind="imports", target=target, names=names) for target, names in imports.items()
    ]
    named = [
        Entity(kind="module", name=name, qualified_name=name, start_line=1, end_line=1)
        for name in modules_named
    ]
    return factories.analysis(entities=named, relationships=relationships)


class Project:
    """Documents by path."""

    def __init__(self, graph: GraphStore, settings: Settings, name: str, language: str) -> None:
        self.graph, self.settings, self.name, self.language = graph, settings, name, language
        self.documents: dict[str, Document] = {}
        self._versions: dict[str, int] = {}

    async def enrich(
        self,
        path: str,
        imports: Imports | None = None,
        *modules_named: str,
        kind: EnrichmentType = EnrichmentType.FULL,
        language: str | None = None,
    ) -> None:
        self._versions[path] = version = self._versions.get(path, 0) + 1
        known = {"entity_id": self.documents[path].entity_id} if path in self.documents else {}
        document = factories.document(
            self.name, str(version), file_path=path, language=language or self.language, **known
        )
        self.documents[path] = document
        version = (await self.graph.index(document, str(uuid4()))).version
        request = factories.request_of(
            document, version, enrichment_type=kind, language=language or self.language
        )
        step = factories.step(request, version)
        await self.graph.claim(request, step.workflow_id)
        assert await self.graph.write_enrichment(step, analysis(imports or {}, *modules_named))

    async def links(self) -> set[tuple[str, str, str]]:
        """Importing path, imported path and module of every edge between documents, read with a plain client;
        no edge exists twice."""
        rows = await stores.query(
            self.settings,
            "MATCH (s:Document {project_name: $p})-[r:IMPORTS]->(t:Document) "
            "RETURN s.file_path, t.file_path, r.module",
            p=self.name,
        )
        found = [(str(source), str(target), str(module)) for source, target, module in rows]
        assert len(found) == len(set(found))
        return set(found)

    async def delete(self, path: str) -> None:
        document = self.documents[path]
        scope = DeletionScope(
            project_name=self.name, document_id=document.entity_id, requested_at=datetime.now(UTC)
        )
        await self.graph.deletions.mark(scope, 1)
        tombstones = await self.graph.deletions.marked(scope, 1)
        await self.graph.deletions.unlink(tombstones)
        await self.graph.deletions.strip(tombstones)


@pytest.fixture
def python(graph: GraphStore, settings: Settings, project: str) -> Project:
    return Project(graph, settings, project, "python")


@pytest.mark.parametrize("imported_first", [True, False])
async def test_an_import_leads_to_its_document(python: Project, *, imported_first: bool) -> None:
    async def imported() -> None:
        await python.enrich("src/acme/__init__.py")
        await python.enrich("src/acme/store.py")

    if imported_first:
        await imported()
    await python.enrich("src/acme/app.py", {".store": ["Graph"], "os": []})
    await python.enrich("tests/test_app.py", {"acme": ["store"], "pytest": []})
    if not imported_first:
        await imported()
    assert await python.links() == {
        ("src/acme/app.py", "src/acme/store.py", "src.acme.store"),
        ("tests/test_app.py", "src/acme/__init__.py", "acme"),
        ("tests/test_app.py", "src/acme/store.py", "acme"),
    }
    stored = await python.graph.get(python.documents["src/acme/app.py"].entity_id)
    assert [each.file_path for each in stored.imports] == ["src/acme/store.py"]
    assert stored.modules == ["os"]
    stored = await python.graph.get(python.documents["src/acme/store.py"].entity_id)
    assert [each.file_path for each in stored.imported_by] == ["src/acme/app.py", "tests/test_app.py"]


@pytest.mark.parametrize("kind", [EnrichmentType.FULL, EnrichmentType.INCREMENTAL])
async def test_an_import_that_goes_takes_its_edge_along(python: Project, kind: EnrichmentType) -> None:
    await python.enrich("a.py")
    await python.enrich("b.py")
    await python.enrich("c.py", {"a": [], "b": []}, kind=kind)
    await python.enrich("c.py", {"b": []}, kind=kind)
    assert await python.links() == {("c.py", "b.py", "b")}
    await python.enrich("b.py", kind=kind)
    assert await python.links() == {("c.py", "b.py", "b")}


async def test_what_is_taken_from_a_module_may_change_alone(python: Project) -> None:
    kind = EnrichmentType.INCREMENTAL
    await python.enrich("acme/one.py", kind=kind)
    await python.enrich("main.py", {"acme": ["one"]}, kind=kind)
    await python.enrich("main.py", {"acme": ["two"]}, kind=kind)
    await python.enrich("acme/two.py", kind=kind)
    assert await python.links() == {("main.py", "acme/two.py", "acme")}


async def test_a_package_is_not_searched_for_its_own_modules(python: Project) -> None:
    await python.enrich("acme/__init__.py")
    await python.enrich("acme/json.py")
    await python.enrich("acme/app.py", {"json": [], "types": []})
    await python.enrich("acme/types.py")
    assert await python.links() == set()


async def test_a_deleted_document_is_led_to_no_more_and_again_when_it_returns(python: Project) -> None:
    await python.enrich("a.py", {"b": []})
    await python.enrich("b.py", {"a": []})
    assert len(await python.links()) == 2
    await python.delete("b.py")
    rows = await stores.query(
        python.settings,
        "MATCH (d:Document {entity_id: $id})-[r]-() RETURN count(r)",
        id=python.documents["b.py"].entity_id,
    )
    assert rows == [[0]]
    assert (await python.graph.get(python.documents["a.py"].entity_id)).modules == ["b"]
    await python.enrich("b.py")
    assert await python.links() == {("a.py", "b.py", "b")}


async def test_what_comes_nearer_is_led_to_instead_and_what_was_there_before_again_when_it_goes(
    graph: GraphStore, settings: Settings, project: str
) -> None:
    java = Project(graph, settings, project, "java")
    far, near = "m1/com/z/K.java", "m2/com/z/K.java"
    await java.enrich(far)
    await java.enrich("m2/app/U.java", {"com.z.K": []})
    assert await java.links() == {("m2/app/U.java", far, "com.z.K")}
    await java.enrich(near)
    assert await java.links() == {("m2/app/U.java", near, "com.z.K")}
    await java.delete(near)
    assert await java.links() == {("m2/app/U.java", far, "com.z.K")}


@pytest.mark.parametrize(
    ("language", "module", "better", "worse"),
    [
        ("python", "util", "util/__init__.py", "util.py"),
        ("javascript", "./util", "util.js", "util/index.js"),
        ("javascript", "./util.js", "util.ts", "util.js"),
        ("typescript", "./util", "util.ts", "util.d.ts"),
    ],
)
async def test_of_files_that_exclude_each_other_one_is_led_to(  # noqa: PLR0917
    graph: GraphStore, settings: Settings, project: str, language: str, module: str, better: str, worse: str
) -> None:
    estate = Project(graph, settings, project, language)
    await estate.enrich("main", {module: []})
    for path in (worse, better, worse):
        await estate.enrich(path)
    assert {target for _, target, _ in await estate.links()} == {better}
    await estate.delete(better)
    assert {target for _, target, _ in await estate.links()} == {worse}


async def test_a_module_of_go_that_is_renamed_or_deleted_is_led_to_no_more(
    graph: GraphStore, settings: Settings, project: str
) -> None:
    go = Project(graph, settings, project, "go")
    led = {("main.go", "db/open.go", "acme.org/app/db")}
    await go.enrich("main.go", {"acme.org/app/db": []})
    await go.enrich("db/open.go")
    for name, links in (("acme.org/app", led), ("acme.org/other", set()), ("acme.org/app", led)):
        await go.enrich("go.mod", {}, name, language="gomod")
        assert await go.links() == links
    await go.delete("go.mod")
    assert await go.links() == set()
    await go.enrich("go.mod", {}, "acme.org/app", language="gomod")
    assert await go.links() == led


async def test_a_part_that_is_not_of_entities_leaves_the_edges(python: Project) -> None:
    await python.enrich("a.py")
    await python.enrich("b.py", {"a": []})
    await python.enrich("b.py", kind=EnrichmentType.QUALITY_ONLY)
    assert await python.links() == {("b.py", "a.py", "a")}
    await python.enrich("b.py", {}, kind=EnrichmentType.ENTITIES_ONLY)
    assert await python.links() == set()


async def test_projects_do_not_import_each_other(
    graph: GraphStore, settings: Settings, project: str, python: Project
) -> None:
    other = Project(graph, settings, f"{project}-other", "python")
    await other.enrich("a.py")
    await python.enrich("b.py", {"a": []})
    assert await python.links() == set()


async def test_typescript_and_javascript_import_each_other(
    graph: GraphStore, settings: Settings, project: str
) -> None:
    web = Project(graph, settings, project, "typescript")
    await web.enrich("src/main.ts", {"./api": ["get"], "../lib/old.js": [], "react": []})
    await web.enrich("src/api/index.ts")
    await web.enrich("lib/old.js", language="javascript")
    assert await web.links() == {
        ("src/main.ts", "src/api/index.ts", "./src/api"),
        ("src/main.ts", "lib/old.js", "./lib/old"),
    }


async def test_java_finds_the_class(graph: GraphStore, settings: Settings, project: str) -> None:
    java = Project(graph, settings, project, "java")
    await java.enrich(
        "app/src/main/java/org/acme/App.java", {"org.acme.db.Store.open": [], "java.util.*": []}
    )
    await java.enrich("db/src/main/java/org/acme/db/Store.java")
    assert await java.links() == {
        (
            "app/src/main/java/org/acme/App.java",
            "db/src/main/java/org/acme/db/Store.java",
            "org.acme.db.Store",
        )
    }


@pytest.mark.parametrize("order", ["go.mod main db", "main db go.mod", "db go.mod main", "go.mod db main"])
async def test_go_finds_the_package_below_its_module(
    graph: GraphStore, settings: Settings, project: str, order: str
) -> None:
    go = Project(graph, settings, project, "go")
    for each in order.split():
        if each == "go.mod":
            await go.enrich("go.mod", {}, "acme.org/app", language="gomod")
        elif each == "main":
            await go.enrich("cmd/main.go", {"acme.org/app/db": [], "net/http": []})
        else:
            await go.enrich("db/open.go")
            await go.enrich("db/close.go")
            await go.enrich("db/open_test.go")
    assert await go.links() == {
        ("cmd/main.go", "db/open.go", "acme.org/app/db"),
        ("cmd/main.go", "db/close.go", "acme.org/app/db"),
    }


async def test_inheritance_is_an_edge_within_a_document_and_a_name_beyond_it(
    graph: GraphStore, settings: Settings, project: str
) -> None:
    classes = [
        Entity(kind="class", name=name, qualified_name=name, start_line=1, end_line=1) for name in ("A", "B")
    ]
    inherits = [
        Relationship(kind="inherits", source="B", target="A"),
        Relationship(kind="inherits", source="A", target="abc.ABC"),
    ]
    document = factories.document(project)
    await graph.index(document, str(uuid4()))
    step = factories.step(factories.request_of(document))
    await graph.claim(step.request, step.workflow_id)
    result = factories.analysis(entities=classes, relationships=inherits)
    assert await graph.write_enrichment(step, result)
    found = {each.name: each.inherits for each in (await graph.get(document.entity_id)).entities}
    assert found == {"A": ["abc.ABC"], "B": ["A"]}
    rows = await stores.query(
        settings,
        "MATCH (s:Entity {project_name: $p})-[:INHERITS]->(t:Entity) RETURN s.name, t.name",
        p=project,
    )
    assert rows == [["B", "A"]]
