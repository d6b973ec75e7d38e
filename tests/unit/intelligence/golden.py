"""In: the sources of the tests, and the examples of the rules. Out: a short record of each analysis.

`python -m tests.unit.intelligence.golden` records it again, after an intended change of results.
"""

import json
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from blake3 import blake3

from archon.contracts.analysis import AnalysisResult
from archon.contracts.types import EnrichmentType
from intelligence.analysis.analyser import analyse
from intelligence.measures.findings import rule_sets

HERE = Path(__file__).parent
RECORDED = HERE / "golden.json"
MARKDOWN = """---
title: x
---
# Store of documents

Reads [one](https://example.org/a) and keeps it.

## How fetchAll works

```python
fetch_all(limit=3)
```

```
no language
```
"""


def sources() -> Iterator[tuple[str, str, str]]:
    """A name, a language and a text. Each source also appears three times in one text, and cut."""
    for folder in ("sources", "documents"):
        for path in sorted((HERE / folder).glob("*.yaml")):
            text = yaml.load(path.read_text(), yaml.CSafeLoader)["source"]
            yield path.stem, path.stem, text
            yield f"{path.stem}, repeated and cut", path.stem, text * 2 + text[: len(text) * 2 // 3]
    yield "markdown", "markdown", MARKDOWN
    yield "plain", "plain", MARKDOWN * 40


def examples() -> Iterator[tuple[str, str, Sequence[str]]]:
    """A rule, a language and the rule's examples."""
    for each in rule_sets():
        for rule in each.rules:
            for language in each.languages:
                yield f"{language} {rule.id}", language, [*rule.positive, *rule.negative]


def record(language: str, text: str) -> dict[str, Any]:
    """A record of a complete analysis: figures if they are few, otherwise a digest; vectors as numbers from
    -127 to 127."""
    result = analyse(text, language, EnrichmentType.FULL)
    of = result.model_dump()
    vectors = np.array([chunk.embedding for chunk in result.chunks], dtype=float)
    order = np.arange(1, len(vectors) + 1)
    return {
        "scores": [result.quality_score, result.complexity_score],
        "parts": [
            f"{each.measure} {each.value:g} {each.effect:+g}"
            for each in (*result.quality_parts, *result.complexity_parts)
        ],
        "statistics": result.statistics,
        "findings": [f"{each.rule} {each.severity} {each.line}" for each in result.findings],
        "entities": dict(Counter(each.kind for each in result.entities)),
        "relationships": dict(Counter(each.kind for each in result.relationships)),
        "chunks": [f"{each.kind} {each.symbol} {each.start_line}-{each.end_line}" for each in result.chunks],
        "all entities": digest(of["entities"]),
        "all relationships": digest(of["relationships"]),
        "all findings": digest(of["findings"]),
        "all parts": digest([of["quality_parts"], of["complexity_parts"]]),
        "all terms": digest(list(terms(result))),
        "embedding": whole(np.array(result.embedding, dtype=float)),
        "embeddings of chunks": whole(order @ vectors / max(1, order.sum())) if len(vectors) else "",
    }


def terms(result: AnalysisResult) -> Iterator[list[tuple[int, float]]]:
    for chunk in result.chunks:
        assert chunk.terms is not None
        yield [(n, round(value, 4)) for n, value in zip(chunk.terms.indices, chunk.terms.values, strict=True)]


def digest(of: Any) -> str:
    return blake3(json.dumps(of, sort_keys=True).encode()).hexdigest()[:16]


def whole(vector: Any) -> str:
    return b64encode(np.rint(127 * vector).astype(np.int8).tobytes()).decode()


def apart(one: str, other: str) -> int:
    """The largest difference of two vectors, in 127ths."""
    first, second = (np.frombuffer(b64decode(each), np.int8).astype(int) for each in (one, other))
    return int(np.abs(first - second).max(initial=0)) if len(first) == len(second) else 255


def findings_of(language: str, texts: Sequence[str]) -> str:
    found = [analyse(text, language, EnrichmentType.QUALITY_ONLY) for text in texts]
    return digest([[each.model_dump()["findings"], each.statistics] for each in found])


@cache
def recorded() -> Mapping[str, Any]:
    content: Mapping[str, Any] = json.loads(RECORDED.read_text())
    return content


def _record() -> None:
    found = {
        "sources": {name: record(language, text) for name, language, text in sources()},
        "examples": {name: findings_of(language, texts) for name, language, texts in examples()},
    }
    RECORDED.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    _record()
