"""Sources within documents: scripts of components, cells of notebooks, each with the file's own line
numbers."""

import json
from pathlib import Path
from typing import Any

import pytest

from archon.contracts.analysis import AnalysisResult
from archon.contracts.documents import DocumentSubmission
from archon.contracts.text.entity_hashes import hashed
from archon.contracts.text.notebooks import shown_lines, shown_text
from archon.contracts.types import EnrichmentType
from bridge.documents.normalise import normalise
from intelligence.analysis.analyser import analyse
from intelligence.embedding.terms import index_of

CASES = Path(__file__).parents[2] / "cases"


def named(result: AnalysisResult) -> list[str]:
    return [
        f"{each.kind} {each.qualified_name} {each.start_line}-{each.end_line}" for each in result.entities
    ]


def full(text: str, language: str) -> AnalysisResult:
    return analyse(text, language, EnrichmentType.FULL)


VUE = """<!-- <script>function no() {}</script> -->
<template>
  <p v-if="a > b">x</p>
</template>
<script lang="ts">
export default { methods: { old(): void {} } }
</script>
<script setup lang='ts' generic="T extends Record<string, any>">
import { ref } from 'vue'
function mine(x: T): T { return twice(x) }
const twice = (x: T) => x
</script>
<style>a{}</style>
"""
SVELTE = """<script context="module">
  export const load = async () => 1;
</script>

<script lang='ts'>
  import X from './X.svelte';
  export let n: number;
  $: twice = n * 2;
  function up() { n += 1; }
</script>
{#if n}<X on:click={() => up()}/>{/if}
"""
ASTRO = """---
import Layout from '../Layout.astro';
const title: string = 'x';
function greet(n: string) { return n }
---
<Layout>{greet(title)}</Layout>
<script>
  function client() {}
</script>
<script type="application/ld+json">{"a": 1}</script>
"""


PAGE = """<!doctype html>
<title>A page</title>
<script type="application/json">{"a": 1}</script>
<script type="text/x-template"><p>function no() {}</p></script>
<script type="module" src="./app.js"></script>
<script type="module">export function inPage() {}</script>
<p>Text.</p>
<script type="text/javascript; charset=utf-8"><!--
function old() {}
//--></script>
"""


@pytest.mark.parametrize(
    ("language", "text", "entities", "imports"),
    [
        (
            "vue",
            VUE,
            ["method old 6-6", "function mine 10-10", "function twice 11-11"],
            ["vue"],
        ),
        ("vue", "<script>function one() {}</script><script setup>one()</script>", ["function one 1-1"], []),
        ("vue", '<template/>\r\n<script src="./x.js"></script>\r\n', [], ["./x.js"]),
        ("vue", '<script lang="tsx">\nconst A = () => <b>{1}</b>\n</script>\n', ["function A 2-2"], []),
        ("svelte", SVELTE, ["function load 2-2", "function up 9-9"], ["./X.svelte"]),
        ("astro", ASTRO, ["function greet 4-4", "function client 8-8"], ["../Layout.astro"]),
        ("astro", "<h1>no script</h1>\n", [], []),
        (
            "html",
            "<script>a = 1</script><script>\n<!--\nfunction b() {}\n</script>\n",
            ["function b 3-3"],
            [],
        ),
        ("html", PAGE, ["function inPage 6-6", "function old 9-9"], ["./app.js"]),
        ("svelte", "<script>\nfunction open() {}\n", ["function open 2-2"], []),
    ],
)
def test_scripts_of_components(language: str, text: str, entities: list[str], imports: list[str]) -> None:
    result = full(text, language)
    assert named(result) == entities
    assert [each.target for each in result.relationships if each.kind == "imports"] == imports
    assert result.not_understood == 0


def test_components_as_people_write_them() -> None:
    cart = full((CASES / "11-sfc" / "Cart.vue").read_text(), "vue")
    assert named(cart) == ["function addToCart 4-6"]
    badge = full((CASES / "11-sfc" / "Badge.svelte").read_text(), "svelte")
    assert named(badge) == ["function bumpBadge 3-3"]
    # Text outside scripts is found as written.
    rest = next(each for each in badge.chunks if each.symbol is None)
    assert rest.terms is not None
    assert index_of("button") in rest.terms.indices


@pytest.mark.parametrize("language", ["html", "vue"])
def test_a_component_without_a_script_has_no_scores(language: str) -> None:
    result = full("<h1>A page</h1>\n<script type='importmap'>{}</script>\n", language)
    assert (result.quality_score, result.complexity_score) == (None, None)
    assert full(PAGE, language).complexity_score is not None


def test_a_script_that_cannot_be_read_is_counted() -> None:
    text = '<script lang="coffee">\nadd = (a, b) -> a + b\n</script>\n<script>\nfunction js() {}\n</script>\n'
    result = full(text, "vue")
    assert named(result) == ["function js 5-5"]
    assert result.not_understood == 3


def notebook(*cells: dict[str, Any], indent: int | None = 1, **metadata: Any) -> str:
    return json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4}, indent=indent)


def code(source: str | list[str]) -> dict[str, Any]:
    outputs = [{"output_type": "stream", "text": ["secretoutput\n"]}]
    return {"cell_type": "code", "metadata": {}, "outputs": outputs, "source": source}


def prose(source: str | list[str]) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def test_cells_are_found_on_the_lines_of_the_file() -> None:
    text = (CASES / "12-notebook" / "churn.ipynb").read_text()
    result = full(text, "notebook")
    assert named(result) == [
        "heading Churn 7-39",
        "function fit_churn 26-28",
        "class Report 38-39",
        "method Report.show 39-39",
    ]
    lines = text.split("\n")
    for each in result.entities:
        assert each.name in lines[each.start_line - 1]
    found = [(each.kind, each.source, each.target, each.line) for each in result.relationships]
    assert found == [("imports", None, "math", 25), ("calls", "Report.show", "fit_churn", 39)]
    assert result.not_understood == 0


def test_outputs_are_neither_searched_nor_shown() -> None:
    text = notebook(prose("# Title\ntext"), code(["def one():\n", "    return 1\n"]))
    result = full(text, "notebook")
    for chunk in result.chunks:
        assert chunk.terms is not None
        assert index_of("secretoutput") not in chunk.terms.indices
        assert index_of("cell_typ") not in chunk.terms.indices
    assert shown_text(text) == "# Title\ntext\n\ndef one():\n    return 1\n"
    function = result.entities[1]
    shown = shown_lines(text)[function.start_line - 1 : function.end_line]
    assert shown == ["def one():", "    return 1"]
    submission = DocumentSubmission.model_validate({"project_id": "p", "source_path": "a.ipynb"})
    document = normalise(submission, text)
    assert document.language == "notebook"
    assert document.content_preview.startswith("# Title\ntext\n\ndef one")


def test_a_notebook_that_was_run_again_has_the_same_bodies() -> None:
    before = notebook(prose("# T"), code("x = 1\n"), code("def one(): pass"))
    after = before.replace("secretoutput", "another").replace('"metadata": {}', '"metadata": {"a": 1}')
    bodies = [
        [each.body_hash for each in hashed(full(text, "notebook").entities, text)] for text in (before, after)
    ]
    assert bodies[0] == bodies[1]
    changed = hashed(full(before.replace("one()", "one(a)"), "notebook").entities, before)
    assert [each.body_hash for each in changed][1] != bodies[0][1]


def test_a_source_may_be_one_string_and_a_notebook_one_line() -> None:
    text = notebook(code("def a():\n    pass\ndef b():\n    return a()\n"), indent=None)
    result = full(text, "notebook")
    assert named(result) == ["function a 1-1", "function b 1-1"]
    assert {each.symbol for each in result.chunks} == {"a", "b"}
    bodies = {each.body_hash for each in hashed(result.entities, text)}
    assert len(bodies) == 2


def test_commands_are_no_python() -> None:
    text = notebook(
        code(
            "%matplotlib inline\n!pip install x\nfiles = !ls\n%%time\nint?\n"
            "if files:\n    !rm y\ndef one():\n    %cd x\n"
        ),
        code("%%bash\nfoo() { echo $1; }\n"),
        code("%%time\ndef two(): return one()\n"),
    )
    result = full(text, "notebook")
    assert [each.name for each in result.entities] == ["one", "two"]
    assert (result.not_understood, result.statistics["syntax_errors"]) == (0, 0)


def test_a_broken_cell_spoils_no_other_and_is_counted() -> None:
    text = notebook(code("def one(): pass"), code("x = ((\n'''"), code("def two(): pass"))
    result = full(text, "notebook")
    assert [each.name for each in result.entities] == ["one", "two"]
    assert result.not_understood > 0


@pytest.mark.parametrize(
    ("metadata", "source", "entities"),
    [
        ({"kernelspec": {"name": "ir", "language": "R"}}, "f <- function(x) x", []),
        ({"language_info": {"name": "julia"}}, "function f(x)\nend", []),
        ({"kernelspec": {"name": "julia-1.9"}}, "function f(x)\nend", []),
        ({"kernelspec": {"name": "javascript", "language": "javascript"}}, "function f() {}", ["f"]),
        ({"language_info": {"name": "rust"}}, "fn f() {}", ["f"]),
        ({"kernelspec": {"name": "xcpp17", "language": "C++17"}}, "int f() { return 1; }", ["f"]),
        ({"kernelspec": {"name": "python3.11"}}, "def f(): pass", ["f"]),
        ({}, "def f(): pass", ["f"]),
    ],
)
def test_code_is_in_the_language_of_the_kernel(
    metadata: dict[str, Any], source: str, entities: list[str]
) -> None:
    result = full(notebook(prose("# H"), code(source), **metadata), "notebook")
    assert [each.name for each in result.entities] == ["H", *entities]
    assert result.not_understood == 0
    assert any(each.terms and index_of("f") in each.terms.indices for each in result.chunks)


FORMAT_3 = {
    "metadata": {"name": ""},
    "nbformat": 3,
    "worksheets": [
        {
            "cells": [
                {"cell_type": "heading", "level": 2, "source": ["Old"]},
                {
                    "cell_type": "code",
                    "language": "python",
                    "input": ["def old():\n", "    pass"],
                    "outputs": [],
                },
            ]
        }
    ],
}


def test_format_3() -> None:
    text = json.dumps(FORMAT_3, indent=1)
    result = full(text, "notebook")
    assert named(result) == ["heading Old 13-21", "function old 20-21"]
    # Cells before the break are found, and the rest is counted.
    broken = full(text[: text.index("    pass")], "notebook")
    assert [each.name for each in broken.entities] == ["Old", "old"]
    assert broken.not_understood > 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "not json",
        '{"cells": []}',
        '{"cells": [1, "a", {"source": 3}]}',
        "[[[",
        '{"cells": [{"source": "',
    ],
)
def test_a_broken_notebook_has_an_answer(text: str) -> None:
    result = full(text, "notebook")
    assert AnalysisResult.model_validate_json(result.model_dump_json()) == result
    assert shown_text(text) == text or text.startswith('{"cells": [')
