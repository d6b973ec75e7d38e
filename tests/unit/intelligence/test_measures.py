"""The inputs of scores: cognitive complexity in every language, lines of code, and repetition."""

import pytest

from archon.contracts.types import EnrichmentType
from intelligence.analysis.analyser import analyse
from intelligence.measures.duplication import repeated_lines
from intelligence.syntax.grammar import grammars

# A loop (1), in it a condition (2) with two operators of one kind (1), an `else if` (1) and an `else` (1).
BRACES = "if (a && b && c) { g(); } else if (d) { h(); } else { i(); }"
BARE = "if a && b && c { g() } else if d { h() } else { i() }"
ALIKE = {
    "bash": "f() {\nfor x in y; do if [ a ] && [ b ] && [ c ]; then g; elif d; then h; else i; fi; done\n}\n",
    "c": f"void f() {{ for (;;) {{ {BRACES} }} }}\n",
    "cpp": f"void f() {{ for (auto x : y) {{ {BRACES} }} }}\n",
    "csharp": f"class A {{ void f() {{ foreach (var x in y) {{ {BRACES} }} }} }}\n",
    "go": f"func f() {{ for {{ {BARE} }} }}\n",
    "java": f"class A {{ void f() {{ for (int x : y) {{ {BRACES} }} }} }}\n",
    "javascript": f"const f = () => {{ for (const x of y) {{ {BRACES} }} }};\n",
    "kotlin": f"fun f() {{ for (x in y) {{ {BRACES} }} }}\n",
    "php": "<?php function f() { foreach ($y as $x) {\n"
    "if ($a && $b && $c) { g(); } elseif ($d) { h(); } else { i(); } } }\n",
    "python": "def f():\n    for x in y:\n        if a and b and c:\n            g()\n"
    "        elif d:\n            h()\n        else:\n            i()\n",
    "ruby": "def f\n  for x in y\n    if a && b && c\n      g\n    elsif d\n      h\n    else\n      i\n"
    "    end\n  end\nend\n",
    "rust": f"fn f() {{ for x in y {{ {BARE} }} }}\n",
    "scala": "object A { def f() = { for (x <- y) { if (a && b && c) g() else if (d) h() else i() } } }\n",
    "swift": f"func f() {{ for x in y {{ {BARE} }} }}\n",
    "tsx": f"function f() {{ for (const x of y) {{ {BRACES} }} }}\n",
    "typescript": f"class A {{ f(): void {{ for (const x of y) {{ {BRACES} }} }} }}\n",
}


def measured(text: str, language: str = "python") -> dict[str, float]:
    return analyse(text, language, EnrichmentType.FULL).statistics


def test_every_language_with_a_grammar_is_compared() -> None:
    assert set(ALIKE) == set(grammars())


@pytest.mark.parametrize("language", ALIKE)
def test_cognitive_complexity_is_alike_in_all_languages(language: str) -> None:
    found = measured(ALIKE[language], language)
    assert (found["functions"], found["max_cognitive_complexity"], found["cognitive_complexity"]) == (1, 6, 6)


PAPER = """
def f(a, b, c, d, e, g):
    if a and b and c or d or e and g:   # 1 and 3 runs of operators
        for x in y:                     # 2
            if x: pass                  # 3
    try:
        z = 1 if a else 2               # 1
    except E:                           # 1
        while a and (b and not (c and d)):  # 2 and 2
            f(a)
    def inner():
        if x: pass                      # 2
    return lambda: 1 if a else 2        # 2
"""
LABELS = """
function sum(max) {
  OUT: for (let i = 1; i <= max; ++i) {   // 1
    for (let j = 2; j < i; ++j) {         // 2
      if (i % j === 0) { continue OUT; }  // 3 and 1
    }
  }
}
const words = (n) => { switch (n) { case 1: return 'one'; default: return 'lots'; } };  // 1
const each = (xs) => xs.map((x) => (x ? 1 : 2));  // 2
if (a) { f(); }  // 1
"""


def test_cognitive_complexity_in_detail() -> None:
    # One more for the recursive call.
    assert measured(PAPER)["max_cognitive_complexity"] == 20
    found = measured(LABELS, "javascript")
    assert (found["max_cognitive_complexity"], found["cognitive_complexity"]) == (7, 11)


def test_decisions_outside_functions_count_to_the_mean() -> None:
    found = measured("if a: b()\ndef f(x):\n    if x: g()\n    if x: h()\ndef g(): pass\n")
    assert (found["decisions"], found["functions"]) == (3, 2)
    assert (found["mean_cyclomatic_complexity"], found["max_cyclomatic_complexity"]) == (2.5, 3)
    assert measured("if a: b()\n")["mean_cyclomatic_complexity"] == 2


def test_a_long_chain_is_one_run() -> None:
    chain = " and ".join(f"a{number}" for number in range(5000))
    assert measured(f"def f():\n    return {chain}\n")["cognitive_complexity"] == 1
    mixed = "a" + " and a or a" * 2000
    assert measured(f"def f():\n    return {mixed}\n")["cognitive_complexity"] == 4000


def test_comments_and_docstrings_are_no_lines_of_code() -> None:
    text = '"""All."""\n\n# said\nx = 1  # why\n\ndef f():\n    """It\n\n    does.\n    """\n    return x\n'
    assert measured(text)["code_lines"] == 3
    java = "/* a\n b */\nclass A {\n  // c\n  int x; /* d */\n}\n"
    assert measured(java, "java")["code_lines"] == 3


def test_a_later_copy_of_lines_counts_as_duplicated() -> None:
    block = [f"call_{number}(first, second, {number})" for number in range(10)]
    other = [f"different_{number} = {number} + offset" for number in range(10)]
    assert repeated_lines([*block, *other]) == set()
    assert repeated_lines([*block, *other, *block]) == set(range(20, 30))
    assert repeated_lines([*block, *other, *block[:4]]) == set()
    assert repeated_lines(["", *block, "", *block]) == set(range(12, 22))
    assert repeated_lines([]) == set()


def test_a_copy_that_is_shorter_than_a_window_is_found_by_its_name() -> None:
    short = "def f(x):\n    return x\n"
    assert measured(short + short)["duplicated_lines"] == 2
    assert measured(short + short.replace("f", "g"))["duplicated_lines"] == 0
