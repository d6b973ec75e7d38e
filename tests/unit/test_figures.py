"""The figures that the pages of reference name, against the constants of the code."""

import pytest

from archon.contracts.json_values import DEEPEST
from archon.events.tail import REPLAYED
from archon.runtime.contents import MOST_FORMER
from archon.runtime.http.half_sent import HEAD_SECONDS, PIECE_SECONDS
from archon.runtime.kafka.record_batches import UNPACKED_BYTES
from archon.stores.graph.unenriched import LIVE_FOR
from archon.stores.vectors.search import PER_DOCUMENT
from bridge.deletions.routes import LONGEST_WAIT
from bridge.requests.access import BYTES_A_REQUEST
from intelligence.adapters.outline import KEYS_LIMIT
from intelligence.analysis import chunks, markdown
from intelligence.analysis.analyser import ENTITIES_LIMIT
from intelligence.analysis.fitness import NESTED_BRACKETS, PARSED_CHARACTERS
from intelligence.app import BODY_DOCUMENTS
from intelligence.embedding import terms
from intelligence.embedding.vectors import DIMENSIONS
from intelligence.measures import duplication, scores
from intelligence.measures.findings import FINDINGS_PER_RULE
from intelligence.syntax.tree import DEPTH_LIMIT
from kafka_ingress.pace import MOST, READY
from kafka_ingress.poison import HEADER_BYTES
from tests.pages import ROOT

WORDS = {2: "two", 3: "three", 6: "six", 10: "ten"}
FIGURES = {
    "analysis": (
        f"{ENTITIES_LIMIT:,} entities, {KEYS_LIMIT:,} in data files, {DEPTH_LIMIT} nesting levels",
        f"{PARSED_CHARACTERS:,} characters, 1 % control characters, {NESTED_BRACKETS} open brackets",
        f"{markdown.MOST_LINES:,} lines of Markdown",
        f"or {BODY_DOCUMENTS} times as much per body",
        f"a window of {chunks.WINDOW_LINES} other lines",
        f"the {chunks.SYMBOLS_LIMIT} longest symbols and {chunks.WINDOWS_LIMIT} windows",
        f"terms of its first {chunks.LEXICAL_CHARACTERS:,} characters",
        f"{DIMENSIONS} dimensions",
        f"at most {FINDINGS_PER_RULE} times per document",
        f"windows of {duplication.WINDOW} tokens",
        f"functions of at most {scores.LONG_FUNCTION} lines",
        f"sections of at most {scores.LONG_SECTION} lines",
        f"with the limit {scores.COMPLEX})",
        f"with the limit {scores.HARD_TO_FOLLOW})",
    ),
    "backfill": (f"for over {WORDS[LIVE_FOR.seconds // 60]} minutes",),
    "deletion": (f"after {LONGEST_WAIT:g} seconds",),
    "failures": (f"while {READY} tasks wait in Temporal, or up to {MOST:,} if",),
    "schemas": (f"{DEEPEST} levels",),
    "search": (
        f"At most {WORDS[PER_DOCUMENT]} hits come from one document, or half of a longer list",
        f"at most {chunks.SYMBOLS_LIMIT + chunks.WINDOWS_LIMIT} per document",
        f"name counts {WORDS[int(terms.NAME_WEIGHT)]} times",
    ),
    "security": (
        f"{HEAD_SECONDS:g} s for the headers, {PIECE_SECONDS:g} s for each piece of a body",
        f"{MOST_FORMER} former contents",
        f"replays read {REPLAYED:,.0f} records a second",
        f"{UNPACKED_BYTES >> 20} MiB per batch, {HEADER_BYTES >> 10} KiB of headers",
        f"each {BYTES_A_REQUEST >> 10} KiB counts as a request",
    ),
}


@pytest.mark.parametrize(
    ("page", "figure"), [(page, figure) for page, figures in FIGURES.items() for figure in figures]
)
def test_a_page_names_the_figure_of_the_code(page: str, figure: str) -> None:
    assert figure in " ".join((ROOT / f"docs/{page}.md").read_text().split())
