"""Words of identifiers, prose, and scripts without spaces."""

import unicodedata

import pytest

from archon.contracts.text.words import identifiers, stems, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("parseHTTPResponse_toJSON(x)", ["parse", "http", "response", "to", "json", "x"]),
        ("Straße", ["strasse"]),
        ("日本語", ["日本", "本語"]),
        ("get日本語Name", ["get", "日本", "本語", "name"]),
        ("猫", ["猫"]),
        ("ทดสอบ", ["ทด", "ดส", "สอ", "อบ"]),
        ("데이터 저장", ["데이터", "저장"]),
        ("", []),
    ],
)
def test_text_falls_into_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected
    assert words(unicodedata.normalize("NFD", text)) == expected


def test_vowel_signs_belong_to_their_words() -> None:
    assert words("ที่") == ["ที", "ี่"]
    assert identifiers("ที่อยู่") == ["ที่อยู่"]


def test_parts_of_a_word_in_a_script_without_spaces_are_found_within_it() -> None:
    assert set(stems("本語")) <= set(stems("日本語の検索"))
    assert not set(stems("英語")) & set(stems("日本"))


def test_stems_are_without_stop_words() -> None:
    assert stems("returns the retries of self") == ["retri"]
