"""In: the candidates of both searches, and the query's text. Out: hits, best first, each with the parts of
its score.

A score is the convex combination of measures of 0 to 1 (S. Bruch, S. Gai, A. Ingber, *An Analysis of Fusion
Functions for Hybrid Retrieval*, ACM Transactions on Information Systems 42(1), 2023), times a factor for
lines that are rarely wanted. All of it comes from the candidates themselves, so that no score depends on
other projects. `make retrieval` measures what each part adds.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from archon.contracts.text.words import stems, words

Scores = Mapping[str, float]
"""Scores by id, from one search."""
Payloads = Mapping[str, Mapping[str, Any]]
Measures = dict[str, Scores]


@dataclass(frozen=True)
class Weights:
    """Shares of the measures; they sum to 1. `terms`, `embedding`: the two searches; `name`: words of the
    query in the symbol's name, and of the name in the query."""

    terms: float
    embedding: float
    name: float


SENTENCE: Final = Weights(terms=0.42, embedding=0.40, name=0.18)
IDENTIFIER: Final = Weights(terms=0.41, embedding=0.11, name=0.48)
"""For a query that is a single name: `HttpClient`, `read_settings`, `Server.run`."""
LOOSE: Final = 0.75
"""Factor for lines of code outside symbols."""
OTHER_KIND: Final = 0.6
"""Factor for types, if the query begins with a verb: a function does something."""
NOISE: Final = 0.75
"""Factor for tests, examples, generated, vendored and legacy code, if the query does not ask for such."""
SPECIAL: Final = 0.75
"""Factor for methods such as `__init__`, unless the query is a name."""
_SHORTEST_PART: Final = 4
"""Characters of a stem that is looked for within a longer one."""
_IDENTIFIER: Final = re.compile(r"[\w$]+(?:(?:\.|::|->|#|/)[\w$]+)*(?:\(\))?")
_SPECIAL: Final = re.compile(r"\b__\w+__$")
_LEGACY: Final = r"(.*[_.-])?(legacy|deprecated|obsolete)([_.-].*)?"
_NOISE_KINDS: Final = {
    "test": (
        {"test", "spec", "fixtur", "mock", "conftest", "e2e"},
        r"tests?|specs?|fixtures?|mocks?|e2e|__(tests|fixtures|mocks)__",
        r"test_.*|.*_test\.\w+|(.*\.)?(tests?|conftest)\.\w+|.+\.spec\.\w+",
    ),
    "example": (
        {"exampl", "sampl", "demo", "tutori", "benchmark"},
        r"(example|sample|demo|tutorial|benchmark)s?",
        r"(example|sample|demo|tutorial|benchmark)s?\.\w+",
    ),
    "vendored": (
        {"vendor", "third", "extern", "node"},
        r"_?vendor(ed)?|third[_-]?party|extern(al)?|node_modules",
        "",
    ),
    "generated": (
        {"generat", "pb", "min", "dist"},
        r"(__)?generated(__)?|dist",
        r".*(_pb2|_pb2_grpc|\.pb|\.min|[._]generated)\.\w+",
    ),
    "legacy": ({"legaci", "deprec", "obsolet"}, _LEGACY, _LEGACY),
}
"""By kind: stems in a query that wants it, names of its directories, and of its files. Other names with
such a word, such as `node.py` or `sampling.py`, say what a file is about."""
_TYPES: Final = frozenset({"class", "struct", "interface", "trait", "enum", "type", "record", "union"})
_VERBS: Final = """
    add apply assert attach build calculate call cancel change check clear close collect compare compile
    compute configure connect convert copy count create decode delete detect determine disable dispatch
    display download emit enable encode ensure enter escape evaluate execute exit expand export extract fetch
    fill filter find flush format generate get give handle hash ignore import increment infer initialize
    insert inspect install invoke iterate join keep list load lock log look make map mark match measure merge
    modify move normalize notify open override parse perform pop prepare print process produce provide push
    put raise read receive record refresh register release remove rename render replace report request reset
    resolve restore retrieve rewrite run save search select send serialize set show skip sort split start stop
    store strip submit subscribe take throw transform truncate turn update upload validate verify wait walk
    wrap write yield
"""
_ACTIONS: Final = frozenset(stems(_VERBS)) | {"return"}
_CODE: Final = frozenset({"code", "test"})


def ranked(found: Mapping[str, Scores], payloads: Payloads, text: str) -> dict[str, dict[str, float]]:
    """The parts of each candidate's score, by id, best first; the score is their sum. `found` has the scores
    of the searches `terms` and `embedding`, one of which may be missing."""
    measures: Measures = {
        # A missing term adds nothing to a BM25 score: its minimum is 0. A cosine has no such natural zero.
        name: _scaled(scores, 0.0 if name == "terms" else min(scores.values()))
        for name, scores in found.items()
        if scores
    }
    if not measures:
        return {}
    query = Question(text)
    rarity = query.rarity(payloads)
    measures["name"] = {each: query.in_name(payload, rarity) for each, payload in payloads.items()}
    weights = vars(IDENTIFIER if query.is_identifier else SENTENCE)
    # A search that found nothing leaves its share to the others.
    whole = sum(weights[name] for name in measures)
    parts = {each: _parts(each, weights, measures, query.factor(payloads[each]) / whole) for each in payloads}
    return dict(sorted(parts.items(), key=lambda item: (-sum(item[1].values()), item[0])))


def _parts(each: str, weights: Mapping[str, float], measures: Measures, factor: float) -> dict[str, float]:
    found = {name: factor * weights[name] * scores.get(each, 0.0) for name, scores in measures.items()}
    return {name: part for name, part in found.items() if part > 0}


class Question:
    """A query's text, compared with names and paths."""

    def __init__(self, text: str) -> None:
        self.stems = dict.fromkeys(stems(text))
        self.is_identifier = bool(_IDENTIFIER.fullmatch(text.strip()))
        self._name = text.strip().removesuffix("()").replace("::", ".").casefold()
        self._acts = not self.is_identifier and bool(_ACTIONS.intersection(first_stem(text)))
        self._wanted = {kind for kind, (stems_, *_) in _NOISE_KINDS.items() if stems_ & self.stems.keys()}

    def rarity(self, payloads: Payloads) -> dict[str, float]:
        """How rare each word of the query is in the candidates' names and paths, 0 to 1."""
        said = [_stems(str(each.get("symbol") or "")) | _stems(_path(each)) for each in payloads.values()]
        counts = {stem: sum(stem in among for among in said) for stem in self.stems}
        most = math.log(1 + len(payloads))
        return {stem: math.log(1 + len(payloads) / max(count, 1)) / most for stem, count in counts.items()}

    def in_name(self, payload: Mapping[str, Any], rarity: Mapping[str, float]) -> float:
        """Mean of two shares: of the query in the name, and of the name in the query; 1 for the name itself.
        A word of the name such as `getfixturevalue` may contain words of the query."""
        symbol = str(payload.get("symbol") or "")
        name = last_name(symbol)
        if not name:
            return 0.0
        if self._name in {name.casefold(), symbol.casefold()}:
            return 1.0
        own = _stems(name)
        asked = own & self.stems.keys()
        matched = float(len(asked))
        for compound in own - asked:
            parts = {stem for stem in self.stems if len(stem) >= _SHORTEST_PART and stem in compound}
            matched += min(sum(map(len, parts)) / len(compound), 1.0)
            asked |= parts
        if not asked:
            return 0.0
        return (sum(rarity[stem] for stem in asked) / sum(rarity.values()) + matched / len(own)) / 2

    def factor(self, payload: Mapping[str, Any]) -> float:
        """Below 1 for noise, loose code, special methods, and types if the query names an action."""
        other = self._acts and payload.get("kind") in _TYPES
        loose = payload.get("symbol") is None and payload.get("document_type") in _CODE
        noisy = not _noise_of(_path(payload)) <= self._wanted
        special = not self.is_identifier and _SPECIAL.search(str(payload.get("symbol") or ""))
        factors = ((OTHER_KIND, other), (LOOSE, loose), (NOISE, noisy), (SPECIAL, special))
        return math.prod(factor for factor, applies in factors if applies)


def first_stem(text: str) -> list[str]:
    """The stem of the first word; stop words such as `return` count."""
    first = words(text)[:1]
    return ["return"] if first and first[0] in {"return", "returns"} else stems(" ".join(first))


def last_name(symbol: str) -> str:
    """`C` of `A.B.C`, and of the heading `A > B > C`."""
    return symbol.rpartition(" > ")[2] if " " in symbol else symbol.rpartition(".")[2]


def _path(payload: Mapping[str, Any]) -> str:
    return str(payload.get("file_path") or "")


@lru_cache(maxsize=65_536)
def _noise_of(path: str) -> frozenset[str]:
    """The kinds of noise that a file is."""
    *directories, name = path.lower().split("/")
    return frozenset(
        kind
        for kind, (_, above, files) in _NOISE_KINDS.items()
        if re.fullmatch(files, name) or any(re.fullmatch(above, each) for each in directories)
    )


@lru_cache(maxsize=65_536)
def _stems(text: str) -> frozenset[str]:
    return frozenset(stems(text))


def _scaled(scores: Scores, least: float) -> dict[str, float]:
    span = max(scores.values()) - least
    return {each: (score - least) / span if span > 0 else 1.0 for each, score in scores.items()}
