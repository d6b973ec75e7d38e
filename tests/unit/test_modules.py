"""Imports resolve to places by paths only: module names, sought places, and the chosen directory."""

import pytest

from archon.contracts import imports as modules
from archon.contracts.imports.family import Family, Found


def family(language: str) -> Family:
    found = modules.family_of(language)
    assert found is not None
    return found


@pytest.mark.parametrize("language", [None, "python", "javascript", "tsx", "java", "go", "gomod", "kotlin"])
@pytest.mark.parametrize("path", ["/", "//", ".", "./", "..", "...", "a/..", "\\", ".py", "/.java", "\n"])
def test_a_path_that_names_no_file_lies_somewhere_all_the_same(language: str | None, path: str) -> None:
    modules.import_key("p", path, language)
    found = modules.family_of(language)
    if found is not None:
        normal = modules.normal(path)
        assert found.aliases(normal) is not None
        assert found.module(normal, ".x")


@pytest.mark.parametrize(
    ("language", "path", "target", "module"),
    [
        ("python", "a/b/c.py", "os.path", "os.path"),
        ("python", "a/b/c.py", ".d", "a.b.d"),
        ("python", "a/b/__init__.py", ".d", "a.b.d"),
        ("python", "a/b/c.py", "..", "a"),
        ("python", "a/b/c.py", "...x", "x"),
        ("python", "c.py", ".", "."),
        ("python", "c.py", "...", "..."),
        ("typescript", "src/app/main.ts", "./api", "./src/app/api"),
        ("typescript", "src/app/main.ts", "../lib/index.js", "./src/lib"),
        ("javascript", "main.js", "react", "react"),
        ("javascript", "main.js", "../outside", "../outside"),
        ("java", "src/A.java", "org.acme.Tool.Part.make", "org.acme.Tool"),
        ("java", "src/A.java", "org.acme.*", "org.acme.*"),
        ("go", "cmd/main.go", "net/http", "net/http"),
    ],
)
def test_a_module_has_one_name(language: str, path: str, target: str, module: str) -> None:
    assert family(language).module(path, target) == module


@pytest.mark.parametrize(
    ("language", "path", "module", "names"),
    [
        ("python", "src/acme/store.py", "acme.store", []),
        ("python", "src/acme/store.py", "acme", ["store"]),
        ("python", "src/acme/__init__.py", "acme", ["store"]),
        ("python", "src/acme/store.pyi", "src.acme.store", []),
        ("python", "tool.py", ".", ["tool"]),
        ("typescript", "src/api.ts", "./src/api", []),
        ("javascript", "src/api/index.mjs", "./src/api", []),
        ("tsx", "src/view.tsx", "./src/view", []),
        ("java", "app/src/main/java/org/acme/Tool.java", "org.acme.Tool", []),
    ],
)
def test_what_an_import_seeks_is_found_from_either_end(
    language: str, path: str, module: str, names: list[str]
) -> None:
    of = family(language)
    place = of.place(path)
    sought = [each for each in of.sought(module, names) if each.prefix_of(place) is not None]
    assert sought
    assert module in of.aliases(path)
    assert {modules.place_key("p", of, each.place) for each in sought} == {
        modules.import_key("p", path, language)
    }


@pytest.mark.parametrize(
    ("importer", "module", "prefixes", "chosen"),
    [
        ("app/main.py", "acme.store", {"."}, "."),
        ("services/a/main.py", "a.util", {"services", "other"}, "services"),
        ("tests/test_a.py", "acme.store", {"src"}, "src"),
        ("tests/test_a.py", "acme.store", {"vendor/x"}, "vendor/x"),
        ("tests/test_a.py", "requests", {"examples"}, None),
        ("tests/test_a.py", "acme.store", {"one/x", "two/x"}, None),
        ("tools/run.py", "json", {"tools"}, "tools"),
        ("app/run.py", "json", {"src"}, None),
        ("app/run.py", "acme", set(), None),
    ],
)
def test_python_searches_where_python_would(
    importer: str, module: str, prefixes: set[str], chosen: str | None
) -> None:
    python = family("python")
    (sought,) = python.sought(module, [])
    assert python.choose(Found(importer, sought, frozenset(prefixes))) == chosen


def test_java_prefers_the_nearest_module_of_the_build() -> None:
    java = family("java")
    (sought,) = java.sought("org.acme.Tool", [])
    prefixes = frozenset({"core/src/main/java", "web/src/main/java"})
    assert java.choose(Found("web/src/test/java/T.java", sought, prefixes)) == "web/src/main/java"


def test_go_goes_by_the_names_of_the_projects_modules() -> None:
    go = modules.go_family({"github.com/acme/app": ".", "github.com/acme/app/tools": "tools"})
    assert [each.place for each in go.sought("github.com/acme/app/pkg/db", [])] == ["pkg/db"]
    assert [each.place for each in go.sought("github.com/acme/app/tools/gen", [])] == ["tools/gen"]
    assert [each.place for each in go.sought("github.com/acme/app", [])] == ["."]
    assert go.sought("github.com/acme/application", []) == []
    assert go.sought("net/http", []) == []
    assert go.aliases("tools/gen/main.go") == {"github.com/acme/app/tools/gen"}
    assert go.aliases("main.go") == {"github.com/acme/app"}


def test_other_languages_lead_nowhere() -> None:
    assert modules.family_of("markdown") is None
    assert modules.family_of(None) is None
    assert modules.import_key("p", "README.md", "markdown") is None


def test_a_path_is_read_alike_however_it_is_written() -> None:
    ways = ["src/a/b.py", "/src/a/b.py", "src\\a\\b.py", "./src/a/b.py"]
    assert {modules.import_key("p", way, "python") for way in ways} == {"p/python:b"}
    assert {modules.normal(way) for way in ways} == {"src/a/b.py"}
