"""In: requests, and changes between them. Out: current answers, from one refresh for those that wait."""

import asyncio
import threading

import pytest

from archon.contracts.errors import InvalidInputError, NotFoundError, StoreUnavailableError
from archon.references import service
from archon.references.port import Changes
from archon.references.resolution import memo
from archon.references.service import MOST_INDEXES, References
from tests.unit.references.maps import FRESH, document

STORE = document("store.py", ["function save"])
USER = document("user.py", ["function run"], ["call save in run"], ["export save = store save"])
EMPTY = document("user.py", ["function run"])


class Source:
    """Gives `pages` once; `gate` holds every call up."""

    def __init__(self, *documents):
        self.pages = [documents]
        self.calls = []
        self.called, self.gate = asyncio.Event(), asyncio.Event()
        self.gate.set()
        self.error = None

    async def changes(self, project, since):
        self.calls.append((project, since))
        self.called.set()
        await self.gate.wait()
        if self.error:
            raise self.error
        page = self.pages.pop(0) if self.pages else ()
        return Changes(page, (), str(len(self.calls)), FRESH, more=bool(self.pages))


async def callers(references, project="p"):
    return [each.symbol.name for each in (await references.callers(project, "save")).relations]


async def test_a_change_of_one_file_changes_the_next_answer():
    source = Source(STORE)
    async with References(source) as references:
        assert await callers(references) == []
        source.pages = [[USER]]
        assert await callers(references) == ["run"]
        source.pages = [[EMPTY]]
        assert await callers(references) == []
        assert [since for _, since in source.calls] == [None, "1", "2"]


async def test_all_pages_are_read_before_the_answer():
    source = Source()
    source.pages = [[STORE], [USER]]
    async with References(source) as references:
        assert await callers(references) == ["run"]


async def test_requests_that_wait_share_one_refresh():
    source = Source(STORE)
    source.gate.clear()
    async with References(source) as references:
        first = asyncio.create_task(callers(references))
        await source.called.wait()
        others = [asyncio.create_task(callers(references)) for _ in range(20)]
        source.pages.append([USER])
        source.gate.set()
        await first
        assert await asyncio.gather(*others) == [["run"]] * 20
        assert len(source.calls) <= 3


async def test_a_cancelled_request_leaves_the_others_alone():
    source = Source(STORE, USER)
    source.gate.clear()
    async with References(source) as references:
        first = asyncio.create_task(callers(references))
        second = asyncio.create_task(callers(references))
        await source.called.wait()
        first.cancel()
        source.gate.set()
        assert await second == ["run"]
        assert first.cancelled()


async def test_an_outage_is_an_error_and_passes():
    source = Source(STORE, USER)
    async with References(source) as references:
        source.error = StoreUnavailableError("graph", "away")
        with pytest.raises(StoreUnavailableError):
            await callers(references)
        source.error = None
        assert await callers(references) == ["run"]


async def test_projects_that_nobody_asks_about_are_dropped():
    source = Source()
    async with References(source, memory_bytes=1) as references:
        for name in ("a", "b", "c"):
            source.pages = [[STORE, USER]]
            assert await callers(references, name) == ["run"]
            assert list(references.bytes) == [name]
        source.pages = [[STORE]]
        assert await callers(references, "a") == []
        assert source.calls[-1] == ("a", None)


async def test_few_indexes_are_kept_and_none_of_a_project_without_documents():
    source = Source()
    async with References(source) as references:
        for number in range(MOST_INDEXES + 3):
            source.pages = [[STORE, USER]]
            assert await callers(references, f"p{number}") == ["run"]
            with pytest.raises(NotFoundError):
                await callers(references, f"empty {number}")
        assert list(references.bytes) == [f"p{number}" for number in range(3, MOST_INDEXES + 3)]


async def test_wrong_arguments_are_refused_and_unknown_names_have_near_ones():
    async with References(Source(STORE, USER)) as references:
        for wrong in ({"depth": 0}, {"depth": 11}, {"limit": 0}, {"limit": 1001}, {"least": 2.0}):
            with pytest.raises(InvalidInputError):
                await references.callers("p", "save", **wrong)
        with pytest.raises(NotFoundError, match="near: save"):
            await references.callers("p", "saved")
        outline = await references.outline("p")
        assert [each.symbol.name for each in outline.hubs] == ["save"]
        assert await references.contents("p", ["store.py", "gone.py"]) == {"store.py": STORE.content_hash}


CIRCLE = document(
    "circle.py",
    ["function run", "class K", "function K.go"],
    ["call x0.go in run"],
    typed=[f"x{one} := x{other}.a" for one in range(12) for other in range(12) if one != other],
)


async def test_a_damaged_map_hides_no_other_document():
    async with References(
        Source(STORE, USER, EMPTY._replace(document_id="x", code_map="1eAE"))
    ) as references:
        assert await callers(references) == ["run"]


async def test_names_that_lead_to_each_other_in_very_many_ways_are_given_up():
    async with References(Source(CIRCLE)) as references:
        found = await references.callers("p", "K.go")
        assert [(each.symbol.name, each.sites[0].how) for each in found.relations] == [("run", "unique_name")]


async def test_a_question_that_leads_to_too_much_is_refused(monkeypatch):
    monkeypatch.setattr(service, "STEPS", 3)
    async with References(Source(STORE, USER)) as references:
        with pytest.raises(InvalidInputError, match="leads to too many names"):
            await callers(references)


async def test_work_that_nobody_waits_for_ends(monkeypatch):
    begun, ended = threading.Event(), []

    def endless(project, *_):
        begun.set()
        try:
            while True:
                project.memo.get(object(), lambda: (), ())
        finally:
            ended.append(project.name)

    monkeypatch.setattr(service, "callers_of", endless)
    monkeypatch.setattr(service, "STEPS", memo.UNLIMITED)
    async with References(Source(STORE), threads=1) as references:
        asking = asyncio.create_task(references.callers("p", "save"))
        await asyncio.to_thread(begun.wait)
        asking.cancel()
        await references.find("q", "save")  # waits for the only thread
        assert ended == ["p"]
        begun.clear()
        forgotten = asyncio.create_task(references.callers("p", "save"))
        await asyncio.to_thread(begun.wait)
    assert ended == ["p", "p"]
    forgotten.cancel()


async def test_a_project_that_takes_most_of_the_memory_is_dropped_before_others():
    source = Source()
    many = [document(f"f{number}.py", [f"function f{number}"]) for number in range(40)]
    async with References(source) as references:
        source.pages = [[STORE, USER]]
        await callers(references, "small")
        source.pages = [many]
        await references.find("large", "f1")
        sizes = references.bytes
    async with References(source, memory_bytes=sizes["large"] + sizes["small"] // 2) as references:
        source.pages = [[STORE, USER]]
        await callers(references, "small")
        source.pages = [many]
        await references.find("large", "f1")
        assert list(references.bytes) == ["small"]
