"""The routes for questions about code, with the real resolver on code maps in memory: rights, bounds, pages,
rates."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import get_ident
from typing import Any, ClassVar, Final, cast

import httpx
import pytest
from fastapi import FastAPI

from archon.contracts.code.answers import Freshness, Shown, ShownSymbol, Symbol
from archon.contracts.identity import content_hash, document_id, entity_id, language_of
from archon.contracts.operations.api_keys import Access
from archon.contracts.types import EnrichmentType
from archon.references.port import ChangedDocument, Changes
from archon.references.service import References
from archon.runtime.http import problems
from archon.runtime.http.api_keys import KeyFile
from archon.runtime.http.body_limit import BodyLimitMiddleware
from bridge.graph import asking, routes
from bridge.graph.sources import with_texts
from bridge.requests import rates
from bridge.requests.access import AccessMiddleware, require_declared
from bridge.requests.correlation import CorrelationMiddleware
from intelligence.analysis.analyser import analyse
from tests.e2e.keyed import add_key

pytestmark = pytest.mark.threat
CART: Final = '"""A cart."""\n\n\ndef total(items):\n    """Adds up."""\n    return sum(items)\n'
ORDERS: Final = (
    "from cart import total\n\n\nclass Orders:\n    def place(self, items):\n        return total(items)\n"
)
TEST: Final = "from cart import total\n\n\ndef test_total():\n    assert total([]) == 0\n"
TEXTS: Final = {"cart.py": CART, "orders.py": ORDERS, "tests/test_cart.py": TEST}
PROJECTS: Final = ("shop", "other")
URL: Final = "/api/bridge/graph"
QUESTIONS: Final[Mapping[str, dict[str, Any]]] = {
    "find": {"name": "total"},
    "show": {"symbol": "total"},
    "callers": {"symbol": "total"},
    "callees": {"symbol": "Orders"},
    "implementers": {"symbol": "Orders"},
    "importers": {"path": "cart.py"},
    "path": {"source": "place", "target": "total"},
    "neighbours": {"symbol": "total"},
    "outline": {},
    "symbols": {"path": "cart.py"},
    "impact": {"symbol": "total"},
}


class Maps:
    """Code maps by project. `waiting`: documents with newer content."""

    waiting = 0

    async def changes(self, project: str, since: str | None) -> Changes:
        texts = TEXTS if project in PROJECTS else {}
        fresh = Freshness(documents=len(texts), waiting=self.waiting, unanalysed=0)
        found = [_changed(project, path, text) for path, text in texts.items()]
        return Changes([] if since else found, [], "1", fresh)


@cache
def _changed(project: str, path: str, text: str) -> ChangedDocument:
    language = language_of(path)
    packed = analyse(text, language, EnrichmentType.FULL).code_map
    assert packed is not None
    own, _ = document_id(project, None, path)
    return ChangedDocument(own, path, language, content_hash(text), packed)


@dataclass
class Stored:
    """Stands for the stores that `show` reads."""

    texts: dict[str, str] = field(
        default_factory=lambda: {content_hash(each): each for each in TEXTS.values()}
    )

    @property
    def content(self) -> "Stored":
        return self

    @property
    def graph(self) -> "Stored":
        return self

    async def get_text(self, name: str) -> str | None:
        return self.texts.get(name)

    async def entity_texts(self, ids: Sequence[str]) -> dict[str, tuple[str | None, str | None]]:
        own = entity_id(document_id("shop", None, "cart.py")[0], "function", "total", 0)
        return {each: ("def total(items)", "Adds up.") for each in ids if each == own}


@dataclass
class Bridge:
    app: FastAPI
    keys: Path
    maps: Maps
    stored: Stored

    def client(self, projects: list[str] | str = "*", **more: Any) -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {add_key(self.keys, projects, Access.READ, **more)}"}
        transport = httpx.ASGITransport(self.app)
        return httpx.AsyncClient(transport=transport, base_url="http://bridge", headers=headers)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keys = tmp_path_factory.mktemp("graph-routes") / "keys.json"
    add_key(keys, "*")
    return keys


@pytest.fixture(scope="module")
def app(keys: Path) -> FastAPI:
    app = FastAPI(redoc_url=None)
    problems.install(app)
    app.add_middleware(BodyLimitMiddleware, limit=100_000, values=20_000)
    app.add_middleware(AccessMiddleware, keys=KeyFile(keys), rate=0.0, burst=0.0)
    app.add_middleware(CorrelationMiddleware)
    app.include_router(routes.router)
    require_declared(app)
    return app


@pytest.fixture
async def bridge(app: FastAPI, keys: Path) -> AsyncIterator[Bridge]:
    maps, stored = Maps(), Stored()
    async with References(maps) as references:
        app.state.questions, app.state.stores = references, stored
        yield Bridge(app, keys, maps, stored)


async def answer(bridge: Bridge, question: str, **params: Any) -> dict[str, Any]:
    async with bridge.client() as http:
        found = await http.get(f"{URL}/{question}", params={"project": "shop", **params})
    assert found.status_code == 200, found.text
    shown: dict[str, Any] = found.json()
    return shown


@pytest.mark.parametrize("question", QUESTIONS)
async def test_every_answer_says_how_fresh_and_complete_it_is(bridge: Bridge, question: str) -> None:
    bridge.maps.waiting = 1
    found = await answer(bridge, question, **QUESTIONS[question])
    assert found["project_name"] == "shop"
    assert found["freshness"] == {"documents": 3, "waiting": 1, "unanalysed": 0}
    assert (found["complete"], found["next"]) == (True, None)


@pytest.mark.parametrize("question", QUESTIONS)
async def test_another_project_is_like_one_that_does_not_exist(bridge: Bridge, question: str) -> None:
    async with bridge.client(["other"]) as http:
        own, others, nothing = [
            await http.get(f"{URL}/{question}", params={"project": project, **QUESTIONS[question]})
            for project in ("other", "shop", "nothing")
        ]
    assert own.status_code == 200
    assert "shop" not in own.text
    assert others.status_code == nothing.status_code == 403
    shown = [each.json() for each in (others, nothing)]
    for each, name in zip(shown, ("shop", "nothing"), strict=True):
        del each["correlation_id"]
        each["detail"] = each["detail"].replace(name, "PROJECT")
    assert shown[0] == shown[1]


async def test_a_patch_is_for_the_keys_projects_alone(bridge: Bridge) -> None:
    body = {"project": "shop", "files": [{"present": {"file_path": "cart.py", "lines": [[6, 6]]}}]}
    async with bridge.client(["other"]) as http:
        assert (await http.post(f"{URL}/impact", json=body)).status_code == 403
        found = await http.post(f"{URL}/impact", json={**body, "project": "other"})
    assert [each["symbol"]["name"] for each in found.json()["changed"]] == ["total"]


async def test_a_symbol_is_shown_with_its_text_and_documentation(bridge: Bridge) -> None:
    (one,) = (await answer(bridge, "show", symbol="total"))["symbols"]
    assert one["source"] == 'def total(items):\n    """Adds up."""\n    return sum(items)'
    assert (one["documentation"], one["signature"]) == ("Adds up.", "def total(items)")
    bridge.stored.texts = {}
    (gone,) = (await answer(bridge, "show", symbol="total"))["symbols"]
    assert gone["source"] is None


async def test_a_long_text_is_cut(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.graph.sources.SOURCE_CHARACTERS", 9)
    found = await answer(bridge, "show", symbol="total")
    assert (found["symbols"][0]["source"], found["complete"]) == ("def total", False)


class Watched(str):
    """A text that notes in which threads its lines are looked for."""

    __slots__ = ()
    threads: ClassVar[list[int]] = []

    def count(self, *given: Any) -> int:
        self.threads.append(get_ident())
        return super().count(*given)

    def split(self, *given: Any) -> list[str]:
        self.threads.append(get_ident())
        return super().split(*given)


async def test_the_lines_of_a_text_are_looked_for_once_and_in_a_thread() -> None:
    Watched.threads.clear()
    text = Watched("x = 1\n" * 10_000)
    stored = Stored({"h": text})
    one = Symbol(
        symbol_id="s",
        document_id=document_id("shop", None, "cart.py")[0],
        file_path="cart.py",
        language="python",
        kind="function",
        name="f",
        qualified_name="f",
        start_line=9_999,
        end_line=10_000,
    )
    asked = [
        ShownSymbol(symbol=one.model_copy(update={"symbol_id": f"s{each}"}), content_hash="h")
        for each in range(20)
    ]
    fresh = Freshness(documents=1, waiting=0, unanalysed=0)
    found = await with_texts(cast(Any, stored), Shown(project_name="shop", freshness=fresh, symbols=asked))
    assert [each.source for each in found.symbols] == ["x = 1\nx = 1"] * 20
    assert get_ident() not in Watched.threads
    assert len(Watched.threads) <= len(text) // 4096 + 1


async def test_a_notebook_is_read_once_for_all_of_its_symbols(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    lines: list[str | None] = ["a", None, "b"]
    monkeypatch.setattr("bridge.graph.sources._is_notebook", lambda symbol: True)
    monkeypatch.setattr(
        "bridge.graph.sources.notebooks.shown_lines", lambda text: read.append(text) or [*lines, *lines]
    )
    found = await answer(bridge, "show", symbol="place")
    assert [each["source"] for each in found["symbols"]] == ["b"]
    assert read == [ORDERS]


async def test_pages_follow_each_other(bridge: Bridge) -> None:
    first = await answer(bridge, "callers", symbol="total", limit=1)
    assert (len(first["relations"]), first["complete"]) == (1, False)
    second = await answer(bridge, "callers", symbol="total", limit=1, after=first["next"])
    names = [each["symbol"]["name"] for page in (first, second) for each in page["relations"]]
    assert sorted(names) == ["place", "test_total"]


@pytest.mark.parametrize(
    ("question", "params", "field"),
    [
        ("find", {}, "name"),
        ("callers", {"symbol": ""}, "symbol"),
        ("callers", {"symbol": "total", "depth": 11}, "depth"),
        ("callers", {"symbol": "total", "depth": 0}, "depth"),
        ("callers", {"symbol": "total", "limit": 1001}, "limit"),
        ("callers", {"symbol": "total", "min_confidence": 2}, "min_confidence"),
        ("callers", {"symbol": "total", "after": "nonsense"}, "after"),
        ("importers", {}, "symbol"),
        ("neighbours", {"symbol": "total", "path": "cart.py"}, "symbol"),
        ("impact", {}, "symbol"),
        ("impact", {"symbol": ["total"] * 101}, "symbol"),
    ],
)
async def test_a_question_beyond_its_bounds_is_refused(
    bridge: Bridge, question: str, params: dict[str, Any], field: str
) -> None:
    async with bridge.client() as http:
        found = await http.get(f"{URL}/{question}", params={"project": "shop", **params})
    assert (found.status_code, found.headers["content-type"]) == (422, "application/problem+json")
    assert [each["field"] for each in found.json()["errors"]] == [field]


async def test_a_name_that_is_not_there_is_answered_with_near_ones(bridge: Bridge) -> None:
    async with bridge.client() as http:
        found = await http.get(f"{URL}/callers", params={"project": "shop", "symbol": "totl"})
        empty = await http.get(f"{URL}/callers", params={"project": "none", "symbol": "total"})
    assert found.status_code == empty.status_code == 404
    assert "total" in found.json()["detail"]
    assert "none has no documents" in empty.json()["detail"]


async def test_a_long_answer_counts_as_several_requests(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bridge.client(rate=3) as http:
        for _ in range(2):
            cheap = await http.get(f"{URL}/callers", params={"project": "shop", "symbol": "total"})
            assert cheap.status_code == 200
    monkeypatch.setattr(asking, "ENTRIES_A_REQUEST", 1)
    monkeypatch.setattr(rates, "HELD", 0.01)
    async with bridge.client(rate=1) as http:
        first = await http.get(f"{URL}/callers", params={"project": "shop", "symbol": "total"})
        assert first.status_code == 200
        second = await http.get(f"{URL}/callers", params={"project": "shop", "symbol": "total"})
    assert second.status_code == 429


async def test_an_answer_has_a_time_limit(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "ANSWER_SECONDS", 0.0)
    async with bridge.client() as http:
        found = await http.get(f"{URL}/outline", params={"project": "shop"})
    assert (found.status_code, found.headers["retry-after"]) == (503, "5")
    assert "a smaller depth or limit" in found.json()["detail"]


async def test_time_counts_against_a_keys_rate_also_if_nobody_waits(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "ANSWER_SECONDS", 0.0)
    monkeypatch.setattr(asking, "SECONDS_A_REQUEST", 1e-6)
    monkeypatch.setattr(rates, "HELD", 0.01)
    async with bridge.client(rate=1) as http:
        slow = await http.get(f"{URL}/outline", params={"project": "shop"})
        assert slow.status_code == 503
        next_one = await http.get(f"{URL}/outline", params={"project": "shop"})
    assert next_one.status_code == 429
