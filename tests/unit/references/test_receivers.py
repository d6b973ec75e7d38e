"""In: small projects in which names stand for types in all ways. Out: whether leaving documents out by the
types of their variables leaves out references."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archon.references.edges import edges
from archon.references.edges.edges import Edges
from archon.references.edges.receivers import receiving
from archon.references.index.keys import imported
from archon.references.port import Changes
from archon.references.project import Project
from tests.examples import examples
from tests.unit.references.maps import FRESH, called_by, changed, document, project
from tests.unit.references.worlds import contents, notes

SURER_THAN_GUESSES = 0.7
STORE = ["class C", "method C.save", "method C.same -> Self"]


def calling(path, bound=(), typed=()):
    return document(path, ["function f"], ["call v.save in f"], bound, typed)


def others(suffix):
    """Documents with variables of other types, so that it is worth telling them apart."""
    return [
        document(f"other{each}.{suffix}", ["class Z", "function g"], ["call v.save in g"], [], ["v: Z in g"])
        for each in range(9)
    ]


@pytest.mark.parametrize(
    ("documents", "caller"),
    [
        ([calling("b.py", ["C = a C"], ["v: C in f"])], "f"),
        ([calling("b.py", ["a = a "], ["v: a.C in f"])], "f"),
        ([calling("b.py", ["K = a C"], ["v = K in f"])], "f"),
        ([document("c.py", [], [], ["K = a C"]), calling("b.py", ["K = c K"], ["v: K in f"])], "f"),
        (
            [
                document("c.py", ["class D"], ["inherit C in D"], ["C = a C"]),
                document("d.py", ["class E"], ["inherit D in E"], ["D = c D"]),
                calling("b.py", ["E = d E"], ["v: E in f"]),
            ],
            "f",
        ),
        (
            [
                document("c.py", ["function make -> C"], [], ["C = a C"]),
                calling("b.py", ["make = c make"], ["v = make in f"]),
            ],
            "f",
        ),
        (
            [
                document("c.py", ["class D"], [], ["C = a C"], ["self.save := C.save in D"]),
                calling("b.py", ["D = c D"], ["v: D in f"]),
            ],
            "f",
        ),
        (
            [
                document("c.py", [], [], ["C = a C"], ["K := C"]),
                calling("b.py", ["K = c K"], ["v = K in f"]),
            ],
            "f",
        ),
        (
            [
                document("c.py", [], [], ["C = a C"], ["d: {}C", "take := d.get"]),
                calling("b.py", ["take = c take"], ["v = take in f"]),
            ],
            "f",
        ),
        (
            [
                document("c.py", ["class D"], ["inherit K in D"], ["C = a C"], ["K := C"]),
                calling("b.py", ["D = c D"], ["v = D in f"]),
            ],
            "f",
        ),
        (
            [
                document("c.ts", ["type K"], [], ["C = ./a C"], [": C in K"]),
                calling("b.ts", ["K = ./c K"], ["v: K in f"]),
            ],
            "f",
        ),
        (
            [
                document("c.ts", ["type K"], [], ["C = ./a C"], [": C in K"]),
                document("d.ts", ["interface D"], ["inherit K in D"], ["K = ./c K"]),
                calling("b.ts", ["D = ./d D"], ["v: D in f"]),
            ],
            "f",
        ),
        (
            [
                document("c.ts", ["function make -> $C"], [], ["$C = ./a C"]),
                calling("b.ts", ["make = ./c make"], ["v = make in f"]),
            ],
            "f",
        ),
        (
            [
                document("c.ts", [], [], ["C = ./a C", "export default = - C"]),
                calling("b.ts", ["K = ./c default"], ["v = K in f"]),
            ],
            "f",
        ),
        (
            [
                document(
                    "b.rb",
                    ["class D", "method D.f"],
                    ["inherit C in D", "call v.save in D.f"],
                    [],
                    ["v = same in D.f"],
                ),
            ],
            "D.f",
        ),
    ],
)
def test_a_type_is_known_under_all_its_names(documents, caller):
    suffix = documents[0].file_path.rpartition(".")[2]
    index = project(document(f"a.{suffix}", STORE), *others(suffix), *documents)
    assert caller in called_by(index, "C.save", least=SURER_THAN_GUESSES)


@pytest.mark.parametrize(
    ("documents", "bound"),
    [
        ([], ["save = a save"]),
        ([], ["save = .a save"]),
        ([document("b.py", [], [], ["save = a save"])], ["save = b save"]),
        ([document("b.py", [], [], ["- = a *"])], ["save = b save"]),
        ([document("b.ipynb", [], [], ["save = a save"], language="notebook")], ["save = b save"]),
        ([document("b.py", [], [], ["keep = a save"])], ["keep = b keep"]),
        ([document("p/__init__.py", [], [], ["save = ..a save"])], ["save = p save"]),
        (
            [
                document("p/__init__.py", [], [], ["- = .b *"]),
                document("p/b.py", [], [], ["save = a save"]),
            ],
            ["save = p save"],
        ),
        ([document("b.py", [], [], ["a = a "], ["save := a.save"])], ["save = b save"]),
    ],
)
def test_a_function_is_known_in_all_modules_that_offer_it(documents, bound):
    name = bound[0].partition(" ")[0]
    caller = document("c.py", ["function f"], [f"call {name} in f"], bound)
    index = project(document("a.py", ["function save"]), *documents, caller)
    assert "f" in called_by(index, "save", least=SURER_THAN_GUESSES)


TYPES = ("C", "D", "E", "X")
NAMES = (*TYPES, "make", "d")
CONTENTS = contents(
    declared=(
        "function f",
        "class C",
        "method C.save",
        "method C.make -> Self",
        "class D",
        "method D.save",
        "class E",
        "function make -> C",
        "function d -> D",
        "type X",
    ),
    always=("function f", "class C", "class D", "class E", "type X"),
    referred=[
        *(12 * ["call v.save in f", "use v.save in f"]),
        *(2 * notes("call NAME in f", NAME=(*NAMES, "d.save"))),
        *notes("inherit BASE in TYPE", BASE=(*NAMES, "a.C"), TYPE=TYPES),
    ],
    bound=[
        *notes("export LOCAL = MODULE NAME", LOCAL=NAMES, MODULE=(".a", "./b"), NAME=NAMES),
        *(3 * notes("export NAME = MODULE NAME", NAME=NAMES, MODULE=("a", ".b", "./a", "p"))),
        *notes("a = MODULE ", MODULE=("a", "./a")),
        *notes("export LOCAL = - NAME", LOCAL=("default", "X"), NAME=NAMES),
        *(3 * notes("- = MODULE *", MODULE=("a", ".b", "./b", "p"))),
    ],
    typed=[
        *(5 * notes("vSIGNTYPE in f", SIGN=(": ", " = "), TYPE=(*NAMES, "a.C"))),
        *notes("NAME := VALUE", NAME=("make", "d"), VALUE=("C", "make", "a.D", "d.get", "C.save")),
        *notes("self.save := VALUE in TYPE", VALUE=("C.save", "d"), TYPE=("D", "E")),
        *notes(": TYPE in X", TYPE=TYPES),
        "d: {}C",
    ],
    packages=("", "p"),
)
PATHS = {
    "py": ("a.py", "b.py", "p/__init__.py", "p/a.py"),
    "ts": ("a.ts", "b.ts", "index.ts", "p/index.ts"),
    "java": ("p/C.java", "p/D.java", "E.java"),
    "go": ("p/a.go", "p/b.go", "a.go"),
    "rb": ("a.rb", "b.rb", "p/a.rb"),
}


@pytest.mark.parametrize("suffix", PATHS)
@settings(max_examples=examples(100), suppress_health_check=list(HealthCheck))
@given(st.data())
def test_no_reference_is_left_out(suffix, data):
    documents = [*others(suffix), *(changed(path, data.draw(CONTENTS)) for path in PATHS[suffix])]
    assert references(documents) == references(documents, all_types=True)


def references(documents, *, all_types=False):
    """The references to each symbol that are surer than a guess."""
    index = Project("p")
    index.apply(Changes(documents, [], "", FRESH))
    symbols = [
        (number, position)
        for number in index.store.numbers()
        for position in range(len(index.store.document(number).code.declarations))
    ]
    with pytest.MonkeyPatch.context() as patch:
        if all_types:
            patch.setattr(edges, "receiving", lambda *given, any_type: receiving(*given, any_type=True))
            patch.setattr(edges, "importing_from", lambda project, _, names: importing(project, names))
        found = Edges(index, SURER_THAN_GUESSES)
        return {
            at: [each for each in found.into([at]) if each.confidence >= SURER_THAN_GUESSES] for at in symbols
        }


def importing(index, names):
    return {number for name in names for _, number in index.store.with_beginning(imported(name))}
