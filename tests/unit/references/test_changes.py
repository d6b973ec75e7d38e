"""In: one change of what an answer silently depends on. Out: the answer of a fresh index."""

from archon.references.port import Changes
from tests.unit.references.maps import FRESH, called_by, changed, document, project

STORE = document("s.py", ["class Store", "method Store.save"])
USER = document("user.py", ["function run"], ["call ?.save in run"])


def after(before, change, *, gone=()):
    """Callers of `save` before and after a change, which a fresh index agrees on."""
    index = project(*before)
    first = called_by(index, "save")
    index.apply(Changes(change, gone, "2", FRESH))
    changed_ids = {*gone, *(each.document_id for each in change)}
    rest = [each for each in before if each.document_id not in changed_ids]
    assert called_by(index, "save") == called_by(project(*rest, *change), "save")
    return first.keys(), called_by(index, "save").keys()


def test_a_module_appears_beside_others_of_its_package():
    user = document("user.py", ["function run"], ["call save in run"], ["save = p.a save"])
    there = (user, document("p/b.py"), document("other.py", ["function save"]))
    assert after(there, [document("p/a.py", ["function save"])])[1] == {"run"}


def test_a_directory_becomes_a_namespace():
    user = document("user.py", ["function run"], ["call p.b.save in run"], ["p = p "])
    there = (user, document("other.py", ["function save"]))
    assert after(there, [document("p/b.py", ["function save"])])[1] == {"run"}


def test_a_document_becomes_one_of_the_tests():
    moved = changed("tests/s.py", STORE.code_map, name="s.py")
    assert after((STORE, USER), [moved]) == ({"run"}, set())


def test_a_document_gets_another_language():
    assert after((STORE, USER), [STORE._replace(language="ruby")]) == ({"run"}, set())


def test_a_module_moves_behind_another_of_its_name():
    user = document("q/user.py", ["function run"], ["call save in run"], ["save = a save"])
    there = (user, document("a.py", ["function save"]), document("other.py", ["function save"]))
    _, callers = after(there, [document("q/a.py", ["function save"])])
    assert callers == {"run"}
