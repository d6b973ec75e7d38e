"""In: edits of a small project in any order. Out: the answers of an index that has seen only the result."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archon.contracts.errors import NotFoundError
from archon.references.answers.find import find
from archon.references.answers.impact import Change, impact_of
from archon.references.answers.outline import outline
from archon.references.answers.pages import Page
from archon.references.answers.relations import callees_of, callers_of, implementers_of, importers_of
from archon.references.edges.survey import Survey
from archon.references.port import Changes, Filters
from archon.references.project import Project
from tests.unit.references.maps import FRESH, around, changed, document

NAMES = ("a", "b", "c")
PATHS = ("p/a.py", "p/b.py", "p/__init__.py", "q/a.py", "q/__init__.py", "a.py", "test_c.py")
MODULES = (".a", ".b", ".", "p.a", "q.a", "p", "q", "a", "json")

name = st.sampled_from(NAMES)
bound = st.builds(
    lambda local, module, what: f"export {local} = {module} {what}",
    name,
    st.sampled_from(MODULES),
    st.sampled_from((*NAMES, "*", "")),
)
referred = st.builds(
    lambda kind, path, inside: f"{kind} {path} in {inside}",
    st.sampled_from(("call", "use", "annotate")),
    st.sampled_from(
        ("a", "b", "c", "a.b", "b.c", "self.a", "self.b", "?.c", "v.a", "v.b.c", "super().a", "a().b")
    ),
    st.sampled_from(("", "a", "C", "C.a", "C.b")),
)
typed = st.builds(
    lambda variable, sign, kind, inside: f"{variable} {sign} {kind} in {inside}".replace(
        " :", ":", sign == ":"
    ),
    st.sampled_from(("v", "self.b")),
    st.sampled_from((":", "=", ":=")),
    st.sampled_from(("C", "D", "a", "b", "v.a", "self.b", "a.b")),
    st.sampled_from(("C", "C.a", "a")),
)
base = st.sampled_from(("inherit D in C", "inherit a.C in C", "inherit b in C", "inherit C in D"))
DECLARED = ("function a", "class C", "function C.a -> C", "function C.b", "class D", "function D.a -> b")


@st.composite
def contents(draw):
    note = document(
        "x.py",
        [each for each in DECLARED if not each.startswith("function D") or draw(st.booleans())],
        draw(st.lists(st.one_of(referred, base), max_size=6)),
        draw(st.lists(bound, max_size=4)),
        draw(st.lists(typed, max_size=3)),
    )
    return note.code


edit = st.tuples(
    st.sampled_from(("put", "put", "put", "move", "delete")),
    st.integers(0, 5),
    st.sampled_from(PATHS),
    contents(),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(edit, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_answers_depend_on_what_the_documents_say_now_alone(edits, chance):
    present = {}
    index = Project("p")
    for what, number, path, code in edits:
        gone, documents = [], []
        if what == "put" or (what == "move" and number in present):
            kept = present[number].code if what == "move" else code
            present[number] = changed(path, kept, "python", f"document {number}")
            documents = [present[number]]
        elif number in present:
            gone = [present.pop(number).document_id]
        index.apply(Changes(documents, gone, "", FRESH))
        if chance.random() < 0.5:
            answers(index, chance)
    fresh = Project("p")
    rest = list(present.values())
    chance.shuffle(rest)
    fresh.apply(Changes(rest, [], "", FRESH))
    assert answers(index, chance) == answers(fresh, chance)
    assert index.store.counts() == fresh.store.counts()


def answers(index, chance):
    """Every question about every name, asked in any order."""
    questions = {
        f"{ask.__name__} {each} {depth}": (ask, each, depth)
        for ask in (callers_of, callees_of, implementers_of)
        for each in ("a", "C", "C.a", "C.b", "D", "D.a")
        for depth in (1, 3)
    }
    found = {}
    for key in chance.sample(sorted(questions), len(questions)):
        ask, each, depth = questions[key]
        found[key] = answer(lambda ask=ask, each=each, depth=depth: ask(index, each, around(depth)))
    for path in PATHS:
        found[path] = answer(lambda path=path: importers_of(index, None, path, around(3)))
        found[f"impact {path}"] = answer(lambda path=path: impact_of(index, Change(paths=[path]), around(3)))
    found["find"] = answer(lambda: find(index, "*", Filters(), Page(1000)))
    survey = Survey(index)
    survey.go_on(1000)
    found["outline"] = answer(lambda: outline(index, survey, 1000))
    return dict(sorted(found.items()))


def answer(ask):
    try:
        return ask().model_dump()
    except NotFoundError as error:
        return str(error)
