"""In: families of languages. Out: strategies of documents that refer to each other in all their ways."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import strategies as st

from tests.unit.references.maps import document


class World(NamedTuple):
    """`contents` draws a code map. `names` are those of symbols that questions are about."""

    paths: Sequence[str]
    languages: Sequence[str]
    contents: st.SearchStrategy
    names: Sequence[str]


def contents(  # noqa: PLR0917  the parts of a note
    declared, referred, bound, typed=(), packages=("",), settings=("",), always=()
):
    """Each declaration is there or not, except those of `always`; a member needs its type."""

    @st.composite
    def drawn(draw):
        chosen = [each for each in declared if each in always or draw(st.booleans())]
        note = document(
            "x",
            chosen,
            draw(st.lists(st.sampled_from(referred), max_size=6)) if chosen else [],
            draw(st.lists(st.sampled_from(bound), max_size=4)),
            draw(st.lists(st.sampled_from(typed), max_size=3)) if typed and chosen else [],
            draw(st.sampled_from(packages)),
            draw(st.sampled_from(settings)),
        )
        return note.code_map

    return drawn()


def settings(**values):
    return json.dumps(values)


def notes(pattern, **parts):
    """The pattern with all combinations of its parts."""
    found = [pattern]
    for name, values in parts.items():
        found = [each.replace(name, value) for each in found for value in values]
    return found


PYTHON = World(
    paths=(
        "p/a.py",
        "p/b.py",
        "p/__init__.py",
        "p/q/a.py",
        "q/a.py",
        "q/__init__.py",
        "a.py",
        "p/a.pyi",
        "test_c.py",
    ),
    languages=("python", "python", "python", "python", "ruby"),
    contents=contents(
        declared=(
            "function a",
            "class C",
            "function C.a -> C",
            "function C.b",
            "class D",
            "function D.a -> b",
            "variable v",
        ),
        always=("function a", "class C", "function C.a -> C", "function C.b", "class D"),
        referred=[
            *notes(
                "KIND PATH in INSIDE",
                KIND=("call", "use", "annotate"),
                PATH="a b c a.b b.c self.a self.b ?.c ?.a v.a v.b.c super().a a().b D.a".split(),  # noqa: SIM905
                INSIDE=("", "a", "C", "C.a", "C.b"),
            ),
            *(5 * ["inherit D in C", "inherit a.C in C", "inherit b in C", "inherit C in D"]),
        ],
        bound=notes(
            "export LOCAL = MODULE WHAT",
            LOCAL=("a", "b", "c", "D"),
            MODULE=(".a", ".b", ".", "p.a", "q.a", "p", "q", "a", "json", "p.q", "p.q.a", "..a"),
            WHAT=("a", "b", "c", "D", "*", ""),
        )
        + 3 * notes("- = MODULE *", MODULE=(".a", ".b", "p", "q", "a", "p.q.a"))
        + 2 * notes("export NAME = - NAME", NAME=("a", "b", "C")),
        typed=notes(
            "vSIGNKIND in INSIDE",
            SIGN=(": ", " = ", " := "),
            KIND=("C", "D", "a", "b", "v.a", "self.b", "a.b"),
            INSIDE=("C", "C.a", "a"),
        )
        + notes("self.bSIGNKIND in C", SIGN=(": ", " = ", " := "), KIND=("C", "D", "a", "b", "v.a")),
        settings=("", "", '{"all": ["a"]}', '{"all": ["b", "C", "D"]}'),
    ),
    names=("a", "C", "C.a", "C.b", "D", "D.a"),
)

_PACKAGE = {"name": "acme", "main": "lib/a.ts", "imports": {"#in": "./lib/b.ts"}}
_EXPORTS = {"name": "acme", "exports": {".": "./a.ts", "./*": "./lib/*.ts"}}
_OPTIONS = {"baseUrl": "lib", "paths": {"x/*": ["*"], "x": ["a.ts", "../b.ts"]}}

TYPESCRIPT = World(
    paths=(
        "a.ts",
        "b.ts",
        "index.ts",
        "lib/index.ts",
        "lib/a.ts",
        "lib/b.ts",
        "lib/b.test.ts",
        "lib/a.js",
        "package.json",
        "lib/package.json",
        "tsconfig.json",
        "lib/tsconfig.json",
    ),
    languages=("typescript",),
    contents=contents(
        declared=(
            "function a",
            "class C",
            "method C.a -> C",
            "method C.b",
            "class D as default",
            "method D.a",
            "function b",
            "interface D",
        ),
        always=("function a", "class C", "method C.a -> C", "class D as default"),
        referred=[
            *notes(
                "KIND PATH in INSIDE",
                KIND=("call", "use", "annotate"),
                PATH="a b c ns.a ns.C this.a this.b ?.a ?.b v.a c.a C.a D.a e f".split(),  # noqa: SIM905
                INSIDE=("", "a", "C.a"),
            ),
            *(3 * ["inherit D in C", "inherit c in C", "inherit ns.D in C", "new c in a"]),
        ],
        bound=[
            *notes(
                "export LOCAL = MODULE WHAT",
                LOCAL=("a", "c", "default"),
                MODULE=("./a", "./b", ".", "./lib", "./lib/a", "../a", "acme", "x", "lib/a"),
                WHAT=("a", "C", "default", ""),
            ),
            *notes(
                "e = MODULE a",
                MODULE=("acme", "acme/a", "acme/b", "x", "x/a", "#in", "a", "@/a", "./index", "b"),
            ),
            *notes("f = MODULE default", MODULE=("acme", "x", "./a", "./lib", "..", ".")),
            *(5 * notes("export - = MODULE *", MODULE=("./a", "./b", "./lib", "..", "./lib/a"))),
            *(5 * notes("ns = MODULE *", MODULE=("./a", "./b", "./lib", "acme", "."))),
        ],
        typed=notes(
            "vSIGNKIND in INSIDE", SIGN=(": ", " = "), KIND=("C", "D", "c", "ns.C"), INSIDE=("a", "C.a")
        ),
        settings=(
            "",
            "",
            settings(package=_PACKAGE),
            settings(package=_EXPORTS),
            settings(tsconfig={"compilerOptions": _OPTIONS}),
            settings(tsconfig={"compilerOptions": {"baseUrl": "."}}),
            settings(tsconfig={"extends": "../tsconfig.json"}),
        ),
    ),
    names=("a", "C", "C.a", "D", "D.a", "b"),
)

GO = World(
    paths=("go.mod", "p/a.go", "p/b.go", "p/a_test.go", "q/a.go", "main.go", "t/go.mod"),
    languages=("go",),
    contents=contents(
        declared=(
            "struct C",
            "method C.a -> C",
            "interface D",
            "method D.a",
            "function a -> C",
            "method C.b",
        ),
        always=("struct C", "function a -> C"),
        referred=[
            *notes(
                "call PATH in INSIDE",
                PATH=("a", "C", "p.a", "q.a", "v.a", "v.b", "?.a", "a().b", "p.C", "b.a"),
                INSIDE=("a", ""),
            ),
            "inherit D in C",
            "inherit p.D in C",
            "use p.C in a",
        ],
        bound=notes(
            "LOCAL = MODULE ",
            LOCAL=("p", "q", "-"),
            MODULE=("x.com/s/p", "x.com/s/q", "x.com/t/p", "x.com/s", "fmt"),
        )
        + 2 * notes("- = MODULE *", MODULE=("x.com/s/p", "x.com/t/q")),
        typed=notes("vSIGNKIND in a", SIGN=(": ", " = "), KIND=("C", "D", "p.C", "p.a", "a")),
        packages=("p", "q", "b", "p_test"),
        settings=(
            "",
            "",
            settings(gomod={"module": "x.com/s"}),
            settings(gomod={"module": "x.com/t"}),
            settings(gomod={"module": "x.com/s", "replace": {"x.com/t": "x.com/s"}}),
        ),
    ),
    names=("a", "C", "C.a", "C.b", "D", "D.a"),
)

JAVA = World(
    paths=("p/C.java", "p/D.java", "q/C.java", "q/D.java", "src/test/java/CTest.java"),
    languages=("java",),
    contents=contents(
        declared=(
            "class C",
            "method C.a -> C",
            "method C.b",
            "class C.E",
            "method C.E.a",
            "class D",
            "method D.a",
        ),
        always=("class C", "method C.b", "class D", "class C.E"),
        referred=[
            *notes(
                "call PATH in C.b",
                PATH=("a", "this.a", "v.a", "C.a", "p.C.a", "q.D.a", "?.a", "E.a", "super.a", "D.a"),
            ),
            *(3 * notes("KIND NAME in C", KIND=("inherit", "new"), NAME=("D", "E", "q.D"))),
        ],
        bound=[
            "C = p C",
            "C = q.C ",
            "D = q D",
            "E = p.C E",
            "E = q.C.E ",
            "- = p *",
            "- = q *",
            "- = p.C *",
        ],
        typed=notes("vSIGNKIND in C.b", SIGN=(": ", " = "), KIND=("C", "D", "E", "a")),
        packages=("p", "q", "p.q"),
    ),
    names=("C", "C.a", "C.b", "D", "D.a", "E"),
)

OTHERS = World(
    paths=("a.rb", "lib/a.rb", "lib/b.rb", "test/a.rb", "lib/C.rb"),
    languages=("ruby", "ruby", "python"),
    contents=contents(
        declared=("class C", "method C.a -> C", "method C.b", "class D", "method D.a", "function a"),
        always=("class C", "method C.b"),
        referred=notes("KIND PATH in C.b", KIND=("call", "use"), PATH=("a", "v.a", "?.a", "C", "D", "self.a"))
        + 3 * ["inherit D in C"],
        bound=["C = lib/C C", "D = p.q D", "D = lib/b D", "a = b a"],
        typed=notes("vSIGNKIND in C.b", SIGN=(": ", " = "), KIND=("C", "D", "a")),
        packages=("", "p", "p.q"),
    ),
    names=("C", "C.a", "C.b", "D", "D.a", "a"),
)
