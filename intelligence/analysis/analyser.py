"""In: one document's text and language. Out: its analysis, a pure function of both, independent of the path.

Runs in a worker process, except for the embedding of the texts. Text that cannot be parsed is still measured.
"""

import gc
import re
from collections.abc import Collection, Sequence
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from blake3 import blake3

from archon.contracts.analysis import AnalysisResult, Entity, Finding, Relationship
from archon.contracts.code.packing import pack
from archon.contracts.code.references import CodeMap
from archon.contracts.identity import language_named
from archon.contracts.packed import Vector
from archon.contracts.text import notebooks
from archon.contracts.text.entity_hashes import hashed
from archon.contracts.text.languages import language_in
from archon.contracts.text.lines import count_lines, lines_of
from archon.contracts.types import EnrichmentType
from intelligence.adapters import READERS
from intelligence.analysis import cells, code, components, markdown
from intelligence.analysis.chunks import chunked
from intelligence.analysis.fitness import clean, is_fit
from intelligence.analysis.places import placed, renumbered
from intelligence.embedding import vectors as embedding
from intelligence.measures import findings, scores
from intelligence.measures.measures import measure
from intelligence.references.extraction import code_map
from intelligence.references.settings import settings_in
from intelligence.syntax.grammar import grammars
from intelligence.syntax.tree import ERRORS_LIMIT, parse

RELEASE: Final = "8"
"""Increase this when changed code changes results. Changes of rules and languages count by themselves."""
ENTITIES_LIMIT: Final = 20_000
_UNCOMMENTED: Final = frozenset({"json"})
_COMMENT: Final = re.compile(r"\s*(?:#|--|//)")
"""Of a format that is not code."""


@cache
def analyser_version(embedder: str = embedding.IDENTITY) -> str:
    """Changes whenever an analysis may have a different result; `embedder` is the identity of the
    embedder."""
    digest_ = blake3(embedder.encode())
    for directory in ("languages", "rules"):
        for file in sorted(files("intelligence").joinpath(directory).iterdir(), key=lambda each: each.name):
            digest_.update(file.read_bytes())
    return f"{RELEASE}-{digest_.hexdigest()[:12]}"


class Analysis:
    """The results so far for one document."""

    def __init__(self) -> None:
        self.entities: list[Entity] = []
        self.relationships: list[Relationship] = []
        self.patterns: list[Finding] = []
        self.anti_patterns: list[Finding] = []
        self.scores = scores.Scores({})
        self.not_understood = 0
        self.code_map: CodeMap | None = None
        self.language: str | None = None
        """The document's language: a component keeps its own, whatever the language of its scripts."""
        self.text = ""
        """The searched text; its line numbers are those of entities and findings."""
        self.numbers: Sequence[int] | None = None
        """The file's line numbers, if they differ from those of `text`."""
        self.comments: Collection[int] = ()
        """Numbers of the lines of `text` with a comment alone."""
        self.spans: Sequence[tuple[int, int]] = ()
        """Offsets of the entities; empty if some have none."""


class Draft(NamedTuple):
    """An analysis without vectors, and the texts to embed: the document's, and one per chunk."""

    result: AnalysisResult
    texts: Sequence[str]

    def complete(self, vectors: Sequence[Vector], version: str) -> AnalysisResult:
        """The analysis with the vectors of the texts."""
        chunks = [
            chunk.model_copy(update={"embedding": vector})
            for chunk, vector in zip(self.result.chunks, vectors[1:], strict=True)
        ]
        found = {"embedding": vectors[0], "chunks": chunks} if vectors else {}
        return self.result.model_copy(update={**found, "analyser_version": version})


def draft(text: str, language: str | None, kind: EnrichmentType) -> Draft:
    """Analyses `text`; parts that `kind` does not include stay empty."""
    text = clean(text)
    found = _read(text, language_named(language) if language is not None else language_in(text))
    with_entities = kind is not EnrichmentType.QUALITY_ONLY
    with_quality = kind is not EnrichmentType.ENTITIES_ONLY
    chunks = chunked(found.text, found.entities, found.comments, found.spans) if kind.whole else []
    whole = [embedding.digest(found.text, found.entities)] if kind.whole else []
    drafted = [each.chunk for each in chunks]
    if found.numbers is not None:
        found.entities = hashed(found.entities, found.text)
        parts = (*found.scores.quality_parts, *found.scores.complexity_parts)
        places = [each for part in parts for each in part.places]
        findings_ = [*found.patterns, *found.anti_patterns, *places]
        for group in (found.entities, found.relationships, findings_, drafted):
            placed(group, found.numbers)
        found.code_map = renumbered(found.code_map, found.numbers) if found.code_map else None
    result = AnalysisResult(
        entities_extracted=len(found.entities) if with_entities else 0,
        quality_score=found.scores.quality if with_quality else None,
        complexity_score=found.scores.complexity if with_quality else None,
        quality_parts=list(found.scores.quality_parts) if with_quality else [],
        complexity_parts=list(found.scores.complexity_parts) if with_quality else [],
        patterns_detected=_rule_ids(found.patterns) if with_quality else [],
        anti_patterns_detected=_rule_ids(found.anti_patterns) if with_quality else [],
        language=found.language,
        entities=found.entities if with_entities else [],
        relationships=found.relationships if with_entities else [],
        findings=[*found.patterns, *found.anti_patterns] if with_quality else [],
        chunks=drafted,
        not_understood=found.not_understood,
        code_map=pack(found.code_map) if found.code_map is not None and with_entities else None,
        statistics={name: round(value, 4) for name, value in found.scores.statistics.items()},
    )
    return Draft(result, [*whole, *(each.text for each in chunks)])


def analyse(
    text: str, language: str | None, kind: EnrichmentType, version: str | None = None
) -> AnalysisResult:
    """The complete analysis, with the bundled model."""
    drafted = draft(text, language, kind)
    vectors = embedding.embed(drafted.texts) if drafted.texts else []
    return drafted.complete(vectors, version or analyser_version())


def written(text: str, language: str | None, kind: EnrichmentType, version: str) -> bytes:
    """The same as JSON, to leave the process."""
    return as_json(analyse(text, language, kind, version))


def as_json(result: AnalysisResult) -> bytes:
    return result.model_dump_json().encode()


def _read(text: str, language: str | None) -> Analysis:
    found = Analysis()
    found.text, found.language = text, language
    if language == notebooks.LANGUAGE:
        _read_notebook(found, text)
    elif language is None or not is_fit(text):
        found.scores = scores.Scores(scores.text_statistics(text))
        # The text is not parsed at all.
        found.not_understood = count_lines(text) if language in grammars() or language in READERS else 0
    elif language in grammars():
        found.language = _read_code(found, text, language)
    elif language in READERS:
        _read_keys(found, text, language)
    elif language in components.LANGUAGES:
        parts = components.scripts(text, language)
        if parts.code.strip():
            _read_code(found, parts.code, parts.language)
        else:
            found.scores = scores.Scores(scores.text_statistics(text))
        found.not_understood += parts.unread
    elif language == "markdown":
        found.entities = markdown.entities(text, ENTITIES_LIMIT)
        found.not_understood = max(0, count_lines(text) - markdown.MOST_LINES)
        found.scores = scores.of_prose(text, found.entities)
    else:
        found.scores = scores.Scores(scores.text_statistics(text))
    return found


def _read_keys(found: Analysis, text: str, language: str) -> None:
    outline = READERS[language](text)
    found.entities = outline.entities()
    if language not in _UNCOMMENTED and found.entities:
        found.comments = {n for n, line in enumerate(lines_of(text), 1) if _COMMENT.match(line)}
    found.relationships = outline.relationships
    found.scores = scores.Scores(scores.text_statistics(text))
    found.code_map = settings_in(text, language)
    found.scores.statistics["syntax_errors"] = min(outline.syntax_errors, ERRORS_LIMIT)
    found.not_understood = outline.not_understood


def _read_notebook(found: Analysis, text: str) -> None:
    """Code in its kernel's language, prose as Markdown; without either, text without names."""
    parts = cells.read(text)
    if not parts.numbers:
        _read_keys(found, text, "json")
        return
    found.text, found.numbers = parts.whole, parts.numbers
    is_prose = parts.prose.strip() and is_fit(parts.prose)
    prose = markdown.entities(parts.prose, ENTITIES_LIMIT) if is_prose else []
    if parts.code.strip() and is_fit(parts.code):
        _read_code(found, parts.code, parts.language)
    else:
        found.scores = scores.Scores(scores.of_prose(parts.prose, prose).statistics)
    found.spans = ()
    found.entities = sorted([*prose, *found.entities], key=lambda each: each.start_line)[:ENTITIES_LIMIT]
    found.not_understood += parts.unread + parts.broken
    statistics = found.scores.statistics
    statistics["syntax_errors"] = statistics.get("syntax_errors", 0) + parts.broken


def _read_code(found: Analysis, text: str, language: str) -> str:
    """The language that `text` is actually written in."""
    language = grammars()[language].language_of(text, language)
    tree = parse(text, language, grammars()[language])
    found.entities = code.entities(tree)[:ENTITIES_LIMIT]
    found.comments = code.comment_lines(tree)
    found.spans = [(scope.start, scope.end) for scope in tree.scopes[:ENTITIES_LIMIT]]
    found.relationships = code.relationships(tree)
    found.code_map = code_map(tree, found.relationships)
    measures = measure(tree, found.relationships)
    found.patterns, found.anti_patterns = findings.find(tree, measures)
    found.scores = scores.of_code(tree, measures, found.anti_patterns)
    found.not_understood = tree.not_understood
    return tree.language


def _rule_ids(found: list[Finding]) -> list[str]:
    return list(dict.fromkeys(item.rule for item in found))


def warm_up() -> None:
    """Loads model, grammars and rules, so that the first document does not wait for them."""
    for language in grammars():
        analyse("x = 1", language, EnrichmentType.FULL)
    # All of this is permanent: garbage collection need not scan it again.
    gc.collect()
    gc.freeze()
