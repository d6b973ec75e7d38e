"""Questions about a small repository in two languages, through the whole stack, as its files change."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from archon.contracts.types import EnrichmentStatus
from archon.runtime.settings import Settings
from archon.stores.graph.store import GraphStore
from tests import factories
from tests.e2e.command import Finished, enrich
from tests.repositories import git, repository, write
from tests.stacks import TestServers

FILES = {
    "shop/__init__.py": "",
    "shop/cart.py": '''"""A cart."""


def total(items):
    """Adds up the prices."""
    return sum(items)


def unused():
    return None
''',
    "shop/store.py": '''from shop.cart import total


class Store:
    """Keeps orders."""

    def save(self, items):
        return total(items)


class FileStore(Store):
    def save(self, items):
        return super().save(items)
''',
    "shop/main.py": """from shop.store import FileStore


def main():
    store = FileStore()
    store.save([1, 2])
""",
    "tests/test_cart.py": """from shop.cart import total


def test_total():
    assert total([1, 2]) == 3
""",
    "web/api.ts": """export function fetchTotal(id: string): number {
  return id.length;
}
""",
    "web/page.ts": """import { fetchTotal } from "./api";

export class Page {
  show(id: string): number {
    return fetchTotal(id);
  }
}
""",
    "README.md": "# Shop\n",
}


class Shop:
    """A checkout that is ingested, and its command line."""

    def __init__(
        self, root: Path, environment: dict[str, str], http: httpx.AsyncClient, project: str
    ) -> None:
        self.root = root
        self.project = project
        self.http = http
        self.environment = environment

    async def ingest(self, *options: str) -> None:
        finished = await enrich(
            *("ingest", str(self.root), "-p", self.project, *options), environment=self.environment
        )
        assert finished.code == 0, finished.err

    async def enrich(self, *arguments: str, stdin: str | None = None) -> Finished:
        return await enrich(
            *("graph", *arguments, "-p", self.project), environment=self.environment, stdin=stdin
        )

    async def asked(self, *arguments: str, stdin: str | None = None) -> dict[str, Any]:
        finished = await self.enrich(*arguments, "-o", "json", stdin=stdin)
        assert finished.code == 0, finished.err
        found: dict[str, Any] = finished.json()
        return found

    async def impact(self, *options: str, stdin: str | None = None) -> dict[str, Any]:
        return await self.asked("impact", "--root", str(self.root), *options, stdin=stdin)


def names(relations: list[dict[str, Any]]) -> set[str]:
    return {each["symbol"]["qualified_name"] if each["symbol"] else each["file_path"] for each in relations}


def changed(found: dict[str, Any]) -> dict[str, bool]:
    return {each["symbol"]["qualified_name"]: each["tested"] for each in found["changed"]}


@pytest.fixture(scope="module")
async def unchanged(
    servers: TestServers, stack: Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shop]:
    """One for the questions that change nothing."""
    environment = {**os.environ, **servers.environment_of(stack)}
    root = repository(tmp_path_factory.mktemp("unchanged") / "shop", FILES)
    async with httpx.AsyncClient(base_url=f"{stack.bridge_url}/api/bridge", timeout=30) as http:
        shop = Shop(root, environment, http, f"project-{uuid4().hex[:10]}")
        await shop.ingest()
        yield shop


@pytest.fixture
async def shop(
    servers: TestServers, stack: Settings, http: httpx.AsyncClient, project: str, tmp_path: Path
) -> AsyncIterator[Shop]:
    environment = {**os.environ, **servers.environment_of(stack)}
    shop = Shop(repository(tmp_path / "shop", FILES), environment, http, project)
    await shop.ingest()
    yield shop


async def test_every_question_has_its_answer(unchanged: Shop) -> None:
    found = await unchanged.asked("find", "total")
    assert found["symbols"][0]["qualified_name"] == "total"
    assert found["freshness"] == {
        "documents": 8,
        "waiting": 0,
        "unanalysed": found["freshness"]["unanalysed"],
    }
    (one,) = (await unchanged.asked("show", "shop/cart.py:total"))["symbols"]
    assert one["source"] == 'def total(items):\n    """Adds up the prices."""\n    return sum(items)'
    assert one["documentation"] == "Adds up the prices."

    direct = await unchanged.asked("callers", "shop/cart.py:total")
    assert names(direct["relations"]) == {"Store.save", "test_total"}
    (site,) = [each["sites"][0] for each in direct["relations"] if not each["test"]]
    assert (site["file_path"], site["line"], site["kind"], site["how"]) == (
        "shop/store.py",
        8,
        "call",
        "import",
    )
    assert (direct["complete"], direct["next"]) == (True, None)
    far = await unchanged.asked("callers", "shop/cart.py:total", "--depth", "3")
    assert {"Store.save", "FileStore.save", "main", "test_total"} <= names(far["relations"])
    assert names((await unchanged.asked("callees", "Store.save"))["relations"]) == {"total"}
    assert names((await unchanged.asked("callers", "fetchTotal"))["relations"]) == {"Page.show"}
    assert names((await unchanged.asked("implementers", "Store"))["relations"]) == {"FileStore"}
    assert names((await unchanged.asked("implementers", "Store.save"))["relations"]) == {"FileStore.save"}
    importers = (await unchanged.asked("importers", "--file", "shop/cart.py"))["relations"]
    assert {each["file_path"] for each in importers} == {"shop/store.py", "tests/test_cart.py"}
    way = (await unchanged.asked("path", "main", "shop/cart.py:total"))["steps"]
    assert [each["symbol"]["qualified_name"] for each in way][-1] == "total"
    around = await unchanged.asked("neighbours", "Store.save")
    assert {"total", "FileStore.save"} <= {each["symbol"]["qualified_name"] for each in around["nodes"]}
    inside = await unchanged.asked("outline", "--file", "shop/store.py")
    assert [each["qualified_name"] for each in inside["symbols"]][:2] == ["Store", "Store.save"]
    large = await unchanged.asked("outline")
    assert {each["path"] for each in large["packages"]} >= {"shop", "tests", "web"}
    assert "unused" in {each["qualified_name"] for each in large["dead"]}

    impact = await unchanged.asked("impact", "shop/cart.py:total")
    assert changed(impact) == {"total": True}
    assert {"Store.save", "main"} <= names(impact["relations"])
    assert names(impact["tests"]) == {"test_total"}


async def test_people_get_places_and_pictures(unchanged: Shop) -> None:
    shown = await unchanged.enrich("callers", "shop/cart.py:total", "--depth", "2")
    assert "  shop/store.py:8" in shown.out
    assert "Tests\n  tests/test_cart.py:5  test_total" in shown.out
    assert "total" in (await unchanged.enrich("show", "total")).out
    assert (await unchanged.enrich("neighbours", "total", "-o", "dot")).out.startswith("digraph")
    assert (await unchanged.enrich("neighbours", "total", "-o", "mermaid")).out.startswith("flowchart")
    missing = await unchanged.enrich("callers", "totall")
    assert (missing.code, missing.out) == (4, "")
    assert "total" in missing.err


async def test_a_project_without_documents_is_named(unchanged: Shop) -> None:
    shop = Shop(unchanged.root, unchanged.environment, unchanged.http, f"{unchanged.project}-none")
    for question in (("callers", "total"), ("find", "total")):
        finished = await shop.enrich(*question)
        assert f"enrich ingest PATH -p {shop.project}" in finished.err


async def test_an_impact_follows_the_lines_of_the_analysed_side(shop: Shop) -> None:
    cart = (shop.root / "shop/cart.py").read_text()
    write(shop.root, {"shop/cart.py": "# a line\n# and another\n" + cart.replace("return None", "return 1")})
    write(shop.root, {"shop/new.py": "# nothing yet\n"})
    git(shop.root, "add", "--intent-to-add", ".")
    before = await shop.impact()
    assert changed(before) == {"unused": False}
    assert before["unknown_paths"] == ["shop/new.py"]
    assert before["differing_paths"] == []
    await shop.ingest()
    after = await shop.impact()
    assert changed(after) == {"unused": False}
    assert after["unknown_paths"] == []
    patch = git(shop.root, "diff").decode()
    assert changed(await shop.impact("--diff", "-", stdin=patch)) == {"unused": False}
    write(shop.root, {"shop/cart.py": cart.replace("return sum(items)", "return 0")})
    assert (await shop.impact())["differing_paths"] == ["shop/cart.py"]
    git(shop.root, "checkout", "-q", ".")
    nothing = await shop.impact("--diff", "HEAD..HEAD")
    assert nothing["changed"] == []


async def test_a_change_is_seen_in_the_answers_about_its_neighbours(shop: Shop) -> None:
    moved = FILES["shop/cart.py"].replace("def total", "def add_up")
    write(shop.root, {"shop/cart.py": moved, "web/page.ts": "export const page = 1;\n"})
    await shop.ingest()
    assert (await shop.enrich("callers", "shop/cart.py:total")).code == 4
    assert names((await shop.asked("callers", "shop/cart.py:add_up"))["relations"]) == set()
    assert names((await shop.asked("callers", "fetchTotal"))["relations"]) == set()
    write(shop.root, {"shop/store.py": FILES["shop/store.py"].replace("total", "add_up")})
    await shop.ingest()
    assert names((await shop.asked("callers", "shop/cart.py:add_up"))["relations"]) == {"Store.save"}
    (shop.root / "shop/store.py").unlink()
    await shop.ingest("--prune", "--yes")
    assert names((await shop.asked("callers", "shop/cart.py:add_up"))["relations"]) == set()
    assert (await shop.enrich("show", "Store")).code == 4


async def test_answers_come_in_pages(shop: Shop) -> None:
    for number in range(5):
        text = f"from shop.cart import total\n\n\ndef call_{number}():\n    total([])\n"
        write(shop.root, {f"shop/caller_{number}.py": text})
    await shop.ingest()
    whole = names((await shop.asked("callers", "shop/cart.py:total"))["relations"])
    paged: set[str] = set()
    after: tuple[str, ...] = ()
    for _ in range(10):
        page = await shop.asked("callers", "shop/cart.py:total", "--limit", "2", *after)
        assert len(page["relations"]) <= 2
        paged |= names(page["relations"])
        if page["next"] is None:
            break
        assert page["complete"] is False
        after = ("--after", page["next"])
    assert paged == whole
    cut = await shop.enrich("callers", "shop/cart.py:total", "--limit", "2")
    assert "The answer was cut off" in cut.err


async def test_an_answer_says_what_waits(shop: Shop, stack: Settings) -> None:
    """Content that is indexed, but not analysed, is not in the answers yet."""
    listing = (await shop.http.get("/documents", params={"project": shop.project})).json()["documents"]
    (document_id,) = [each["document_id"] for each in listing if each["file_path"] == "shop/cart.py"]
    text = FILES["shop/cart.py"].replace("total", "later")
    new = factories.document(shop.project, text, entity_id=document_id, file_path="shop/cart.py")
    async with GraphStore.connect(stack) as graph:
        # Indexed only, so that nothing enriches it during the test.
        await graph.index(new, str(uuid4()), status=EnrichmentStatus.SKIPPED)
    found = await shop.asked("callers", "shop/cart.py:total")
    assert found["freshness"]["waiting"] == 1
    assert names(found["relations"]) == {"Store.save", "test_total"}
    (former,) = (await shop.asked("show", "shop/cart.py:total"))["symbols"]
    assert former["source"].startswith("def total(items):")
    shown = await shop.enrich("callers", "shop/cart.py:total")
    assert "1 document waits for analysis" in shown.err
