"""A text's vector: from words that are tokenized once, and from a title and a rest."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import wordllama
import yaml

from archon.contracts.text.words import words
from intelligence.embedding import vectors as embedding
from intelligence.embedding.vocabulary import Vocabulary, bundled

MODEL = wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
SOURCES = [
    yaml.load(path.read_text(), yaml.CSafeLoader)["source"]
    for path in sorted((Path(__file__).parent / "sources").glob("*.yaml"))
]
TEXTS = [
    *(" ".join(words(each)) for each in SOURCES),
    "a",
    "a a a b",
    "größe naïve ſs ﷺ 日本語 2026 x86 " + "é" * 300,  # noqa: RUF001
    "x" * 5000,
    " ".join(f"word{number}" for number in range(700)),
]


def vectors(vocabulary: Vocabulary, texts: Sequence[str]) -> np.ndarray:
    return np.array(vocabulary.embed([text.split() for text in texts]))


def own(texts: Sequence[str]) -> np.ndarray:
    return np.concatenate([MODEL.embed([text], norm=True) for text in texts])


@pytest.mark.parametrize("limit", [1, 50, 100_000])
def test_a_vector_is_the_models_own_however_many_words_are_remembered(limit: int) -> None:
    vocabulary = Vocabulary(MODEL.tokenizer, MODEL.embedding, limit)
    for _ in range(2):
        assert vectors(vocabulary, TEXTS) == pytest.approx(own(TEXTS), abs=1e-5)
    one_by_one = np.concatenate([vectors(vocabulary, [text]) for text in TEXTS])
    assert one_by_one == pytest.approx(own(TEXTS), abs=1e-5)


def test_no_more_words_are_remembered_than_the_limit_and_those_in_use() -> None:
    vocabulary = Vocabulary(MODEL.tokenizer, MODEL.embedding, limit=10)
    for number in range(30):
        vocabulary.embed([[f"one{number}", f"two{number}", f"three{number}"]])
        assert len(vocabulary._tokens) <= 10


def test_a_title_counts_as_much_as_the_rest_however_long_that_is() -> None:
    rest = "\n".join(f"send the {word} packet to the peer" for word in ("first", "second", "last", "lost"))
    texts = ["read_settings", f"\n{rest}", f"read_settings\n{rest}"]
    title, body, both = map(np.array, embedding.embed(texts))
    assert both @ title == pytest.approx(both @ body, abs=1e-5)
    assert both @ title > 0.5
    assert both @ both == pytest.approx(1, abs=1e-5)


def test_a_title_of_stop_words_and_a_text_without_words_have_no_title() -> None:
    stops, none, empty, word = embedding.embed(["if it is\nsend(packet)", "\nsend(packet)", " \n;", "empty"])
    assert stops == none
    assert empty == word


def test_an_earlier_word_of_a_query_counts_more() -> None:
    (twice,) = bundled().embed([["packet", "packet", "settings"]])
    assert bundled().embed_query(["packet", "settings"], half=1) == pytest.approx(twice, abs=1e-5)
    texts = ["a packet", "the packet of these settings", "the settings of this packet"]
    packet, first, last = map(np.array, embedding.embed_queries(texts))
    assert first @ packet > last @ packet


def test_a_query_of_stop_words_or_without_words_has_a_vector() -> None:
    assert embedding.embed_queries(["when", " \n;"]) == embedding.embed(["when", "empty"])


def test_a_token_that_the_model_weighs_more_still_counts_more_but_less_so() -> None:
    heavy, light, both = map(np.array, bundled().embed([["packet"], ["the"], ["packet", "the"]]))
    of_model = np.array(Vocabulary(MODEL.tokenizer, MODEL.embedding).embed([["packet", "the"]])[0])
    assert light @ of_model < light @ both < heavy @ both < heavy @ of_model
