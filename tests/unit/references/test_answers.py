"""In: questions of each kind. Out: answers, whole and page by page."""

import pytest

from archon.contracts.errors import InvalidInputError, NotFoundError
from archon.references.answers.find import find, symbols_of
from archon.references.answers.impact import Change, impact_of
from archon.references.answers.outline import outline
from archon.references.answers.pages import Page
from archon.references.answers.picture import neighbours, route
from archon.references.answers.relations import Around, callers_of, implementers_of, importers_of
from archon.references.answers.show import show
from archon.references.edges.survey import Survey
from archon.references.port import Filters
from tests.unit.references.maps import around, called_by, document, project

PAGE = Page(100)


@pytest.fixture
def shop():
    """main -> service -> Store.save -> Base.check, with a test of the service."""
    return project(
        document("shop/__init__.py"),
        document(
            "shop/base.py",
            ["class Base", "function Base.check", "function Base.save", "function unused"],
        ),
        document(
            "shop/store.py",
            ["class Store", "function Store.save", "class Cached", "function Cached.save"],
            ["inherit Base in Store", "call self.check in Store.save", "inherit Store in Cached"],
            ["export Base = .base Base"],
        ),
        document(
            "shop/service.py",
            ["function service"],
            ["call store.save in service"],
            ["export Store = .store Store"],
            ["store: Store in service"],
        ),
        document("shop/main.py", ["function main"], ["call run in main"], ["export run = .service service"]),
        document(
            "tests/test_service.py",
            ["function test_service"],
            ["call service in test_service"],
            ["export service = shop.service service"],
        ),
    )


def names(relations):
    return [each.symbol.qualified_name if each.symbol else each.file_path for each in relations]


def test_callers_go_on_and_multiply_what_is_sure(shop):
    found = callers_of(shop, "Base.check", around(depth=5))
    assert [(each.depth, each.symbol.name) for each in found.relations] == [
        (1, "save"),
        (2, "service"),
        (3, "main"),
        (3, "test_service"),
    ]
    assert found.relations[1].confidence == pytest.approx(0.93 * 0.95, abs=1e-3)
    assert found.complete and found.next is None
    assert [each.test for each in found.relations] == [False, False, False, True]
    assert called_by(shop, "Base.check", depth=5, least=0.9).keys() == {"Store.save"}


def test_pages_have_everything_once(shop):
    whole = callers_of(shop, "Base.check", around(depth=5)).relations
    found, after = [], None
    while True:
        answer = callers_of(shop, "Base.check", Around(5, 0.0, Page(1, after)))
        found += answer.relations
        assert answer.complete == (answer.next is None)
        if (after := answer.next) is None:
            break
    assert found == whole
    with pytest.raises(InvalidInputError, match="after"):
        callers_of(shop, "Base.check", Around(5, 0.0, Page(1, "?")))


def test_find_puts_the_best_first(shop):
    index = shop
    assert [each.qualified_name for each in find(index, "save", Filters(), PAGE).symbols] == [
        "Base.save",
        "Store.save",
        "Cached.save",
    ]
    assert [each.qualified_name for each in find(index, "Store.save", Filters(), PAGE).symbols] == [
        "Store.save"
    ]
    assert [each.name for each in find(index, "S*E", Filters(kinds=("class", "function")), PAGE).symbols] == [
        "save",
        "save",
        "save",
        "Store",
        "service",
    ]
    assert {each.name for each in find(index, "serv", Filters(), PAGE).symbols} == {"service"}
    assert {each.name for each in find(index, "*", Filters(path="tests"), PAGE).symbols} == {"test_service"}
    assert not find(index, "*service", Filters(tests=True, languages=("go",)), PAGE).symbols


def test_symbols_have_several_names(shop):
    for name in ("Store.save", "shop.store.Store.save", "shop/store.py:Store.save", "store.Store.save"):
        assert names_of_subjects(shop, name) == ["Store.save"]
    (found,) = find(shop, "unused", Filters(), PAGE).symbols
    assert names_of_subjects(shop, found.symbol_id) == ["unused"]
    assert names_of_subjects(shop, "save") == ["Base.save", "Store.save", "Cached.save"]
    with pytest.raises(NotFoundError, match="near: service"):
        callers_of(shop, "servise", around())
    with pytest.raises(NotFoundError, match="project p has no documents"):
        callers_of(project(), "x", around())


def names_of_subjects(index, name):
    return [each.qualified_name for each in callers_of(index, name, around()).subjects]


def test_show_has_members_and_bases(shop):
    (found,) = show(shop, "Store", PAGE).symbols
    assert [each.qualified_name for each in found.members] == ["Store.save"]
    assert [each.qualified_name for each in found.bases["Base"]] == ["Base"]
    assert found.content_hash
    assert [each.name for each in symbols_of(shop, "shop/store.py").symbols] == [
        "Store",
        "save",
        "Cached",
        "save",
    ]


def test_implementers_are_types_and_methods(shop):
    assert names(implementers_of(shop, "Base", around(depth=5)).relations) == ["Store", "Cached"]
    found = implementers_of(shop, "Base.save", around(depth=5)).relations
    assert [(each.depth, each.symbol.qualified_name, each.sites[0].kind) for each in found] == [
        (1, "Store.save", "override"),
        (2, "Cached.save", "override"),
    ]


def test_importers_of_files_and_symbols(shop):
    assert names(importers_of(shop, None, "shop/store.py", around()).relations) == ["shop/service.py"]
    assert names(importers_of(shop, None, "shop/store.py", around(depth=5)).relations) == [
        "shop/service.py",
        "shop/main.py",
        "tests/test_service.py",
    ]
    assert names(importers_of(shop, "service", None, around()).relations) == [
        "shop/main.py",
        "tests/test_service.py",
    ]
    with pytest.raises(NotFoundError, match=r"near: shop/store\.py"):
        importers_of(shop, None, "shop/stores.py", around())


def test_impact_of_symbols_files_and_lines(shop):
    found = impact_of(shop, Change(symbols=["Base.save"]), around(depth=3))
    assert names(found.relations) == ["Store.save", "Cached.save", "service", "main"]
    assert names(found.tests) == ["test_service"]
    assert [each.tested for each in found.changed] == [True]
    found = impact_of(shop, Change(paths=["shop/base.py", "gone.py"]), around(depth=1))
    assert names(found.relations) == ["Store.save", "Store", "Cached.save", "shop/store.py"] or set(
        names(found.relations)
    ) == {"Store", "Store.save", "Cached.save", "shop/store.py"}
    assert found.unknown_paths == ["gone.py"]
    assert {each.symbol.name: each.tested for each in found.changed} == {"Base": False, "unused": False}
    found = impact_of(shop, Change(lines={"shop/base.py": [(4000, 4000)]}), around(depth=3))
    assert [(each.symbol.name, each.tested) for each in found.changed] == [("unused", False)]
    with pytest.raises(InvalidInputError):
        impact_of(shop, Change(), around())


def test_the_shortest_way_between_symbols(shop):
    found = route(shop, "main", "Base.check", 10, 0.0)
    assert [each.symbol.qualified_name for each in found.steps] == [
        "main",
        "service",
        "Store.save",
        "Base.check",
    ]
    assert found.steps[1].sites[0].how == "import"
    assert route(shop, "Base.check", "main", 10, 0.0).steps == []


def test_a_picture_of_the_neighbours(shop):
    found = neighbours(shop, "service", None, around())
    ids = {each.node_id: each.symbol.name for each in found.nodes if each.symbol}
    assert set(ids.values()) == {"service", "main", "test_service", "save", "Store"} - {"Store"} | {
        "Store"
    } & set(ids.values())
    assert {(ids[each.source], ids[each.target]) for each in found.edges} >= {
        ("main", "service"),
        ("service", "save"),
    }
    files = neighbours(shop, None, "shop/store.py", around())
    assert [each.file_path for each in files.nodes] == ["shop/store.py", "shop/base.py", "shop/service.py"]
    assert [each.kinds for each in files.edges] == [["import"], ["import"]]


def test_the_project_in_large(shop):
    survey = Survey(shop)
    while not survey.go_on(2):
        pass
    found = outline(shop, survey, 20)
    assert [(each.path, each.documents, each.tests) for each in found.packages] == [
        ("shop", 5, 0),
        ("tests", 1, 1),
    ]
    assert [each.qualified_name for each in found.dead] == ["Base.save", "unused", "Cached"] or "unused" in [
        each.qualified_name for each in found.dead
    ]
    assert found.hubs[0].symbol.qualified_name in {"service", "Store", "Base"}
    assert found.cycles == []


def test_circles_of_imports_are_found():
    index = project(
        document("a.py", ["function f"], bound=["export b = b "]),
        document("b.py", bound=["export c = c "]),
        document("c.py", bound=["export f = a f"]),
        document("d.py", bound=["export f = a f"]),
    )
    survey = Survey(index)
    survey.go_on(100)
    assert outline(index, survey, 20).cycles == [["a.py", "b.py", "c.py"]]


def test_a_type_does_not_derive_from_the_types_around_its_base():
    notes = ["class Outer", "class Outer.Inner", "class A"]
    index = project(document("a.py", notes, ["inherit Outer.Inner in A"]))
    assert [each.symbol.name for each in implementers_of(index, "Outer.Inner", around()).relations] == ["A"]
    assert implementers_of(index, "Outer", around()).relations == []
    assert [each.symbol.name for each in callers_of(index, "Outer", around()).relations] == ["A"]


def test_long_chains_do_not_hide_what_else_refers_to_a_symbol():
    chain = ".next()" * 60
    index = project(
        document(
            "a.py",
            ["class C", "function C.next -> C", "function save", "function first", "function last"],
            [*(f"call x{number}{chain}.save in first" for number in range(40)), "call save in last"],
            typed=[f"x{number}: C in first" for number in range(40)],
        )
    )
    assert "last" in [each.symbol.name for each in callers_of(index, "save", around()).relations]
