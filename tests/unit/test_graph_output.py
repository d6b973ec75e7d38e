"""What `enrich graph` prints for an answer, and which side of a patch the bridge asks about."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

import pytest
from typer.testing import CliRunner

from archon.cli.graph import shown
from archon.cli.graph.asking import hints
from archon.cli.graph.command import app
from archon.cli.graph.pictures import dot, mermaid
from archon.cli.graph.trees import rows
from archon.cli.terminal.output import print_json
from archon.contracts.code.answers import (
    Changed,
    Edge,
    Freshness,
    How,
    Impact,
    Neighbourhood,
    Node,
    Outline,
    Relation,
    Relations,
    Route,
    RouteStep,
    Shown,
    ShownSymbol,
    Site,
    Symbol,
)
from archon.contracts.code.patches import ChangedFile, Patch, Side
from archon.references.port import Questions
from bridge.graph.asking import entries
from bridge.graph.patches import impact_of

FRESH = Freshness(documents=3, waiting=0, unanalysed=0)


def document(path: str) -> str:
    return str(UUID(int=sum(map(ord, path))))


def symbol(name: str, path: str, line: int = 1, *, test: bool = False) -> Symbol:
    return Symbol(
        symbol_id=f"{path}:{name}",
        document_id=document(path),
        file_path=path,
        language="python",
        kind="function",
        name=name.rpartition(".")[2],
        qualified_name=name,
        start_line=line,
        end_line=line + 2,
        test=test,
    )


def site(path: str, line: int, kind: str = "call", how: How = How.IMPORT, confidence: float = 0.95) -> Site:
    return Site(
        document_id=document(path), file_path=path, line=line, kind=kind, how=how, confidence=confidence
    )


def relation(of: Symbol | str, by: Symbol, *sites: Site, depth: int = 1) -> Relation:
    return Relation(
        symbol=by,
        document_id=by.document_id,
        file_path=by.file_path,
        depth=depth,
        of=of if isinstance(of, str) else of.symbol_id,
        sites=list(sites),
        confidence=max((each.confidence for each in sites), default=0.9),
        test=by.test,
    )


TOTAL = symbol("total", "src/cart.py", 4)
PLACE = symbol("Orders.place", "src/orders.py", 20)
MAIN = symbol("main", "main.py", 2)
GUESS = symbol("report", "src/report.py", 8)
TEST = symbol("test_total", "tests/test_cart.py", 3, test=True)
CALLERS = Relations(
    project_name="shop",
    freshness=FRESH,
    subjects=[TOTAL],
    relations=[
        relation(TOTAL, PLACE, site("src/orders.py", 24), site("src/orders.py", 29)),
        relation(TOTAL, GUESS, site("src/report.py", 9, how=How.UNIQUE_NAME, confidence=0.6)),
        relation(TOTAL, TEST, site("tests/test_cart.py", 5)),
        relation(PLACE, MAIN, site("main.py", 3, "use"), depth=2),
    ],
)


def test_callers_are_a_tree_of_places_with_tests_apart(capsys: pytest.CaptureFixture[str]) -> None:
    shown.print_relations(CALLERS, "References to", at_site=True)
    assert capsys.readouterr().out.splitlines() == [
        "References to total",
        "  src/cart.py:4  total  function",
        "",
        "  src/orders.py:24  Orders.place  also line 29",
        "    main.py:3       main          use",
        "  src/report.py:9   report        by unique name, 60%",
        "",
        "Tests",
        "  tests/test_cart.py:5  test_total",
    ]


def test_only_the_uncertain_reference_of_a_way_says_how_it_was_found() -> None:
    sure = relation(GUESS, MAIN, site("main.py", 3), depth=2).model_copy(update={"confidence": 0.57})
    assert rows([sure], at_site=True) == [("  main.py:3", "main", "57%")]


def test_a_relation_whose_way_is_on_another_page_is_shown() -> None:
    (row,) = rows([relation("elsewhere", MAIN, site("main.py", 3), depth=2)], at_site=True)
    assert row == ("  main.py:3", "main", "")


def test_a_circle_of_references_ends() -> None:
    a, b = symbol("a", "a.py"), symbol("b", "b.py")
    circle = [relation(TOTAL, a), relation(a, b, depth=2), relation(b, a, depth=3)]
    assert [name for _, name, _ in rows(circle, at_site=False)] == ["a", "b", "a"]


def test_a_document_outside_of_symbols_is_shown_by_its_path() -> None:
    found = relation(TOTAL, MAIN, site("main.py", 9)).model_copy(update={"symbol": None})
    assert rows([found], at_site=False) == [("  main.py:9", "(main.py)", "")]


def test_a_name_cannot_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = symbol("a\x1b[2Jb[bold]", "x\ny.py")
    found = CALLERS.model_copy(update={"relations": [relation(TOTAL, evil, site("x\ny.py", 1))]})
    shown.print_relations(found, "References to", at_site=True)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "a\\x1b[2Jb[bold]" in out
    assert "x\\ny.py:1" in out


def test_an_impact_names_what_no_test_reaches(capsys: pytest.CaptureFixture[str]) -> None:
    found = Impact(
        project_name="shop",
        freshness=FRESH,
        changed=[Changed(symbol=TOTAL, tested=True), Changed(symbol=GUESS, tested=False)],
        relations=[relation(TOTAL, PLACE, site("src/orders.py", 24))],
        tests=[relation(PLACE, TEST, site("tests/test_cart.py", 5), depth=2)],
    )
    shown.print_impact(found)
    assert capsys.readouterr().out.splitlines() == [
        "Changed",
        "  src/cart.py:4    total   function",
        "  src/report.py:8  report  function  untested",
        "",
        "Depends on that",
        "  src/orders.py:24  Orders.place",
        "",
        "Tests to run",
        "  tests/test_cart.py:5  test_total  2 steps",
    ]
    shown.print_impact(found.model_copy(update={"changed": [], "relations": [], "tests": []}))
    assert "no symbol of the project" in capsys.readouterr().out


def test_a_way_and_none(capsys: pytest.CaptureFixture[str]) -> None:
    steps = [
        RouteStep(symbol=MAIN, document_id=MAIN.document_id, file_path="main.py"),
        RouteStep(
            symbol=PLACE, document_id=PLACE.document_id, file_path="src/orders.py", sites=[site("main.py", 3)]
        ),
    ]
    found = Route(project_name="shop", freshness=FRESH, sources=[MAIN], targets=[PLACE], steps=steps)
    shown.print_route(found, "main", "place")
    assert capsys.readouterr().out.splitlines() == [
        "  main.py:2         main",
        "  src/orders.py:20  Orders.place  call in main.py:3",
    ]
    shown.print_route(found.model_copy(update={"steps": []}), "place", "main")
    assert capsys.readouterr().out == "no way from place to main\n"


def test_a_symbol_is_shown_with_its_numbered_lines(capsys: pytest.CaptureFixture[str]) -> None:
    whole = ShownSymbol(symbol=TOTAL, content_hash="0" * 64, source="def total():\n\treturn 1")
    gone = whole.model_copy(update={"source": None, "documentation": "Adds up."})
    shown.print_shown(Shown(project_name="shop", freshness=FRESH, symbols=[whole, gone]))
    out = capsys.readouterr().out
    assert "    4  def total():\n    5      return 1\n" in out
    assert "Adds up.\nits source text is gone" in out


def test_what_an_answer_lacks_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    behind = Freshness(documents=9, waiting=1, unanalysed=2)
    hints(CALLERS.model_copy(update={"freshness": behind, "complete": False, "next": "it's next"}))
    said = " ".join(capsys.readouterr().err.split())
    assert "1 document waits for analysis" in said
    assert "2 documents are not analysed yet" in said
    assert "enrich status -p shop" in said
    assert """--after 'it'"'"'s next'""" in said
    hints(CALLERS)
    assert capsys.readouterr().err == ""
    empty = CALLERS.model_copy(update={"freshness": Freshness(documents=0, waiting=0, unanalysed=0)})
    hints(empty, empty=True)
    assert "enrich ingest PATH -p shop" in capsys.readouterr().err


def neighbourhood() -> Neighbourhood:
    odd = symbol('a"b<c>\\', "x#y.py")
    nodes = [
        Node(
            node_id=each.symbol_id,
            symbol=each,
            document_id=each.document_id,
            file_path=each.file_path,
            depth=at,
        )
        for at, each in enumerate((TOTAL, odd))
    ]
    edges = [
        Edge(source=odd.symbol_id, target=TOTAL.symbol_id, kinds=["call", "use"], count=2, confidence=0.5)
    ]
    return Neighbourhood(project_name="shop", freshness=FRESH, nodes=nodes, edges=edges)


def test_a_picture_for_graphviz_quotes_names() -> None:
    lines = dot(neighbourhood()).splitlines()
    assert lines[0] == 'digraph "shop" {'
    assert lines[2] == '  "src/cart.py:total" [label="total\\nsrc/cart.py:4", penwidth=2];'
    assert lines[3] == '  "x#y.py:a\\"b<c>\\\\" [label="a\\"b<c>\\\\\\nx#y.py:1"];'
    assert lines[4].endswith('-> "src/cart.py:total" [label="call, use x 2", style=dashed];')


def test_a_picture_for_mermaid_escapes_names() -> None:
    assert mermaid(neighbourhood()).splitlines() == [
        "flowchart LR",
        '  n0["total<br/>src/cart.py:4"]',
        '  n1["a#quot;b#lt;c#gt;\\<br/>x#35;y.py:1"]',
        '  n1 -.->|"call, use x 2"| n0',
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["importers"],
        ["importers", "A", "--file", "a.py"],
        ["neighbours"],
        ["impact", "A", "--diff", "HEAD"],
        ["callers", "A", "--depth", "11"],
        ["callers"],
        ["impact", "--diff", "no such revision"],
    ],
)
def test_a_question_that_is_none_is_a_usage_error(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, arguments).exit_code == 2


class Analysed:
    """A project with these contents, which notes what is asked."""

    def __init__(self, contents: Mapping[str, str]) -> None:
        self._contents = contents
        self.noted: dict[str, Any] = {}

    async def contents(self, project: str, paths: Sequence[str]) -> Mapping[str, str]:
        return {path: self._contents[path] for path in paths if path in self._contents}

    async def impact(self, project: str, **given: Any) -> Impact:
        self.noted = given
        return Impact(project_name=project, freshness=FRESH, changed=[], relations=[], tests=[])


OLD, NEW, OTHER = ("1" * 64, "2" * 64, "3" * 64)


def edited(path: str, former: str | None = None) -> ChangedFile:
    return ChangedFile(
        present=Side(file_path=path, content_hash=NEW, lines=[(5, 6)]),
        former=Side(file_path=former or path, content_hash=OLD, lines=[(3, 3)]),
    )


async def chosen(contents: Mapping[str, str], *files: ChangedFile) -> tuple[Impact, dict[str, Any]]:
    analysed = Analysed(contents)
    found = await impact_of(cast(Questions, analysed), Patch(project="shop", files=list(files)), depth=3)
    return found, analysed.noted


@pytest.mark.parametrize(
    ("analysed", "lines"), [({"a.py": NEW}, {"a.py": [(5, 6)]}), ({"a.py": OLD}, {"a.py": [(3, 3)]})]
)
async def test_the_lines_of_the_analysed_side_count(
    analysed: dict[str, str], lines: dict[str, list[tuple[int, int]]]
) -> None:
    found, asked = await chosen(analysed, edited("a.py"))
    assert (asked["lines"], found.differing_paths, found.unknown_paths) == (lines, [], [])


async def test_a_renamed_file_is_known_by_its_former_path() -> None:
    found, asked = await chosen({"old.py": OLD}, edited("new.py", "old.py"))
    assert (asked["lines"], found.unknown_paths) == ({"old.py": [(3, 3)]}, [])


async def test_other_content_and_unknown_files_are_named() -> None:
    found, asked = await chosen({"a.py": OTHER}, edited("a.py"), edited("b.py"))
    assert (found.differing_paths, found.unknown_paths) == (["a.py"], ["b.py"])
    assert asked["lines"] == {"a.py": [(5, 6)]}


async def test_a_deleted_file_changes_as_a_whole() -> None:
    gone = ChangedFile(former=Side(file_path="a.py", content_hash=OLD))
    _, asked = await chosen({"a.py": OLD}, gone)
    assert (asked["paths"], asked["lines"]) == (["a.py"], {})


CONTROLS = "\x1b\x7f\x9b\u202e\u2066\u200e\u2028\U000e0041"


def test_json_controls_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({CONTROLS: f"größe 日本 {CONTROLS}"})
    printed = capsys.readouterr().out
    assert all(each.isprintable() or each == "\n" for each in printed)
    assert "größe 日本 \\u001b\\u007f\\u009b\\u202e\\u2066\\u200e\\u2028\\udb40\\udc41" in printed
    assert json.loads(printed) == {CONTROLS: f"größe 日本 {CONTROLS}"}


def test_a_picture_controls_no_terminal() -> None:
    name = f'{CONTROLS}"`<b>'
    node = Node(node_id=name, symbol=None, document_id=document("a.py"), file_path=name, depth=0)
    edge = Edge(source=name, target=name, kinds=[name], count=1, confidence=1.0)
    found = Neighbourhood(project_name=name, freshness=FRESH, nodes=[node], edges=[edge])
    for picture in (dot(found), mermaid(found)):
        assert all(each.isprintable() or each == "\n" for each in picture)
    own = next(each for each in dot(found).splitlines() if "[label=" in each and "->" not in each)
    assert own.startswith('  "\\\\x1b') and '\\"`<b>" [label=' in own
    assert "#quot;#96;#lt;b#gt;" in mermaid(found)
    assert not any(each in mermaid(found) for each in ("`", "<b>"))


def test_every_entry_of_an_answer_counts() -> None:
    sites = [site("a.py", each) for each in range(100)]
    uses = relation(TOTAL, PLACE, *sites)
    given = {"project_name": "shop", "freshness": FRESH}
    shown_symbol = ShownSymbol(
        symbol=TOTAL, content_hash="0" * 64, members=[TOTAL] * 100, bases={"A": [TOTAL] * 20, "B": []}
    )
    step = RouteStep(symbol=TOTAL, document_id=TOTAL.document_id, file_path="a.py", sites=sites)
    changes = [Changed(symbol=TOTAL, tested=False)] * 7
    outline = Outline(**given, packages=[], hubs=[], cycles=[["a"] * 30, ["b"] * 3], dead=[TOTAL], caveat="")
    assert [
        entries(Relations(**given, subjects=[TOTAL] * 50, relations=[uses, relation(TOTAL, MAIN)])),
        entries(Shown(**given, symbols=[shown_symbol])),
        entries(Impact(**given, changed=changes, relations=[uses], tests=[uses])),
        entries(Route(**given, sources=[TOTAL], targets=[TOTAL] * 3, steps=[step, step])),
        entries(outline),
    ] == [151, 121, 207, 204, 34]


def test_a_changed_file_has_a_side() -> None:
    with pytest.raises(ValueError, match="neither"):
        ChangedFile.model_validate_json(json.dumps({}))
