"""The entities found in documents other than code: documents/LANGUAGE.yaml has a document and its expected
entities."""

from pathlib import Path

import pytest
import yaml

from intelligence.adapters import READERS
from intelligence.adapters.outline import KEYS_LIMIT

DOCUMENTS = Path(__file__).parent / "documents"
LANGUAGES = sorted(path.stem for path in DOCUMENTS.glob("*.yaml"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_named(language: str) -> None:
    document = yaml.safe_load((DOCUMENTS / f"{language}.yaml").read_text())
    outline = READERS[language](document["source"])
    entities = outline.entities()
    found = [f"{each.kind} {each.qualified_name} {each.start_line}-{each.end_line}" for each in entities]
    assert found == document["entities"]
    related = [f"{each.source or ''} {each.kind} {each.target}".strip() for each in outline.relationships]
    assert related == document["relationships"]
    assert outline.syntax_errors == 0


def test_every_reader_is_tested() -> None:
    assert set(LANGUAGES) == set(READERS)


@pytest.mark.parametrize(
    ("language", "text", "name"),
    [
        ("json", '{"a": 1, "b": ]}', "a"),
        ("yaml", "a: 1\nb: [\n", "a"),
        ("toml", "a = 1\nno key\n", "a"),
    ],
)
def test_a_broken_document_gives_what_can_be_read(language: str, text: str, name: str) -> None:
    outline = READERS[language](text)
    assert outline.syntax_errors > 0
    assert outline.items[0].name == name


def test_equal_keys_are_numbered_and_the_outermost_come_first() -> None:
    text = '{"a": [' + ",".join('{"b": 1}' for _ in range(KEYS_LIMIT)) + '], "z": 1}'
    entities = READERS["json"](text).entities()
    assert len(entities) == KEYS_LIMIT
    assert [entities[0].qualified_name, entities[-1].qualified_name] == ["a", "z"]
    assert [each.ordinal for each in entities[1:4]] == [0, 1, 2]


def test_aliases_are_not_followed() -> None:
    bomb = "a0: &a0 [x]\n" + "".join(
        f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 9)}]\n" for number in range(1, 100)
    )
    outline = READERS["yaml"](bomb)
    assert sum(each.kind == "reference" for each in outline.items) == 9 * 99
