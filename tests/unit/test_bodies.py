"""The own lines of an entity."""

from archon.contracts.analysis import Entity
from archon.contracts.text.entity_hashes import hashed

TEXT = """class A:
    x = 1

    def f(self):
        return 1

    def g(self):
        return 2
"""


def entity(name: str, start: int, end: int, **more: str) -> Entity:
    return Entity(kind="function", name=name, qualified_name=name, start_line=start, end_line=end, **more)


OF_TEXT = [entity("A", 1, 8), entity("A.f", 4, 5), entity("A.g", 7, 8)]


def changed(before: str, after: str, entities: list[Entity]) -> list[str]:
    pairs = zip(hashed(entities, before), hashed(entities, after), strict=True)
    return [one.name for one, other in pairs if one.body_hash != other.body_hash]


def test_a_method_that_changes_leaves_its_class_as_it_was() -> None:
    assert changed(TEXT, TEXT.replace("return 1", "return 9"), OF_TEXT) == ["A.f"]


def test_a_class_changes_by_its_own_lines() -> None:
    assert changed(TEXT, TEXT.replace("x = 1", "x = 9"), OF_TEXT) == ["A"]


def test_entities_on_one_line_change_together() -> None:
    both = [entity("a", 1, 1), entity("b", 1, 1)]
    assert changed("a(){1} b(){2}", "a(){9} b(){2}", both) == ["a", "b"]


def test_moving_changes_nothing() -> None:
    below = [
        each.model_copy(update={"start_line": each.start_line + 1, "end_line": each.end_line + 1})
        for each in OF_TEXT
    ]
    before = [each.body_hash for each in hashed(OF_TEXT, TEXT)]
    assert [each.body_hash for each in hashed(below, "\n" + TEXT)] == before


def test_the_services_own_hash_stays() -> None:
    (found,) = hashed([entity("f", 1, 1, body_hash="its")], "x")
    assert found.body_hash == "its"


def test_lines_beyond_the_text_belong_to_no_entity() -> None:
    (found,) = hashed([entity("f", 5, 9)], "x")
    assert found.body_hash
