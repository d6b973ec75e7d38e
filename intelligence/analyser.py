"""In: one document's text and language. Out: its analysis; a pure function of both, never of the path.

Runs in a worker process. What cannot be parsed is still measured and embedded.
"""

from functools import cache
from importlib.resources import files
from typing import Final

from blake3 import blake3

from archon.contracts.analysis import AnalysisResult, Entity, Finding, Relationship
from archon.contracts.types import EnrichmentType
from intelligence import code, findings, markdown, scores
from intelligence.adapters import READERS
from intelligence.embedding import digest, embed
from intelligence.fitness import is_fit
from intelligence.grammar import grammars
from intelligence.syntax import ERRORS_LIMIT, parse

RELEASE: Final = "3"
"""To be raised when the code here changes what it finds; rules and languages count by themselves."""
ENTITIES_LIMIT: Final = 20_000


@cache
def analyser_version() -> str:
    """Changes whenever an analysis may come out otherwise."""
    digest_ = blake3()
    for directory in ("languages", "rules"):
        for file in sorted(files(__package__).joinpath(directory).iterdir(), key=lambda each: each.name):
            digest_.update(file.read_bytes())
    return f"{RELEASE}-{digest_.hexdigest()[:12]}"


class Analysis:
    """What has been found so far of one document."""

    def __init__(self) -> None:
        self.entities: list[Entity] = []
        self.relationships: list[Relationship] = []
        self.patterns: list[Finding] = []
        self.anti_patterns: list[Finding] = []
        self.quality: float | None = None
        self.complexity: float | None = None
        self.statistics: dict[str, float] = {}


def analyse(text: str, language: str | None, kind: EnrichmentType) -> AnalysisResult:
    """Analyse `text`; parts that `kind` does not ask for are left empty."""
    found = _read(text, language)
    whole = kind.whole
    with_entities = kind is not EnrichmentType.QUALITY_ONLY
    with_quality = kind is not EnrichmentType.ENTITIES_ONLY
    return AnalysisResult(
        entities_extracted=len(found.entities) if with_entities else 0,
        quality_score=found.quality if with_quality else None,
        complexity_score=found.complexity if with_quality else None,
        patterns_detected=_rule_ids(found.patterns) if with_quality else [],
        anti_patterns_detected=_rule_ids(found.anti_patterns) if with_quality else [],
        entities=found.entities if with_entities else [],
        relationships=found.relationships if with_entities else [],
        findings=[*found.patterns, *found.anti_patterns] if with_quality else [],
        embedding=embed([digest(text, found.entities)])[0] if whole else None,
        analyser_version=analyser_version(),
        statistics={name: round(value, 4) for name, value in found.statistics.items()},
    )


def _read(text: str, language: str | None) -> Analysis:
    found = Analysis()
    if language is None or not is_fit(text):
        found.statistics = scores.text_statistics(text)
    elif language in grammars():
        _read_code(found, text, language)
    elif language in READERS:
        _read_keys(found, text, language)
    elif language == "markdown":
        found.entities = markdown.entities(text)[:ENTITIES_LIMIT]
        found.statistics = scores.prose_statistics(text, found.entities)
        found.quality = scores.prose_quality(found.statistics)
    else:
        found.statistics = scores.text_statistics(text)
    return found


def _read_keys(found: Analysis, text: str, language: str) -> None:
    outline = READERS[language](text)
    found.entities = outline.entities()
    found.relationships = outline.relationships
    found.statistics = scores.text_statistics(text)
    found.statistics["syntax_errors"] = min(outline.syntax_errors, ERRORS_LIMIT)


def _read_code(found: Analysis, text: str, language: str) -> None:
    language = grammars()[language].language_of(text, language)
    tree = parse(text, language, grammars()[language])
    found.entities = code.entities(tree)[:ENTITIES_LIMIT]
    found.relationships = code.relationships(tree)
    found.patterns, found.anti_patterns = findings.find(tree)
    found.statistics = scores.code_statistics(tree, text, found.anti_patterns)
    found.statistics["syntax_errors"] = tree.errors
    found.quality = scores.code_quality(found.statistics)
    found.complexity = scores.code_complexity(found.statistics)


def _rule_ids(found: list[Finding]) -> list[str]:
    return list(dict.fromkeys(item.rule for item in found))


def warm_up() -> None:
    """Load model, grammars and rules, so that the first document does not wait for them."""
    for language in grammars():
        analyse("x = 1", language, EnrichmentType.FULL)
