"""What scores are made of: cognitive complexity in every language, lines of code, and repetition."""

import pytest

from archon.contracts.analysis import AnalysisResult
from archon.contracts.types import EnrichmentType
from intelligence.analyser import analyse
from intelligence.duplication import repeated_lines
from intelligence.grammar import grammars

# A loop (1), in it a condition (2) with two operators of one kind (1), an `else if` (1) and an `else` (1).
ALIKE = {
    "bash": "f() {\n for x in $y; do\n  if [ $a ] && [ $b ] && [ $c ]; then g\n  elif $d; then h\n  else i\n  fi\n done\n}\n",
    "c": "void f() { for (;;) { if (a && b && c) g(); else if (d) h(); else i(); } }\n",
    "cpp": "void f() { for (auto x : y) { if (a && b && c) g(); else if (d) h(); else i(); } }\n",
    "csharp": "class A { void f() { foreach (var x in y) { if (a && b && c) g(); else if (d) h(); else i(); } } }\n",
    "go": "func f() { for { if a && b && c { g() } else if d { h() } else { i() } } }\n",
    "java": "class A { void f() { for (int x : y) { if (a && b && c) g(); else if (d) h(); else i(); } } }\n",
    "javascript": "const f = () => { for (const x of y) { if (a && b && c) g(); else if (d) h(); else i(); } };\n",
    "kotlin": "fun f() { for (x in y) { if (a && b && c) { g() } else if (d) { h() } else { i() } } }\n",
    "php": "<?php function f() { foreach ($y as $x) { if ($a && $b && $c) { g(); } elseif ($d) { h(); } else { i(); } } }\n",
    "python": "def f():\n    for x in y:\n        if a and b and c:\n            g()\n        elif d:\n            h()\n        else:\n            i()\n",
    "ruby": "def f\n  for x in y\n    if a && b && c\n      g\n    elsif d\n      h\n    else\n      i\n    end\n  end\nend\n",
    "rust": "fn f() { for x in y { if a && b && c { g() } else if d { h() } else { i() } } }\n",
    "scala": "object A { def f() = { for (x <- y) { if (a && b && c) g() else if (d) h() else i() } } }\n",
    "swift": "func f() { for x in y { if a && b && c { g() } else if d { h() } else { i() } } }\n",
    "tsx": "function f() { for (const x of y) { if (a && b && c) g(); else if (d) h(); else i(); } }\n",
    "typescript": "class A { f(): void { for (const x of y) { if (a && b && c) g(); else if (d) h(); else i(); } } }\n",
}


def measured(text: str, language: str = "python") -> dict[str, float]:
    return analyse(text, language, EnrichmentType.FULL).statistics


def test_every_language_with_a_grammar_is_compared() -> None:
    assert set(ALIKE) == set(grammars())


@pytest.mark.parametrize("language", ALIKE)
def test_cognitive_complexity_is_alike_in_all_languages(language: str) -> None:
    found = measured(ALIKE[language], language)
    assert (found["functions"], found["max_cognitive_complexity"], found["cognitive_complexity"]) == (1, 6, 6)
