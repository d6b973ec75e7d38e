"""The entities found in a short source of each language: sources/LANGUAGE.yaml has the source and the
expected entities."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from archon.contracts.analysis import AnalysisResult, Relationship
from archon.contracts.types import EnrichmentType
from intelligence.analysis.analyser import analyse
from intelligence.syntax.grammar import grammars, kind_of
from intelligence.syntax.nodes import find_kinds
from intelligence.syntax.tree import Tree, parse

SOURCES = Path(__file__).parent / "sources"
LANGUAGES = sorted(path.stem for path in SOURCES.glob("*.yaml"))
each_language = pytest.mark.parametrize("language", LANGUAGES)


@cache
def sample(language: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((SOURCES / f"{language}.yaml").read_text())
    return content


@cache
def tree_of(language: str) -> Tree:
    return parse(sample(language)["source"], language, grammars()[language])


@cache
def result_of(language: str) -> AnalysisResult:
    return analyse(sample(language)["source"], language, EnrichmentType.FULL)


def written(relationship: Relationship) -> str:
    source = f"{relationship.source} -> " if relationship.source else ""
    names = f" ({', '.join(relationship.names)})" if relationship.names else ""
    return f"{source}{relationship.target}{names}"


def test_every_language_has_a_source() -> None:
    assert set(LANGUAGES) == set(grammars())


@each_language
def test_entities_are_found_with_their_lines(language: str) -> None:
    found = [
        f"{each.kind} {each.qualified_name} {each.start_line}-{each.end_line}"
        for each in result_of(language).entities
    ]
    assert found == sample(language)["entities"]


@each_language
def test_signatures_and_documentation(language: str) -> None:
    entities = result_of(language).entities
    # The first of several with the same name.
    signatures = {each.qualified_name: each.signature for each in reversed(entities)}
    assert signatures == sample(language)["signatures"]
    documented = {each.qualified_name: each.documentation for each in entities if each.documentation}
    assert documented == (sample(language)["documentation"] or {})


@each_language
@pytest.mark.parametrize("kind", ["imports", "inherits", "calls"])
def test_relationships(language: str, kind: str) -> None:
    found = [written(each) for each in result_of(language).relationships if each.kind == kind]
    assert found == sample(language)[kind]


@each_language
def test_decisions_nesting_and_parameters(language: str) -> None:
    found = {
        scope.qualified_name: [scope.decisions, scope.nesting, scope.parameters]
        for scope in tree_of(language).scopes
        if scope.callable and (scope.decisions or scope.parameters)
    }
    assert found == sample(language)["measures"]


@each_language
def test_a_correct_source_has_no_syntax_errors_and_a_broken_one_gives_the_rest(language: str) -> None:
    assert result_of(language).statistics["syntax_errors"] == 0
    broken = analyse(sample(language)["source"] + "\n)}((;@\n", language, EnrichmentType.FULL)
    assert broken.statistics["syntax_errors"] > 0
    names = {each.name for each in result_of(language).entities}
    assert len(names & {each.name for each in broken.entities}) >= len(names) / 2


@each_language
def test_a_grammar_names_nothing_that_its_parser_lacks(language: str) -> None:
    """Except names that only another parser of the same file has."""
    grammar = grammars()[language]
    roots = [parse("", each, grammars()[each]).root for each in grammar.parsers]
    for matcher in grammar.matchers(language):
        known = []
        for root in roots:
            try:
                find_kinds(root, [matcher])
            except RuntimeError:
                continue
            known.append(root)
        assert known, matcher


@each_language
def test_a_rule_of_a_grammar_stands_alone_for_its_kind(language: str) -> None:
    """A walk distinguishes nodes by kind: no node that a rule picks may have another meaning elsewhere."""
    grammar = grammars()[language]
    picked = [kind_of(each) for each in (*grammar.decisions, *grammar.embeds) if not isinstance(each, str)]
    plain = [each for each in grammar.matchers(language) if isinstance(each, str)]
    assert len(picked) == len(set(picked))
    assert not set(picked) & set(plain)


def test_a_header_that_is_cpp_is_read_as_cpp() -> None:
    header = "#pragma once\nnamespace shop {\nclass Cart {\n public:\n  int total() { return 1; }\n};\n}\n"
    found = [each.qualified_name for each in analyse(header, "c", EnrichmentType.FULL).entities]
    assert found == ["shop", "shop.Cart", "shop.Cart.total"]


C_OF_OTHERS = """
#ifdef __cplusplus
extern "C" {
#endif
API_EXPORT struct point *make(void);
typedef int (WINAPI *callback)(int);
typedef int CALLBACK(other)(int);
DWORD WINAPI worker(LPVOID given)
{
  return 0;
}
API_EXPORT int WINAPI exported(int x) { return x; }
struct queue {
  QUEUE_FIELDS
  LIST(node)
};
typedef struct { int x; } pair, *pair_ptr;
#ifdef __cplusplus
}
#endif
"""


def test_macros_that_no_parser_knows_hide_nothing() -> None:
    result = analyse(C_OF_OTHERS, "c", EnrichmentType.FULL)
    found = [(each.kind, each.name) for each in result.entities]
    assert found == [
        ("type", "callback"),
        ("type", "other"),
        ("function", "worker"),
        ("function", "exported"),
        ("struct", "queue"),
        ("type", "pair"),
        ("type", "pair_ptr"),
    ]
    assert result.statistics["syntax_errors"] == 0


@pytest.mark.parametrize(
    ("language", "text", "signatures"),
    [
        (
            "ruby",
            "class A\n  def n\n  end\n  def m; end\nend\nmodule M\nend\n",
            ["class A", "def n", "def m", "module M"],
        ),
        (
            "kotlin",
            "class A {\n  companion object\n  fun a() = 1\n}\n",
            ["class A", "companion object", "fun a()"],
        ),
    ],
)
def test_a_signature_ends_where_its_body_begins(language: str, text: str, signatures: list[str]) -> None:
    assert [each.signature for each in analyse(text, language, EnrichmentType.FULL).entities] == signatures


@pytest.mark.parametrize("end", ["\u2028", "\u2029"])
def test_unicodes_ends_of_lines_end_statements_of_javascript(end: str) -> None:
    text = "const a = 1\u2028function p() {}\u2028// a comment\u2028const q = () => 'x\u2028y'\n"
    text = text.replace("\u2028", end) + "function r() {}\n"
    result = analyse(text, "javascript", EnrichmentType.FULL)
    assert [(each.name, each.start_line) for each in result.entities] == [("p", 1), ("q", 1), ("r", 2)]
    assert result.not_understood == 0


def test_members_that_are_written_apart_belong_to_their_type() -> None:
    children = {scope.qualified_name: len(scope.children) for scope in tree_of("go").scopes if scope.is_type}
    assert children["Server"] == 2
    rust = {scope.qualified_name: len(scope.children) for scope in tree_of("rust").scopes if scope.is_type}
    assert rust["Server"] == 3


@pytest.mark.parametrize(
    ("language", "text", "entities", "relationships"),
    [
        (
            "cpp",
            "class EXPORT_API Exp final : public Base { int x; };\n",
            ["class Exp"],
            ["inherits Exp -> Base"],
        ),
        (
            "cpp",
            (
                "struct E { int x; };\nclass T : public ::testing::Test { int x; };\n"
                "struct B : private virtual ::C<::a::D>, protected::n::W, decltype(f()) { int x; };\n"
                "struct R : T::template rebind<int> { int x; };\nstruct O : ::E { int x; };\n"
            ),
            ["struct E", "class T", "struct B", "struct R", "struct O"],
            [
                *("inherits T -> testing::Test", "inherits B -> C", "inherits B -> n::W"),
                *("inherits R -> T::rebind", "inherits O -> E"),
            ],
        ),
        ("ruby", "class A < ::B::C\n  X = 1\nend\n", ["class A"], ["inherits A -> B::C"]),
        (
            "rust",
            "struct X;\nimpl ::std::fmt::Display for X {}\ntrait A: ::core::B + C { fn a(); }\n",
            ["struct X", "trait A", "method A.a"],
            ["inherits A -> core::B", "inherits A -> C", "inherits X -> std::fmt::Display"],
        ),
        (
            "go",
            "package a\ntype S struct { *Base; pkg.Gen[T]; *C[int] }\n",
            ["struct S"],
            ["inherits S -> Base", "inherits S -> pkg.Gen", "inherits S -> C"],
        ),
        (
            "bash",
            '. "${DIR}/v.sh"\n. "$(dirname "$0")/common.sh"\n. $X\n',
            [],
            ["imports v.sh", "imports common.sh"],
        ),
        (
            "php",
            "<?php\nuse Foo\\{A, function f, const X};\n",
            [],
            ["imports Foo\\A", "imports Foo\\f", "imports Foo\\X"],
        ),
        (
            "ruby",
            "class A\n  def [](k) = 1\n  def []=(k, v); end\n  def <=>(o) = 0\n  def self.call; end\nend\n",
            ["class A", "method A.[]", "method A.[]=", "method A.<=>", "method A.call"],
            [],
        ),
        (
            "cpp",
            (
                "struct A { operator std::string() const; };\nA::operator std::string() const { return x; }\n"
                "bool A::operator==(int) { return true; }\nint &A::operator[](int i) { return i; }\n"
            ),
            ["struct A", "method A.operator std::string", "method A.operator==", "method A.operator[]"],
            [],
        ),
        ("rust", "trait A { type Item; fn a(&self); }\n", ["trait A", "type A.Item", "method A.a"], []),
        ("dockerfile", "FROM \\\nalpine:3 AS last\n", ["stage last"], ["imports alpine:3"]),
        (
            "dockerfile",
            "# escape=`\nFROM `\nalpine:3 AS last\n",
            ["stage last"],
            ["imports alpine:3"],
        ),
        ("markdown", "---\ntitle: T\nlayout: post\n---\n\n# Hello\n", ["heading Hello"], []),
        ("javascript", "module.exports = function () {};\nFoo.prototype = () => 1;\n", [], []),
    ],
)
def test_what_is_written_in_unusual_ways(
    language: str, text: str, entities: list[str], relationships: list[str]
) -> None:
    found = analyse(text, language, EnrichmentType.ENTITIES_ONLY)
    assert [f"{each.kind} {each.qualified_name}" for each in found.entities] == entities
    assert [f"{each.kind} {written(each)}" for each in found.relationships] == relationships


@pytest.mark.parametrize(
    ("language", "head", "documented"),
    [
        ("bash", "#!/usr/bin/env bash\n", None),
        ("bash", "#!/bin/sh\n# Deploys a release.\n", "Deploys a release."),
        ("ruby", "#!/usr/bin/env ruby\n# encoding: utf-8\n", None),
        ("ruby", "# frozen_string_literal: true\n# Deploys a release.\n", "Deploys a release."),
        ("ruby", "# Chooses the coding of a text.\n", "Chooses the coding of a text."),
    ],
)
def test_first_lines_for_programs_are_no_documentation(
    language: str, head: str, documented: str | None
) -> None:
    body = {"bash": "deploy() {\n  echo x\n}\n", "ruby": "def deploy\n  1\nend\n"}[language]
    (found,) = analyse(head + body, language, EnrichmentType.FULL).entities
    assert found.documentation == documented
