"""A file's bytes become text: by mark, declaration and detector; the document records the encoding."""

import random
from pathlib import Path

import pytest

from archon.cli.files.decoding import decoded
from archon.cli.files.walk import Walk
from archon.cli.ingest.tally import Report

CASES = Path(__file__).parents[1] / "cases"
TEXT = "def größe():\n    # für die Übergabe\n    return 1\n"
CHINESE = "中文说明\n第二行文字在这里\n结束\n"
WORDS = {
    "gbk": "订单总额",
    "gb2312": "订单总额",
    "big5": "訂單總額",
    "shift_jis": "設定ファイル",
    "euc-jp": "設定ファイル",
    "iso-2022-jp": "設定ファイル",
    "euc-kr": "설정 파일",
    "koi8-r": "Сумма",
    "cp1251": "Сумма",
    "cp1252": "“net” €",
    "latin-1": "größe",
    "iso-8859-2": "złotych",
}
DECLARED = [
    "# -*- coding: {0} -*-\nx = '{1}'\n",
    "#!/usr/bin/python\n# vim: set fileencoding={0} :\nx = '{1}'\n",
    "# encoding: {0}\nputs '{1}'\n",
    '<?xml version="1.0" encoding="{0}"?>\n<a>{1}</a>',
    '@charset "{0}";\n/* {1} */',
    "<!doctype html><html><head><meta charset={0}></head>{1}",
    '<meta http-equiv="Content-Type" content="text/html; charset={0}">{1}',
    "// {1}\nint f();\n// vim: fenc={0}\n",
    ";; {1}\n;; Local Variables:\n;; coding: {0}-unix\n;; End:\n",
]
UNDECLARED = {
    "gb18030": "读取订单总额并写入数据库,失败时重试",
    "big5hkscs": "讀取設定檔並計算訂單總額,失敗時重新嘗試連線",
    "cp932": "設定ファイルを読み込む。データベースに接続します",
    "cp949": "설정 파일을 읽고 데이터베이스에 연결합니다",
    "koi8-r": "Читает настройки из файла",
    "cp1251": "Читает настройки из файла",
    "cp1252": "price in € — “net”",
    "cp1250": "Błąd połączenia z bazą danych",
}


@pytest.mark.parametrize("text", [TEXT, CHINESE, "a", "ab\n"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_byte_order_mark_is_certain_and_zero_bytes_are_a_guess(encoding: str, text: str) -> None:
    marked = decoded(("\ufeff" + text).encode(encoding))
    assert marked == (text, encoding, False)
    assert decoded(text.encode(encoding)) == (text, encoding, True)


def test_utf_8_has_a_mark_or_none() -> None:
    assert decoded(TEXT.encode("utf-8-sig")) == decoded(TEXT.encode()) == (TEXT, "utf-8", False)
    assert decoded(b"") == ("", "utf-8", False)


@pytest.mark.parametrize("encoding", WORDS)
@pytest.mark.parametrize("form", DECLARED)
def test_a_declared_encoding_is_used(form: str, encoding: str) -> None:
    text = form.format(encoding, WORDS[encoding])
    found = decoded(text.encode(encoding))
    assert found is not None
    assert (found.text, found.guessed) == (text, False)


@pytest.mark.parametrize("encoding", UNDECLARED)
def test_an_undeclared_encoding_is_detected_and_marked_as_a_guess(encoding: str) -> None:
    text = f"# {UNDECLARED[encoding]}\ndef order_total(rows):\n    return sum(rows)\n"
    found = decoded(text.encode(encoding))
    assert found is not None
    assert (found.text, found.guessed) == (text, True)


@pytest.mark.parametrize("declared", ["utf-8", "klingon", "rot13", "utf-16", "unicode_escape"])
def test_a_declaration_that_cannot_be_true_is_not_believed(declared: str) -> None:
    text = f"# coding: {declared}\n# größe für die Übergabe\n"
    found = decoded(text.encode("latin-1"))
    assert found is not None
    assert (found.text, found.encoding, found.guessed) == (text, "cp1252", True)


@pytest.mark.parametrize("words", ["ångström åäö", "Größe ändern", "überprüfe", "año señor"])
def test_a_few_latin_words_are_no_other_script(words: str) -> None:
    text = f"# coding: klingon\n# {words}\n"
    found = decoded(text.encode("latin-1"))
    assert found is not None
    assert (found.text, found.guessed) == (text, True)


def test_utf_8_that_is_said_to_be_latin_is_read_as_utf_8() -> None:
    text = "# coding: latin-1\n# größe\n"
    assert decoded(text.encode()) == (text, "utf-8", True)


FUNCTIONS = "".join(f"def fé{number}(x):\n" for number in range(200))


def test_utf_8_with_a_few_broken_bytes_is_utf_8_and_a_guess() -> None:
    assert decoded(FUNCTIONS.encode() + b"# caf\xe9\n") == (FUNCTIONS + "# caf\ufffd\n", "utf-8", True)
    declared = "# coding: latin-1\n" + FUNCTIONS
    assert decoded(declared.encode() + b"\xff") == (declared + "\ufffd", "utf-8", True)
    own = FUNCTIONS + "# \ufffd"
    assert decoded(own.encode()) == (own, "utf-8", False)


@pytest.mark.parametrize("last", ["é", "中", "😀"])
def test_a_file_that_is_cut_within_its_last_character_is_utf_8(last: str) -> None:
    for cut in range(1, len(last.encode())):
        data = TEXT.encode() + last.encode()[:cut]
        assert decoded(data) == (TEXT + "\ufffd", "utf-8", True)


def test_a_word_that_ends_with_a_letter_of_latin_1_is_no_utf_8_that_is_cut() -> None:
    assert decoded("# das große Café".encode("cp1252")) == ("# das große Café", "cp1252", True)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_marked_text_that_is_broken_is_a_guess(encoding: str) -> None:
    data = ("\ufeff" + TEXT).encode(encoding)
    half = "\ud800".encode(encoding, "surrogatepass")
    found = decoded(data + half + "x\n".encode(encoding))
    assert found is not None
    assert (found.text.count("\ufffd"), found.encoding, found.guessed) == (1, encoding, True)
    assert found.text.startswith(TEXT)
    cut = decoded(data[:-1])
    assert cut is not None
    assert cut.guessed


def test_a_wrong_declaration_of_ascii_gives_a_guess() -> None:
    text = "# coding: ascii\n# größe für die Übergabe\n"
    assert decoded(text.encode("latin-1")) == (text, "cp1252", True)


@pytest.mark.parametrize(
    "data",
    [
        b"\0\1\2",
        b"\0\1\2\3",
        b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 3,
        random.Random(1).randbytes(3000),
        b"\x7fELF\x02\x01\x01" + b"\0" * 100 + b"main\0",
    ],
)
def test_a_binary_is_none(data: bytes) -> None:
    assert decoded(data) is None


def test_a_nul_in_a_text_makes_it_no_binary() -> None:
    text = "def before():\n    return '\0'\ndef after():\n    pass\n"
    assert decoded(text.encode()) == (text, "utf-8", False)


def test_a_walk_reads_each_file_in_its_encoding_and_reports_guesses() -> None:
    files = {file.path: file for file in Walk(CASES / "01-utf16")}
    assert files["notes.md"].text.startswith("# Standby\r\n")
    assert files["get-replica.ps1"].encoding == "utf-16-le"
    assert not files["plain.md"].guessed
    legacy = {file.path: file for file in Walk(CASES / "02-legacy")}
    assert "读取订单总额" in legacy["gbk.py"].text
    assert "“net”" in legacy["cp1252.py"].text
    assert (legacy["latin1.py"].encoding, legacy["latin1.py"].guessed) == ("iso8859-1", False)
    report = Report("p")
    for file in legacy.values():
        if file.guessed:
            report.note_guess(file.path, file.encoding)
    assert report.plan_as_json()["guessed"] == {"cp1252.py": "cp1252", "gbk.py": "gb18030"}
