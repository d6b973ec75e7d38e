"""In: pages of edits of a small project, in any order. Out: after each, the answers of an index that has seen
only the result."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archon.contracts.errors import NotFoundError
from archon.references.answers.contents import contents_of
from archon.references.answers.find import find
from archon.references.answers.impact import Change, impact_of
from archon.references.answers.outline import outline
from archon.references.answers.pages import Page
from archon.references.answers.relations import callees_of, callers_of, implementers_of, importers_of
from archon.references.answers.show import show
from archon.references.edges.survey import Survey
from archon.references.port import Changes, Filters
from archon.references.project import Project
from tests.examples import examples
from tests.unit.references.maps import FRESH, around, changed
from tests.unit.references.worlds import GO, JAVA, OTHERS, PYTHON, TYPESCRIPT

ALL = Page(1000)


def edits(world):
    """What happens to which document; several at once form a page."""
    edit = st.tuples(
        st.sampled_from(("put", "put", "edit", "edit", "edit", "move", "delete")),
        st.integers(0, 6),
        st.sampled_from(world.paths),
        st.sampled_from(world.languages),
        world.contents,
    )
    return st.lists(st.lists(edit, min_size=1, max_size=3), min_size=2, max_size=6)


@pytest.mark.parametrize(
    "world", [PYTHON, TYPESCRIPT, GO, JAVA, OTHERS], ids=["py", "ts", "go", "java", "rb"]
)
@settings(max_examples=examples(24), suppress_health_check=list(HealthCheck))
@given(st.data(), st.randoms(use_true_random=False))
def test_answers_depend_on_what_the_documents_say_now_alone(world, data, chance):
    present = {}
    index = Project("p")
    for page in data.draw(edits(world)):
        index.apply(changes(page, present))
        fresh = Project("p")
        fresh.apply(Changes(chance.sample(list(present.values()), len(present)), [], "", FRESH))
        known, expected = answers(index, world, chance), answers(fresh, world, chance)
        assert known == expected, {key for key in known if known[key] != expected[key]}
        assert index.store.counts() == fresh.store.counts()


def changes(page, present):
    """Applies the edits to `present`, too. A document may occur twice."""
    documents, gone = [], []
    for what, number, path, language, code in page:
        former = present.get(number)
        if what == "put" or (what in {"edit", "move"} and former):
            place = (former.file_path, former.language) if what == "edit" else (path, language)
            kept = former.code_map if what == "move" else code
            present[number] = changed(place[0], kept, place[1], f"document {number}")
            documents.append(present[number])
        elif former:
            gone.append(present.pop(number).document_id)
            documents = [each for each in documents if each.document_id != former.document_id]
    return Changes(documents, gone, "", FRESH)


def answers(index, world, chance):
    """Every question about every name and path, asked in any order."""
    questions = {}
    for each in world.names:
        for ask in (callers_of, callees_of, implementers_of):
            name = f"{ask.__name__} {each}"
            questions[name] = lambda ask=ask, each=each: ask(index, each, around(3))
        questions[f"importers {each}"] = lambda each=each: importers_of(index, each, None, around())
        questions[f"impact {each}"] = lambda each=each: impact_of(index, Change([each]), around(3))
        questions[f"show {each}"] = lambda each=each: show(index, each, ALL)
    for path in world.paths:
        questions[path] = lambda path=path: importers_of(index, None, path, around(3))
        questions[f"impact {path}"] = lambda path=path: impact_of(index, Change(paths=[path]), around(3))
    questions["find"] = lambda: find(index, "C.*", Filters(tests=False), ALL)
    questions["outline"] = lambda: surveyed(index)
    found = {key: answer(questions[key]) for key in chance.sample(sorted(questions), len(questions))}
    return {**found, "contents": contents_of(index, world.paths)}


def surveyed(index):
    survey = Survey(index)
    survey.go_on(1000)
    return outline(index, survey, 1000)


def answer(ask):
    try:
        return ask()
    except NotFoundError as error:
        return str(error)
