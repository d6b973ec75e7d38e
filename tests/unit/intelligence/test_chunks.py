"""The lines of a document's chunks."""

import random
from itertools import pairwise

import pytest

from archon.contracts.analysis import AnalysisResult, Chunk, Entity
from archon.contracts.text.chunks import searchable
from archon.contracts.types import EnrichmentType
from intelligence.analysis import chunks
from intelligence.analysis.analyser import analyse, draft
from intelligence.analysis.chunks import chunked
from intelligence.embedding import terms

PYTHON = '''"""Reads things."""

LIMIT = 3


class Reader:
    """Reads."""

    path: str

    def read(self):
        def inner():
            return zebra
        return inner()


def main():
    return Reader()
'''
MARKDOWN = "Before.\n\n# Top\n\nOf the top.\n\n## Part\n\n```python\nx = 1\n```\n\n## Other\n\n[a](b)\n"


def chunks_of(text: str, language: str | None) -> list[tuple[str | None, str, int, int]]:
    found = analyse(text, language, EnrichmentType.FULL).chunks
    return [(each.symbol, each.kind, each.start_line, each.end_line) for each in found]


def test_each_symbol_and_what_is_none_is_a_chunk() -> None:
    assert chunks_of(PYTHON, "python") == [
        (None, "document", 1, 3),
        ("Reader", "class", 6, 14),
        ("Reader.read", "method", 11, 14),
        ("Reader.read.inner", "function", 12, 13),
        ("main", "function", 17, 18),
    ]


def test_a_symbol_has_its_own_lines_and_its_name() -> None:
    entities = analyse(PYTHON, "python", EnrichmentType.FULL).entities
    by_symbol = {each.chunk.symbol: each for each in chunked(PYTHON, entities)}
    assert "zebra" in by_symbol["Reader.read.inner"].text
    assert "zebra" not in by_symbol["Reader.read"].text
    assert "path: str" in by_symbol["Reader"].text
    assert by_symbol["Reader.read"].text.startswith("Reader.read\n")
    found = by_symbol["Reader.read"].chunk.terms
    assert found is not None
    assert terms.index_of("reader") in found.indices
    assert terms.index_of("zebra") not in found.indices


def test_sections_are_chunks_with_their_code_and_links() -> None:
    assert chunks_of(MARKDOWN, "markdown") == [
        (None, "document", 1, 1),
        ("Top", "heading", 3, 15),
        ("Top > Part", "heading", 7, 12),
        ("Top > Other", "heading", 13, 15),
    ]


def test_the_keys_of_a_data_file_are_chunks_where_they_are_of_a_size() -> None:
    service = "  {name}:\n    image: one\n    ports:\n      - 1\n      - 2\n"
    text = "version: 3\nservices:\n" + "".join(service.format(name=f"s{number}") for number in range(15))
    found = chunks_of(text, "yaml")
    assert [symbol for symbol, *_ in found if symbol] == [f"services.s{number}" for number in range(15)]
    assert found[0] == (None, "document", 1, 2)


@pytest.mark.parametrize("language", ["ini", None])
def test_a_document_without_symbols_falls_into_windows(language: str | None) -> None:
    lines = 2 * chunks.WINDOW_LINES + 1
    found = analyse("".join(f"key{n} = {n}\n" for n in range(lines)), language, EnrichmentType.FULL).chunks
    assert [(each.symbol, each.ordinal, each.start_line) for each in found] == [
        (None, 0, 1),
        (None, 1, chunks.WINDOW_LINES + 1),
        (None, 2, 2 * chunks.WINDOW_LINES + 1),
    ]


@pytest.mark.parametrize("text", ["", "\n\n", "  \n---\n"])
def test_a_text_without_words_has_none(text: str) -> None:
    assert analyse(text, None, EnrichmentType.FULL).chunks == []


def test_there_are_never_more_than_the_limits_and_the_longest_symbols_stay() -> None:
    short = "".join(f"def f{number}(): return word{number}\n" for number in range(1000))
    long = "def longest():\n" + "    step()\n" * 50
    found = analyse(short + long, "python", EnrichmentType.FULL).chunks
    symbols = [each.symbol for each in found if each.symbol]
    assert (len(symbols), "longest" in symbols) == (chunks.SYMBOLS_LIMIT, True)
    windows = [each for each in found if each.symbol is None]
    assert len(windows) == -(-(1000 - chunks.SYMBOLS_LIMIT + 1) // chunks.WINDOW_LINES)
    endless = analyse("word\n" * 100_000, None, EnrichmentType.FULL).chunks
    assert len(endless) == chunks.WINDOWS_LIMIT


def test_the_text_of_a_chunk_is_bounded() -> None:
    drafted = chunked("def f():\n" + "    word\n" * 100_000, [entity("f", 1, 100_001)])
    assert max(len(each.text) for each in drafted) <= chunks.DENSE_CHARACTERS


def test_no_line_is_in_two_symbols_of_any_nesting() -> None:
    rng = random.Random(5)
    for _ in range(50):
        bounds = [sorted(rng.sample(range(1, 60), 2)) for _ in range(12)]
        entities = [entity(f"e{number}", *each) for number, each in enumerate(bounds)]
        text = "\n".join(f"line{number}" for number in range(1, 61))
        said = [each.text.split("\n", 2)[2] for each in chunked(text, entities) if each.chunk.symbol]
        lines = [line for each in said for line in each.split()]
        assert len(lines) == len(set(lines))


def test_chunks_are_in_order_and_their_ids_differ() -> None:
    twice = "def f(): pass\ndef f(): return 1\n"
    found = analyse(twice, "python", EnrichmentType.FULL).chunks
    assert [(each.symbol, each.ordinal) for each in found] == [("f", 0), ("f", 1)]
    assert all(one.start_line <= other.start_line for one, other in pairwise(found))


@pytest.mark.parametrize("kind", EnrichmentType)
def test_only_a_whole_enrichment_has_chunks_each_with_both_signals(kind: EnrichmentType) -> None:
    found = analyse(PYTHON, "python", kind)
    assert bool(found.chunks) is bool(draft(PYTHON, "python", kind).texts) is kind.whole
    for each in found.chunks:
        assert each.terms is not None
        assert each.embedding is not None
        assert sum(value * value for value in each.embedding) == pytest.approx(1, abs=1e-3)


def test_a_service_that_knows_no_chunks_is_searched_by_its_documents() -> None:
    whole = five_fields(embedding=[1.0, 0.0], entities=[entity("f", 2, 7)])
    assert [(each.symbol, each.start_line, each.end_line) for each in searchable(whole)] == [(None, 1, 7)]
    assert searchable(whole, 40)[0].end_line == 40
    assert searchable(five_fields()) == []


def test_the_last_chunk_of_a_name_counts_unless_it_lacks_a_signal() -> None:
    first, last = (Chunk(symbol="f", kind="x", start_line=n, end_line=n, embedding=[1.0]) for n in (1, 2))
    nothing = Chunk(symbol="g", kind="x", start_line=1, end_line=1)
    assert searchable(five_fields(chunks=[first, last, nothing])) == [last]


def entity(name: str, start: int, end: int) -> Entity:
    return Entity(kind="function", name=name, qualified_name=name, start_line=start, end_line=end)


def five_fields(**more: object) -> AnalysisResult:
    return AnalysisResult.model_validate(
        {
            "entities_extracted": 0,
            "quality_score": None,
            "complexity_score": None,
            "patterns_detected": [],
            "anti_patterns_detected": [],
            **more,
        }
    )


@pytest.mark.parametrize(
    ("language", "text", "symbol", "lines"),
    [
        ("go", "package pay\n\n// Charge0 takes money.\nfunc Charge0() {}\n", "Charge0", (3, 4)),
        ("python", "x = 1\n\n# Takes money.\n# Twice.\ndef charge():\n    pass\n", "charge", (3, 6)),
        ("javascript", "let x;\n/**\n * Takes money.\n */\nfunction charge() {}\n", "charge", (2, 5)),
        ("java", "class A {\n  // Takes money.\n  @Override\n  void charge() {}\n}\n", "A.charge", (2, 4)),
        ("rust", "/// Takes money.\n#[inline]\nfn charge() {}\n", "charge", (1, 3)),
        ("c", "#include <a.h>\n/* Takes money. */\nint charge(void) { return 1; }\n", "charge", (2, 3)),
        ("ruby", "# Takes money.\ndef charge\n  1\nend\n", "charge", (1, 4)),
        ("php", "<?php\n\n// Takes money.\nfunction charge() {}\n", "charge", (3, 4)),
        ("bash", "#!/bin/bash\n\n# Takes money.\ncharge() {\n  pay\n}\n", "charge", (3, 6)),
        ("sql", "SELECT 1;\n\n-- Takes money.\nCREATE TABLE charge (a int);\n", "charge", (3, 4)),
    ],
)
def test_a_comment_directly_above_belongs_to_the_symbol(
    language: str, text: str, symbol: str, lines: tuple[int, int]
) -> None:
    found = {each.symbol: each for each in analyse(text, language, EnrichmentType.FULL).chunks}
    assert (found[symbol].start_line, found[symbol].end_line) == lines
    assert terms.index_of("money") in (found[symbol].terms or terms.of_query("")).indices
    others = [each for each in found.values() if each.symbol != symbol and each.terms is not None]
    assert not any(terms.index_of("money") in each.terms.indices for each in others if each.terms)


def test_a_comment_apart_from_a_symbol_is_not_the_symbols() -> None:
    assert ("f", "function", 3, 4) in chunks_of("# Of the module.\n\ndef f():\n    pass\n", "python")
    assert ("g", "function", 3, 3) in chunks_of("def f(): pass\nx = 1  # of x\ndef g(): pass\n", "python")


def test_columns_tell_apart_the_symbols_of_a_line() -> None:
    text = "function alpha(){return zebra}function beta(){function inner(){tarpon()}pike()}\n"
    drafts = analyse(text, "javascript", EnrichmentType.FULL).chunks
    found = {
        each.symbol: (each.start_line, each.start_column, set(each.terms.indices))
        for each in drafts
        if each.terms
    }
    assert {symbol: (line, column) for symbol, (line, column, _) in found.items()} == {
        "alpha": (1, 1),
        "beta": (1, text.index("function beta") + 1),
        "beta.inner": (1, text.index("function inner") + 1),
    }
    of = {
        word: {symbol for symbol, (*_, said) in found.items() if terms.index_of(word) in said}
        for word in WORDS
    }
    assert of == {"zebra": {"alpha"}, "tarpon": {"beta.inner"}, "pike": {"beta"}}


WORDS = ("zebra", "tarpon", "pike")


def test_copies_have_equal_hashes_at_any_indentation() -> None:
    body = "def f(a):\n    return a + 1\n"
    indented = "if x:\n" + "".join(f"    {line}\n" for line in body.splitlines())
    one, other, changed = (
        next(each for each in analyse(text, "python", EnrichmentType.FULL).chunks if each.symbol == "f")
        for text in (body, indented, body.replace("1", "2"))
    )
    assert one.body_hash == other.body_hash != changed.body_hash
