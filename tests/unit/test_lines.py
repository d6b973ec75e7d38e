"""One definition of a line: for hashes, counts, readers and snippets."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archon.contracts.analysis import Entity
from archon.contracts.text import lines
from archon.contracts.text.entity_hashes import hashed
from archon.contracts.text.lines import Lines, count_lines, is_binary, lines_of
from archon.contracts.types import EnrichmentType
from intelligence.analysis.analyser import analyse

CASES = Path(__file__).parents[1] / "cases"
SOURCE = "def alpha():\n    return 1\n\ndef beta():\n    return 2\n"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("a", ["a"]),
        ("a\n", ["a"]),
        ("a\r", ["a"]),
        ("a\r\nb\rc\nd", ["a", "b", "c", "d"]),
        ("\n\n", ["", ""]),
        ("a\r\r\nb", ["a", "", "b"]),
        ("a\x0bb\x0cc\x85d\u2028e\u2029f\x1cg\n", ["a\x0bb\x0cc\x85d\u2028e\u2029f\x1cg"]),
    ],
)
def test_what_ends_a_line(text: str, lines: list[str]) -> None:
    assert lines_of(text) == lines
    assert count_lines(text) == len(lines)


def bodies(text: str) -> dict[str, str | None]:
    found: list[Entity] = analyse(text, "python", EnrichmentType.ENTITIES_ONLY).entities
    return {each.name: each.body_hash for each in hashed(found, text)}


def test_a_form_feed_moves_no_line() -> None:
    before, after = (bodies((CASES / "05-formfeed" / f"v{version}.py").read_text()) for version in (1, 2))
    assert before["alpha"] == after["alpha"]
    assert before["beta"] != after["beta"]


@pytest.mark.parametrize("sign", ["\x0b", "\x0c", "\x85", "\u2028", "\x1c", "\x1d"])
def test_nothing_else_moves_a_line_either(sign: str) -> None:
    text = f"# a{sign}b\n# c{sign}\n{SOURCE}"
    changed = text.replace("return 2", "return 3")
    assert bodies(text)["alpha"] == bodies(changed)["alpha"]
    assert bodies(text)["beta"] != bodies(changed)["beta"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "language", ["python", "javascript", "markdown", "yaml", "toml", "json", "dockerfile", "sql"]
)
def test_lines_end_in_any_way(language: str, end: str) -> None:
    texts = {
        "python": SOURCE,
        "javascript": "// head\nfunction first() {\n  return 1; // one\n}\nfunction second() {}\n",
        "markdown": "# One\n\ntext\n\n## Two\n\n```sh\nmake\n```\n",
        "yaml": "a:\n  b: 1\nc: 2\n",
        "toml": "a = 1\n[t]\nb = '''\nx\n'''\nc = 2\n",
        "json": '{\n  "a": {\n    "b": 1\n  },\n  "c": 2\n}\n',
        "dockerfile": "# one\nFROM a AS b\nRUN x \\\n  y\nFROM b\n",
        "sql": "-- one\nCREATE TABLE a (\n  b int\n);\nCREATE VIEW c AS\nSELECT 1;\n",
    }
    expected, found = (
        analyse(text, language, EnrichmentType.FULL)
        for text in (texts[language], texts[language].replace("\n", end))
    )
    assert found.entities == expected.entities != []
    assert found.statistics == expected.statistics
    chunks = [
        [(each.start_line, each.end_line, each.terms) for each in of.chunks] for of in (found, expected)
    ]
    assert chunks[0] == chunks[1]


def test_yaml_has_no_other_line_ends() -> None:
    text = "a: 'x\u2028y\x85z'\nb: 1\n"
    found = analyse(text, "yaml", EnrichmentType.FULL)
    assert [(each.name, each.start_line) for each in found.entities] == [("a", 1), ("b", 2)]


def test_files_of_an_old_macintosh_keep_their_lines() -> None:
    found = {}
    for name, language in (("macro.py", "python"), ("old.js", "javascript")):
        text = (CASES / "04-cr-only" / name).read_bytes().decode()
        result = analyse(text, language, EnrichmentType.FULL)
        found[name] = [(each.name, each.start_line, each.end_line) for each in result.entities]
        assert result.not_understood == 0
    assert found == {
        "macro.py": [("first", 3, 5), ("second", 7, 8)],
        "old.js": [("first", 2, 4), ("second", 6, 8)],
    }


@pytest.mark.parametrize("control", ["\0", "\x01", "\x1a", "\x1b", "\x7f"])
def test_control_characters_do_not_reach_parsers(control: str) -> None:
    for text in (
        f"{SOURCE}# {control}\n{control}def gamma():\n    return '{control}'\n",
        f"x = '{control}'\n{SOURCE}",
    ):
        found = analyse(text, "python", EnrichmentType.FULL)
        assert {"alpha", "beta"} <= {each.name for each in found.entities}
        assert found.not_understood == 0
    late = (CASES / "06-nul" / "late-nul.py").read_text()
    assert len(analyse(late, "python", EnrichmentType.FULL).entities) == late.count("def ")


def test_a_byte_order_mark_is_no_part_of_a_text() -> None:
    plain, marked = (analyse(text, "python", EnrichmentType.FULL) for text in (SOURCE, "\ufeff" + SOURCE))
    assert plain == marked


def test_a_few_control_characters_make_no_binary() -> None:
    assert not is_binary("x = '\0'\n# and more\n")
    assert is_binary("\0\1\2")
    assert is_binary("abc\0" * 100)


@given(
    st.text("ab\n\r\u2028", max_size=40),
    st.integers(0, 12),
    st.integers(-1, 12),
    st.integers(0, 50),
    st.sampled_from([1, 2, 3, 4096]),
)
@settings(deadline=None)
def test_a_range_of_lines_is_what_their_list_has(
    text: str, first: int, count: int, most: int, block: int
) -> None:
    last = first + count
    expected = "\n".join(lines_of(text)[max(first - 1, 0) : max(last, 0)])[:most]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lines, "_BLOCK", block)
        assert Lines(text).range(first, last, most) == expected
