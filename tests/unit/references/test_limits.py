"""In: documents that anybody with a key may send. Out: questions about them whose work and answers stay
bounded."""

import difflib
import json
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archon.contracts.code.packing import pack, unpack
from archon.contracts.code.references import Binding, CodeMap, Declaration, Reference
from archon.contracts.errors import InvalidInputError, NotFoundError
from archon.references.answers import impact
from archon.references.answers.find import find
from archon.references.answers.impact import MOST_CHANGED, Change, impact_of
from archon.references.answers.outline import outline
from archon.references.answers.pages import Page
from archon.references.answers.picture import neighbours, route
from archon.references.answers.relations import Around, callees_of, callers_of, implementers_of
from archon.references.answers.show import MOST_BASES, MOST_MEMBERS, show
from archon.references.answers.subjects import MOST_SUBJECTS
from archon.references.edges.edges import MOST_SITES
from archon.references.edges.survey import WHOLE, Survey
from archon.references.index.document import OUTSIDE
from archon.references.port import ChangedDocument, Filters
from tests.unit.references import maps as notes
from tests.unit.references.maps import around, document, project
from tests.unit.test_packing import maps

FUNCTION = Declaration("function", "f", "f", 0, 1, 1, OUTSIDE, None, "f")


def changed(path: str, code: CodeMap | None) -> ChangedDocument:
    return notes.changed(path, pack(code) if code is not None else None)


def work(of: Callable[[], object]) -> int:
    """The lines of Python that a computation runs."""
    count = 0

    def counted(_frame: object, event: str, _argument: object) -> Callable[..., object]:
        nonlocal count
        count += event == "line"
        return counted

    before = sys.gettrace()
    sys.settrace(counted)
    try:
        of()
    finally:
        sys.settrace(before)
    return count


def grows(question: Callable[[int], Callable[[], object]], size: int = 100) -> float:
    """How many times more work twice the size is."""
    for each in (size, 2 * size):
        question(each)()  # what is computed once for all projects
    return work(question(2 * size)) / work(question(size))


def functions(count: int) -> list[str]:
    return [f"function f{each}" for each in range(count)]


@pytest.mark.parametrize("same", [True, False])
def test_imports_are_not_looked_through_for_each_reference(same: bool) -> None:
    def question(count: int) -> Callable[[], object]:
        index = project(
            document(
                "m.py",
                [*functions(count), "function go"],
                [f"call x.go in f{each}" for each in range(count)],
                [f"x = x{'' if same else each}" for each in range(count)],
            )
        )
        return lambda: callers_of(index, "go", around())

    assert grows(question) < 3


def test_imports_of_submodules_are_not_looked_through_for_each_reference() -> None:
    def question(count: int) -> Callable[[], object]:
        bindings = [Binding(f"a.b{each}", f"a.b{each}", "", 1, False) for each in range(count)]
        references = [Reference("call", f"q{each}", 1, OUTSIDE) for each in range(count)]
        return resolving(CodeMap([], references, bindings, []))

    assert grows(question) < 3


def resolving(code: CodeMap, path: str = "m.py") -> Callable[[], object]:
    """All references of a document."""
    index = project(changed(path, code))
    own = index.store.document(1)
    return lambda: [index.resolver.targets(own, each) for each in own.code.references]


def test_variables_of_other_types_are_not_looked_through() -> None:
    store = document("a.py", ["class Store", "method Store.get"])

    def question(count: int) -> Callable[[], object]:
        others = [
            document(f"m{each}.py", ["class M", "function f"], ["call m.get in f"], [], ["m: M in f"])
            for each in range(count)
        ]
        index = project(store, *others)
        return lambda: callers_of(index, "Store.get", around())

    assert grows(question) < 1.5


def test_imports_from_other_modules_are_not_looked_through() -> None:
    main = document("a.py", ["function main"])

    def question(count: int) -> Callable[[], object]:
        others = [
            document(f"m{each}.py", ["function f"], ["call main in f"], ["main = other main"])
            for each in range(count)
        ]
        index = project(main, *others)
        return lambda: callers_of(index, "main", around())

    assert grows(question) < 1.5


def test_declarations_of_one_name_are_not_looked_through_for_each_reference() -> None:
    def question(count: int) -> Callable[[], object]:
        same = [FUNCTION._replace(name="x", qualified_name="x", ordinal=each) for each in range(count)]
        others = [FUNCTION._replace(name=f"f{each}", qualified_name=f"f{each}") for each in range(count)]
        references = [Reference("call", "x", 1, count + each) for each in range(count)]
        return resolving(CodeMap([*same, *others], references, [], []))

    assert grows(question) < 3


def test_merged_declarations_are_not_looked_through_for_each_reference() -> None:
    def question(count: int) -> Callable[[], object]:
        same = [
            FUNCTION._replace(kind="interface", name="x", qualified_name="x", ordinal=each)
            for each in range(count)
        ]
        others = [FUNCTION._replace(name=f"f{each}", qualified_name=f"f{each}") for each in range(count)]
        references = [Reference("call", "x", 1, count + each) for each in range(count)]
        return resolving(CodeMap([*same, *others], references, [], []), "m.ts")

    assert grows(question, 200) < 2.5


def test_a_cycle_lists_so_many_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archon.references.answers.outline.MOST_PATHS", 2)
    index = project(
        *(document(f"m{each}.py", bound=[f"m = .m{(each + 1) % 3} x"]) for each in range(3)),
    )
    survey = Survey(index)
    survey.go_on(WHOLE)
    answer = outline(index, survey, 20)
    assert (answer.cycles, answer.complete) == ([["m0.py", "m1.py"]], False)


@pytest.mark.parametrize("nested", [True, False])
def test_ranges_are_not_compared_with_each_declaration(nested: bool) -> None:
    def question(count: int) -> Callable[[], object]:
        parent = 0 if nested else OUTSIDE
        declarations = [
            FUNCTION._replace(name="C", qualified_name="C", kind="class", end_line=count + 1),
            *(
                FUNCTION._replace(ordinal=each, start_line=each, end_line=each, parent=parent)
                for each in range(2, count + 2)
            ),
        ]
        index = project(changed("m.py", CodeMap(declarations, [], [], [])))
        lines = [(5 * count + 2 * each, 5 * count + 2 * each) for each in range(count)]
        return lambda: impact_of(index, Change(lines={"m.py": lines}), around())

    assert grows(question) < 3


def test_a_file_under_many_spellings_is_looked_at_once() -> None:
    index = project(document("m.py", functions(100)))

    def question(count: int) -> Callable[[], object]:
        paths = ["./" * each + "m.py" for each in range(count)]
        return lambda: impact_of(index, Change((), paths, {each: [(1, 9)] for each in paths}), around())

    assert grows(question, 20) < 1.5


def _old_touched(declarations: Sequence[Declaration], ranges: Sequence[tuple[int, int]]) -> list[str]:
    """Line by line."""
    lines = {line for first, last in ranges for line in range(first, last + 1)}
    found = []
    for position, each in enumerate(declarations):
        own = set(range(each.start_line, each.end_line + 1))
        for inner in declarations:
            if inner.parent == position:
                own -= set(range(inner.start_line, inner.end_line + 1))
        if own & lines:
            found.append(each.name)
    return found


spans = st.tuples(st.integers(1, 12), st.integers(0, 6)).map(lambda each: (each[0], each[0] + each[1]))


@pytest.mark.slow
@given(
    st.lists(st.tuples(spans, st.integers(-1, 4)), min_size=1, max_size=6),
    st.lists(spans, min_size=1, max_size=4),
)
@settings(deadline=None)
def test_changed_lines_are_those_that_are_not_nested(
    found: list[tuple[tuple[int, int], int]], ranges: list[tuple[int, int]]
) -> None:
    declarations = [
        FUNCTION._replace(
            name=f"f{position}",
            qualified_name=f"f{position}",
            start_line=first,
            end_line=last,
            parent=min(parent, position - 1),
        )
        for position, ((first, last), parent) in enumerate(found)
    ]
    index = project(changed("m.py", CodeMap(declarations, [], [], [])))
    answer = impact_of(index, Change(lines={"m.py": ranges}), around())
    assert sorted(each.symbol.name for each in answer.changed) == _old_touched(declarations, ranges)


@pytest.mark.slow
@given(
    st.lists(st.tuples(spans, st.integers(-1, 4), st.booleans()), max_size=6),
    st.lists(st.integers(1, 20), max_size=5),
)
@settings(deadline=None)
def test_an_import_is_in_the_smallest_function_around_it(
    found: list[tuple[tuple[int, int], int, bool]], lines: list[int]
) -> None:
    declarations = [
        FUNCTION._replace(
            kind="class" if is_type else "function",
            start_line=first,
            end_line=last,
            parent=min(parent, position - 1),
        )
        for position, ((first, last), parent, is_type) in enumerate(found)
    ]
    bindings = [Binding(f"b{each}", "m", "", line, False) for each, line in enumerate(lines)]
    index = project(changed("m.py", CodeMap(declarations, [], bindings, [])))
    own = index.store.document(1)
    expected = {}
    for each in bindings:
        around_it = [
            (one.end_line - one.start_line, -position)
            for position, one in enumerate(declarations)
            if one.start_line <= each.line <= one.end_line
        ]
        inner = -min(around_it)[1] if around_it else OUTSIDE
        scope = next((one for one in own.scopes(inner) if not own.is_type(one)), OUTSIDE)
        expected[scope, each.local] = [each]
    assert dict(own.imported) == expected


def test_few_names_are_compared_with_a_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[int, int]] = []
    original = difflib.get_close_matches

    def close(word: str, possibilities: Sequence[str], *more: float) -> list[str]:
        compared.append((len(possibilities), max(map(len, [word, *possibilities]))))
        return original(word, possibilities, *more)

    monkeypatch.setattr(difflib, "get_close_matches", close)
    names = [f"n_{each}_{'ab' * 90}" for each in range(500)]
    index = project(
        changed(
            "m.py", CodeMap([FUNCTION._replace(name=each) for each in [*names, "n_save_all"]], [], [], [])
        ),
        *(changed(f"packages/package-{each}/src/components/index.ts", None) for each in range(300)),
    )
    with pytest.raises(NotFoundError, match="near: n_save_all"):
        callers_of(index, "n_sav_all", around())
    with pytest.raises(NotFoundError, match=f"near: .*{names[7]}"):
        callers_of(index, names[7][:-1], around())
    with pytest.raises(NotFoundError, match=r"near: packages/package-7/src/components/index\.ts"):
        neighbours(index, None, "packages/package-7/src/componentz/index.ts", around())
    assert len(compared) == 3
    assert all(count <= 200 and longest <= 64 for count, longest in compared)


def test_members_and_bases_are_counted_beyond_a_limit() -> None:
    count = MOST_MEMBERS + 20
    index = project(
        document(
            "m.py",
            ["class X", *(f"function X.m{each:03}" for each in range(count))],
            [f"inherit B{each} in X" for each in range(MOST_BASES + 3)],
        )
    )
    answer = show(index, "X", Page(10))
    (found,) = answer.symbols
    assert [each.name for each in found.members] == [f"m{each:03}" for each in range(MOST_MEMBERS)]
    assert (found.more_members, found.more_bases, answer.complete) == (20, 3, False)
    assert len(found.bases) == MOST_BASES
    assert show(index, "m003", Page(10)).complete


def test_places_are_counted_beyond_a_limit() -> None:
    calls = [Reference("call", "t", line, 1) for line in range(1, MOST_SITES + 51)]
    declarations = [FUNCTION._replace(name=each, qualified_name=each) for each in ("t", "u")]
    index = project(changed("m.py", CodeMap(declarations, calls, [], [])))
    for answer in (callers_of(index, "t", around()), impact_of(index, Change(("t",)), around())):
        (found,) = answer.relations
        assert [each.line for each in found.sites] == list(range(1, MOST_SITES + 1))
        assert (found.more_sites, answer.complete) == (50, False)
    way = route(index, "u", "t", 1, 0.0)
    assert (len(way.steps[1].sites), way.steps[1].more_sites, way.complete) == (MOST_SITES, 50, False)


def test_a_question_has_so_many_subjects() -> None:
    def index(count: int):
        return project(*(document(f"d{each:02}.py", ["class X"]) for each in range(count)))

    many, few = index(MOST_SUBJECTS + 1), index(MOST_SUBJECTS)
    for question in (callers_of, callees_of, implementers_of):
        answer = question(many, "X", around())
        assert (len(answer.subjects), answer.complete) == (MOST_SUBJECTS, False)
        assert question(few, "X", around()).complete
    way = route(many, "X", "X", 1, 0.0)
    assert (len(way.sources), len(way.targets)) == (MOST_SUBJECTS, MOST_SUBJECTS)
    assert not neighbours(many, "X", None, around()).complete
    changes = impact_of(many, Change(("X",)), around())
    assert (len(changes.changed), changes.complete) == (MOST_SUBJECTS, False)
    pages = [show(many, "X", Page(MOST_SUBJECTS)), show(many, "X", Page(5))]
    assert [len(each.symbols) for each in pages] == [MOST_SUBJECTS, 5]
    assert [each.next is None for each in pages] == [False, False]


@pytest.mark.slow
def test_so_many_changed_symbols_are_listed_and_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(impact, "MOST_STARTS", 3 * MOST_CHANGED)
    same = CodeMap([FUNCTION._replace(ordinal=each) for each in range(MOST_CHANGED)], [], [], [])
    index = project(*(changed(f"d{number}.py", same) for number in range(6)))
    answer = impact_of(index, Change(paths=["d0.py"]), around())
    assert (len(answer.changed), answer.complete) == (MOST_CHANGED, True)
    answer = impact_of(index, Change(paths=["d0.py", "d1.py"]), around())
    assert (len(answer.changed), len(answer.documents), answer.complete) == (MOST_CHANGED, 2, False)
    seen: list[int] = []
    within = impact._Changes.add
    monkeypatch.setattr(
        impact._Changes,
        "add",
        lambda self, found, *more: seen.append(found.number) or within(self, found, *more),
    )
    paths = [f"d{each}.py" for each in range(6)]
    for change in (Change(paths=paths), Change(lines={each: [(1, 1)] for each in paths})):
        answer = impact_of(index, change, around())
        assert (seen, answer.complete) == ([1, 2, 3], False)
        seen.clear()


def nested(depth: int) -> str:
    exports: object = "./src/y.js"
    for _ in range(depth):
        exports = {"a": exports}
    return json.dumps({"package": {"name": "pkg", "exports": exports}})


@pytest.mark.parametrize(("depth", "found"), [(3, True), (600, False)])
def test_conditions_of_exports_are_followed_so_deep(depth: int, found: bool) -> None:
    index = project(
        changed("lib/package.json", CodeMap([], [], [], [], settings=nested(depth))),
        document("lib/src/y.js", ["function y"]),
        document("src/user.js", ["function z"], ["call y in z"], ["y = pkg y"]),
    )
    relations = callers_of(index, "y", around()).relations
    assert any(each.sites[0].how == "import" for each in relations) == found


@pytest.mark.parametrize(
    "settings_",
    [
        "[" * 100_000,
        "[1]",
        '{"all": 5}',
        '{"all": [[]]}',
        '{"tsconfig": {"compilerOptions": {"paths": 5}, "paths": 1, "extends": {"a": []}}}',
        '{"package": {"name": [], "imports": 1, "exports": [[1]]}}',
        '{"gomod": {"module": {}, "replace": 3}}',
    ],
)
@pytest.mark.parametrize("path", ["src/n.py", "tsconfig.json", "package.json", "go.mod"])
def test_settings_of_any_shape_do_no_harm(settings_: str, path: str) -> None:
    index = project(
        changed(path, CodeMap([FUNCTION], [], [], [], settings=settings_)),
        *(
            document(f"src/user.{end}", ["function z"], ["call f in z", "call q.f in z"], bound)
            for end, bound in (
                ("py", ["- = .n *"]),
                ("ts", ["- = pkg *", "q = #q"]),
                ("go", ["q = pkg/q"]),
            )
        ),
    )
    callers_of(index, "f", around())
    for end in ("py", "ts", "go"):
        callees_of(index, f"src/user.{end}:z", around())
        neighbours(index, None, f"src/user.{end}", around(3))


@pytest.mark.slow
@given(maps(), maps())
@settings(max_examples=50, deadline=None)
def test_any_map_that_is_accepted_can_be_asked_about(first: CodeMap, second: CodeMap) -> None:
    codes = [unpack(text) if (text := pack(each)) is not None else None for each in (first, second)]
    index = project(*(changed(f"{each}.py", code) for each, code in enumerate(codes)))
    for number in range(2):
        impact_of(index, Change((), [f"{number}.py"]), around(3))
        impact_of(index, Change(lines={f"{number}.py": [(1, 5000)]}), around(3))
    for each in first.declarations:
        if each.name.strip():
            try:
                callees_of(index, each.name, around(3))
                show(index, each.name, Page(10))
            except NotFoundError:  # the name has a sign that is not looked for
                continue


def deep(count: int) -> Sequence[Declaration]:
    return [
        FUNCTION._replace(name=f"f{each}", qualified_name=f"f{each}", parent=each - 1)
        for each in range(count)
    ]


def test_declarations_in_each_other_are_found_once() -> None:
    index = project(changed("m.py", CodeMap([*deep(100)], [], [], [])))
    answer = impact_of(index, Change(("f0",)), around())
    assert [each.symbol.name for each in answer.changed] == ["f0"]
    inside = list(index.store.document(1).inside(0))
    assert inside == list(range(1, 100)) and all(a < b for a, b in pairwise(inside))


@pytest.mark.parametrize(
    "cursor", ["WzFlOTk5XQ", "W1tb" * 1000, "e30", "NQ", "bnVsbA", "W05hTl0", "W10", "_w"]
)
def test_a_cursor_that_is_none_is_refused(cursor: str) -> None:
    index = project(document("m.py", ["function ab", "function ac"]))
    with pytest.raises(InvalidInputError, match="after"):
        find(index, "a", Filters(), Page(1, cursor))
    with pytest.raises(InvalidInputError, match="after"):
        callers_of(index, "ab", Around(1, 0.0, Page(1, cursor)))
