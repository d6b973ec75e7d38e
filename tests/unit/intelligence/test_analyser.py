"""The analyser's results: compared with Python's own parser, with the rules' examples, and for edge cases."""

import ast
import os
import random
import sysconfig
import warnings
from collections import Counter
from pathlib import Path

import pytest

from archon.contracts.text.words import words
from archon.contracts.types import EnrichmentType
from intelligence.adapters.outline import KEYS_LIMIT
from intelligence.analysis import markdown
from intelligence.analysis.analyser import ENTITIES_LIMIT, analyse
from intelligence.embedding import vectors as embedding
from intelligence.measures import findings
from intelligence.measures.findings import Rule
from intelligence.syntax.grammar import grammars
from intelligence.syntax.tree import parse
from tests.examples import examples

FULL = EnrichmentType.FULL
SAMPLE = int(os.environ.get("ARCHON_TEST_AST_FILES", examples(150)))


def python_files() -> list[Path]:
    """A stable sample of the standard library and installed packages."""
    roots = [Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("purelib"))]
    walked = (found for root in roots for found in os.walk(root))
    files = sorted(
        {f"{directory}/{name}" for directory, _, names in walked for name in names if name.endswith(".py")}
    )
    sample = map(Path, random.Random(7).sample(files, min(SAMPLE, len(files))))
    return [file for file in sample if file.stat().st_size < 300_000]


def by_ast(text: str) -> Counter[tuple[str, str, int]]:
    found: Counter[tuple[str, str, int]] = Counter()

    def visit(node: ast.AST, scope: str, in_class: bool, in_function: bool = False) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                is_class = isinstance(child, ast.ClassDef)
                kind = "class" if is_class else "method" if in_class else "function"
                name = f"{scope}.{child.name}" if scope else child.name
                found[kind, name, child.lineno] += 1
                visit(child, name, is_class, not is_class)
                continue
            match child:
                case (
                    ast.Assign(targets=[ast.Name(id=held)], value=ast.Lambda())
                    | ast.AnnAssign(target=ast.Name(id=held), value=ast.Lambda())
                ) if not in_function:
                    name = f"{scope}.{held}" if scope else held
                    found["method" if in_class else "function", name, child.lineno] += 1
            visit(child, scope, in_class, in_function)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        visit(ast.parse(text), "", in_class=False)
    return found


def test_python_functions_and_classes_equal_those_of_ast() -> None:
    compared, wrong = 0, []
    for file in python_files():
        try:
            text = file.read_text()
            expected = by_ast(text)
        except (SyntaxError, ValueError, RecursionError):
            continue
        if expected.total() > ENTITIES_LIMIT:
            continue
        result = analyse(text, "python", EnrichmentType.ENTITIES_ONLY)
        found = Counter((each.kind, each.qualified_name, each.start_line) for each in result.entities)
        compared += sum(expected.values())
        if found != expected:
            wrong.append((str(file), found - expected, expected - found))
    assert compared > SAMPLE
    assert wrong == []


PYTHON = '''
import os.path, json as j
from . import sibling
from ..pkg.mod import name
from __future__ import annotations

@decorated
async def fetch(url: str, *, retries: int = 3) -> bytes:
    """Fetch a URL.

    In detail.
    """
    def inner():
        return helper(url)
    return inner()

def helper(x): return x

class Client(Base):
    def get(self): return self.get_all()[0]
    def get_all(self): return helper([])
    def get(self, again): return Client()
'''


def test_python_in_detail() -> None:
    result = analyse(PYTHON, "python", FULL)
    entities = {(each.kind, each.qualified_name, each.ordinal): each for each in result.entities}
    assert set(entities) == {
        ("function", "fetch", 0),
        ("function", "fetch.inner", 0),
        ("function", "helper", 0),
        ("class", "Client", 0),
        ("method", "Client.get", 0),
        ("method", "Client.get_all", 0),
        ("method", "Client.get", 1),
    }
    fetch = entities["function", "fetch", 0]
    assert fetch.signature == "async def fetch(url: str, *, retries: int = 3) -> bytes"
    assert fetch.documentation == "Fetch a URL."
    assert (fetch.start_line, fetch.end_line) == (8, 15)
    imports = [each.target for each in result.relationships if each.kind == "imports"]
    assert imports == ["os.path", "json", ".", "..pkg.mod", "__future__"]
    calls = {(each.source, each.target) for each in result.relationships if each.kind == "calls"}
    assert calls == {
        ("fetch.inner", "helper"),
        ("fetch", "fetch.inner"),
        ("Client.get", "Client.get_all"),
        ("Client.get_all", "helper"),
        ("Client.get", "Client"),
    }


TYPESCRIPT = """
import { a } from './a';
import * as b from "b";
export { c } from 'c';
const fs = require('fs');

/**
 * Makes a store.
 * @returns it
 */
export function createStore(x: number): Store { return new Store(); }
export const arrow = async (y: string) => { return createStore(1); };
interface Shape { area(): number }
type Id = string;
enum Color { Red }
export class Store<T> extends Base {
  static of() { return this.make(); }
  static make() { return createStore(2); }
  handler = () => this.make();
}
"""


@pytest.mark.parametrize("language", ["typescript", "tsx", "javascript"])
def test_javascript_and_typescript(language: str) -> None:
    text = TYPESCRIPT
    if language == "javascript":
        drop = ("interface", "type Id", "enum")
        text = "\n".join(line for line in text.splitlines() if not line.startswith(drop))
        text = text.replace(": number", "").replace(": Store", "").replace(": string", "").replace("<T>", "")
    result = analyse(text, language, FULL)
    found = {(each.kind, each.qualified_name) for each in result.entities}
    expected = {
        ("function", "createStore"),
        ("function", "arrow"),
        ("class", "Store"),
        ("method", "Store.of"),
        ("method", "Store.make"),
        ("method", "Store.handler"),
    }
    if language != "javascript":
        expected |= {("interface", "Shape"), ("method", "Shape.area"), ("type", "Id"), ("enum", "Color")}
    assert found == expected
    store = next(each for each in result.entities if each.name == "createStore")
    assert store.documentation == "Makes a store."
    imports = {each.target for each in result.relationships if each.kind == "imports"}
    assert imports == {"./a", "b", "c", "fs"}
    calls = {(each.source, each.target) for each in result.relationships if each.kind == "calls"}
    assert {("arrow", "createStore"), ("Store.of", "Store.make"), ("Store.make", "createStore")} <= calls


def test_markdown() -> None:
    text = (
        "# Guide\n\nSee [docs](https://example.org/a).\n\n## Install\n\n```sh\nmake\n```\n\n## Use\n\ntext\n"
    )
    result = analyse(text, "markdown", FULL)
    found = [(each.kind, each.qualified_name, each.start_line, each.end_line) for each in result.entities]
    assert found == [
        ("heading", "Guide", 1, 13),
        ("link", "Guide > https://example.org/a", 3, 3),
        ("heading", "Guide > Install", 5, 10),
        ("code_block", "Guide > Install > sh", 7, 9),
        ("heading", "Guide > Use", 11, 13),
    ]
    assert result.complexity_score is None
    assert result.quality_score == 1.0


RULES = [(language, rule) for language in sorted(grammars()) for rule in findings.rules_of(language)]


@pytest.mark.parametrize(("language", "rule"), RULES, ids=[f"{each}-{rule.id}" for each, rule in RULES])
def test_a_rule_finds_its_examples_and_nothing_else(language: str, rule: Rule) -> None:
    grammar = grammars()[language]
    for example in rule.positive:
        assert findings.matches(rule, parse(example, language, grammar)), example
    for example in rule.negative:
        assert not findings.matches(rule, parse(example, language, grammar)), example


def test_measures_are_above_their_limit_only() -> None:
    def rules_of(text: str) -> list[str]:
        return analyse(text, "python", FULL).anti_patterns_detected

    arguments = ", ".join(f"a{number}" for number in range(8))
    nested = "".join("    " * level + "if x:\n" for level in range(1, 6))
    assert rules_of(f"def f({arguments}): pass\n") == ["too-many-parameters"]
    assert rules_of(f"def f(self, {arguments[:-4]}): pass\n") == []
    lines = "".join(f"    x{number} = {number}\n" for number in range(79))
    assert rules_of(f"def f():\n{lines}") == []
    assert rules_of(f"def f():\n    # said\n\n{lines}") == []
    assert rules_of(f"def f():\n{lines}    y = 1\n") == ["long-function"]
    assert rules_of("def f():\n" + "    call(x, y, z)\n" * 40) == ["duplicated-code"]
    followed = "".join(f"    if x{number}:\n        if y{number}: g()\n" for number in range(9))
    assert "hard-to-follow" in rules_of(f"def f():\n{followed}")
    assert rules_of("def f():\n" + nested + "    " * 6 + "pass\n") == ["deep-nesting"]
    assert rules_of("class A:\n" + "".join(f"    def m{n}(self): pass\n" for n in range(26))) == ["god-class"]


def test_partial_enrichments_hold_only_their_own_results() -> None:
    entities = analyse(PYTHON, "python", EnrichmentType.ENTITIES_ONLY)
    quality = analyse(PYTHON, "python", EnrichmentType.QUALITY_ONLY)
    assert entities.entities_extracted == 7
    assert (entities.quality_score, entities.embedding, entities.findings) == (None, None, [])
    assert quality.quality_score is not None
    assert (quality.entities, quality.relationships, quality.embedding) == ([], [], None)


LARGE = {
    "json": ("{" + ", ".join(f'"k{number}": [{number}]' for number in range(100_000)) + "}", KEYS_LIMIT),
    "yaml": ("".join(f"key{number}: {number}\n" for number in range(100_000)), KEYS_LIMIT),
    "toml": ("".join(f"key{number} = {number}\n" for number in range(100_000)), KEYS_LIMIT),
    "sql": ("".join(f"create table t{number} (a int);\n" for number in range(50_000)), KEYS_LIMIT),
    "python": ("def f(a): return f(1)\n" * 30_000, ENTITIES_LIMIT),
    "javascript": ("function f(a){return f(a)&&g(a)};" * 30_000, ENTITIES_LIMIT),
    "go": ("func f(a int) int { return f(1) }\n" * 30_000, ENTITIES_LIMIT),
    "java": ("class A { " + "int f(int a) { return f(1); }" * 30_000 + "}", ENTITIES_LIMIT),
}


@pytest.mark.slow
@pytest.mark.sampled(8)
@pytest.mark.parametrize("language", LARGE)
def test_only_the_first_entities_of_a_huge_document_are_found(language: str) -> None:
    """On one line, if the language allows it: a node's position must not cost a walk along the line."""
    text, limit = LARGE[language]
    result = analyse(text, language, EnrichmentType.ENTITIES_ONLY)
    assert len(result.entities) == limit
    assert len(result.relationships) <= 1


@pytest.mark.slow
def test_markdown_is_read_to_a_line_and_what_is_beyond_is_counted() -> None:
    beyond = 1000
    text = "# a heading\n" + "prose\n" * (markdown.MOST_LINES - 1) + "# beyond\n" * beyond
    result = analyse(text, "markdown", FULL)
    assert [each.name for each in result.entities] == ["a heading"]
    assert result.not_understood == beyond


def test_the_readable_part_of_a_broken_source_is_analysed() -> None:
    result = analyse("def good():\n    pass\n\ndef bad(:\n", "python", FULL)
    assert "good" in [each.name for each in result.entities]


def test_identifiers_fall_into_words() -> None:
    assert words("parseHTTPResponse_toJSON(x)") == ["parse", "http", "response", "to", "json", "x"]
    near, far = embedding.embed(["readUserSettings", "read user settings"]), embedding.embed(["plant a tree"])
    assert near[0] == pytest.approx(near[1])
    assert sum(a * b for a, b in zip(near[0], far[0], strict=True)) < 0.9
    assert sum(value * value for value in near[0]) == pytest.approx(1, abs=1e-3)
