"""docs/words.toml: each rule finds its bad example, and lets its good one pass; where texts are read from."""

from pathlib import Path

import pytest

from tests.prose import Rule, Style, prose, sentences

STYLE = Style.read()
PAGE = """# A heading

A sentence
over two lines. Another, with `told` as code.

```sh
echo told
```
| a cell | [a link](told.md) |
- an item
"""
MODULE = '''"""A module."""

# One comment,
# in two lines.
NAME = "a value"
"""What it is."""


def f(x):  # beside code
    """A function.

    Its second paragraph."""
    return x(help="A help text", other="no text")
'''


@pytest.mark.parametrize("rule", STYLE.rules, ids=lambda rule: rule.find)
def test_a_rule_finds_what_it_is_for(rule: Rule) -> None:
    assert rule.breaks(rule.bad)
    assert not rule.breaks(rule.good)
    assert [each.find for each in STYLE.rules if each.breaks(rule.good)] == []


def test_sentences_of_a_page() -> None:
    assert list(sentences(PAGE)) == [
        (1, "A heading"),
        (3, "A sentence over two lines."),
        (4, "Another, with ······ as code."),
        (9, "a cell"),
        (9, "[a link]"),
        (10, "an item"),
    ]


def test_texts_of_a_module(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(MODULE)
    found = [each for line, text in prose(path) for each in sentences(text, line)]
    assert sorted(found) == [
        (1, "A module."),
        (3, "One comment, in two lines."),
        (6, "What it is."),
        (9, "beside code"),
        (10, "A function."),
        (12, "Its second paragraph."),
        (13, "A help text"),
    ]


def test_the_files_that_are_checked_are_there() -> None:
    for each in (*STYLE.pages, *STYLE.packages):
        assert list(Path(__file__).parents[2].glob(each)), each
