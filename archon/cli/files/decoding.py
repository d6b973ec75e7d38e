"""In: a file's bytes. Out: its text, the encoding, and whether the encoding is a guess.

Order: byte order mark; UTF-8, possibly with a few broken bytes; the file's declaration; a detector.
"""

import codecs
import re
import unicodedata
from typing import Final, NamedTuple

from archon.contracts.text.lines import is_binary

_MARKS: Final = (
    # The mark of UTF-32 starts with that of UTF-16.
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HEAD: Final = 2048
_TAIL: Final = 1024
_NAME: Final = rb"[\"']?([-\w.:]+)"
_AT_THE_TOP: Final = re.compile(
    # PEP 263, also in Ruby: a comment in one of the first two lines
    rb"\A(?:[^\r\n]*(?:\r\n?|\n))?[^\r\n#]*#[^\r\n]*?coding[:=][ \t]*"
    + _NAME
    + rb"|\A\s*<\?xml\b[^>]*?\bencoding\s*=\s*"
    + _NAME
    + rb"|\A@charset\s+"
    + _NAME
    + rb"|<meta\b[^>]*?\bcharset\s*=\s*"
    + _NAME
    + rb"|^[^\w\r\n]*Content-Type:[^\r\n]*?\bcharset="
    + _NAME,
    re.IGNORECASE | re.MULTILINE,
)
_OF_AN_EDITOR: Final = re.compile(
    rb"-\*-[^\r\n]*?\bcoding:[ \t]*"
    + _NAME
    + rb"|\b(?:vim?|ex):[^\r\n]*?\b(?:fileencoding|fenc)="
    + _NAME
    + rb"|\bLocal Variables:(?s:.{0,500}?)\bcoding:[ \t]*"
    + _NAME,
    re.IGNORECASE | re.MULTILINE,
)
_SUPERSETS: Final = {
    "iso8859-1": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "euc_jp": "euc_jis_2004",
}
"""The encoding used instead, if a text exceeds its declared encoding (WHATWG, Encoding Standard)."""
_NO_CHARSETS: Final = frozenset({"unicode-escape", "raw-unicode-escape", "idna", "punycode", "utf-7"})
_MULTIBYTE: Final = ("gb", "big5", "shift", "euc", "cp932", "cp949", "cp950", "johab")
_DETECTED: Final = (
    *("gb18030", "big5hkscs", "cp932", "shift_jis_2004", "euc_jis_2004", "iso2022_jp_2", "cp949"),
    *("cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "koi8-r", "koi8-u"),
    *("cp866", "cp874", "iso8859-2", "iso8859-7"),
)
"""Encodings of source files; the detector would find rarer ones mostly by chance."""
_WESTERN: Final = 1.4
"""A priori weight of Western European encodings: a short text gives too little evidence."""
_WHOLE: Final = 4
"""Minimum number of valid multi-byte characters per broken one; other encodings have far fewer."""
_HANGUL: Final = re.compile("[\uac00-\ud7a3]")
_REPLACED: Final = "\ufffd"
_NOT_ASCII: Final = re.compile("[^\x00-\x7f]")
_NEXT_TO_ASCII: Final = re.compile("(?<=[A-Za-z])[^\x00-\x7f]|[^\x00-\x7f](?=[A-Za-z])")
_SAMPLE: Final = 65_536
_BLANKS: Final = "\t\n\v\f\r"
_SCRIPTS: Final = 20
_STRANGE: Final = frozenset({"Cc", "Cn", "Co", "Cs"})


class Decoded(NamedTuple):
    """`encoding` is the name of Python's codec; `guessed`: the file does not declare it, or some bytes are
    invalid in it."""

    text: str
    encoding: str
    guessed: bool = False


def decoded(data: bytes) -> Decoded | None:
    """The text without byte order mark; None if the bytes are not text."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            text = _strictly(data[len(mark) :], encoding)
            if text is not None:
                return _text(text, encoding)
            # Truncated or broken bytes: read as much as possible.
            return _text(data[len(mark) :].decode(encoding, "replace"), encoding, guessed=True)
    text = _strictly(data, "utf-8")
    if text is not None and not (b"\0" in data and is_binary(text)):
        return _text_of_utf8(data, text)
    if text is None and (mended := _mostly_utf8(data)):
        return mended
    if b"\0" in data:
        return _wide(data)
    return _declared(data) or _detected(data)


def _text(text: str, encoding: str, *, guessed: bool = False) -> Decoded | None:
    return None if is_binary(text) else Decoded(text, encoding, guessed)


def _strictly(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeError, LookupError):
        return None


def _text_of_utf8(data: bytes, text: str) -> Decoded | None:
    """Text in another encoding is hardly ever valid UTF-8, unless it has few or no bytes above 127."""
    if b"\x1b" in data or (not text.isascii() and max(text) < "\u0800"):
        name = _name(data)
        if name is not None and name.startswith(("iso2022", *_MULTIBYTE)) and (found := _declared(data)):
            return found
    contradicted = not text.isascii() and (_name(data) or "utf-8") not in {"utf-8", "utf-8-sig"}
    return _text(text, "utf-8", guessed=contradicted)


def _mostly_utf8(data: bytes) -> Decoded | None:
    """UTF-8 with a few broken bytes, or cut within its last character."""
    text = data.decode("utf-8", "replace")
    broken = text.count(_REPLACED) - data.count(_REPLACED.encode())
    whole = len(_NOT_ASCII.findall(text)) - broken
    is_cut = broken == 1 and text.endswith(_REPLACED)
    return _text(text, "utf-8", guessed=True) if whole >= (1 if is_cut else _WHOLE * broken) else None


def _name(data: bytes) -> str | None:
    """The encoding that the file declares, by the name of Python's codec."""
    match = (
        _AT_THE_TOP.search(data, 0, _HEAD)
        or _OF_AN_EDITOR.search(data, 0, _HEAD)
        or _OF_AN_EDITOR.search(data, max(0, len(data) - _TAIL))
    )
    if match is None or match.lastindex is None:
        return None
    written = match[match.lastindex].decode("ascii", "replace")
    for name in (written, re.sub(r"-(?:unix|dos|mac)$", "", written)):
        try:
            codec = codecs.lookup(name).name
        except (LookupError, ValueError):
            continue
        return None if codec.replace("_", "-") in _NO_CHARSETS else codec
    return None


def _declared(data: bytes) -> Decoded | None:
    name = _name(data)
    if name is None or name.startswith(("utf-16", "utf-32")):
        return None
    text = _strictly(data, name)
    if text is None or (name == "iso8859-1" and re.search("[\x80-\x9f]", text)):
        name = _SUPERSETS.get(name, name)
        text = _strictly(data, name) or text
    return _text(text, name) if text is not None else None


def _wide(data: bytes) -> Decoded | None:
    """UTF-16 or UTF-32 without a mark: zero bytes are at the positions typical of Latin letters."""
    even, odd = (data[start:_SAMPLE:2].count(0) for start in (0, 1))
    narrow = ("utf-16-be", "utf-16-le") if even > odd else ("utf-16-le", "utf-16-be")
    # UTF-16 text is hardly ever valid UTF-32.
    for encoding in ("utf-32-le", "utf-32-be", *narrow):
        text = _strictly(data, encoding)
        if text is not None and _is_plausible(text):
            return _text(text, encoding, guessed=True)
    return None


def _is_plausible(text: str) -> bool:
    """Whether there are blanks or Latin letters, few scripts, and hardly any unusual characters."""
    sample = text[:_SAMPLE]
    plain = sum(" " <= each <= "~" or each in _BLANKS for each in sample)
    strange = sum(unicodedata.category(each) in _STRANGE and each not in _BLANKS for each in sample)
    scripts = {unicodedata.name(each, "?").partition(" ")[0] for each in sample if each > "\u024f"}
    return plain * 20 >= len(sample) and strange * 100 <= len(sample) and len(scripts) <= _SCRIPTS


def _detected(data: bytes) -> Decoded | None:
    # Few files need it, and the import is slow.
    import chardet  # noqa: PLC0415

    best, chosen = 0.0, None
    # Lines in ASCII give no evidence, and may be most of a source.
    telling = b"\n".join(line for line in data.splitlines() if not line.isascii())[:_SAMPLE]
    for found in chardet.detect_all(telling, ignore_threshold=True, include_encodings=_DETECTED):
        encoding = codecs.lookup(found["encoding"] or "cp1252").name
        text = _strictly(data, encoding)
        if text is None:
            continue
        weight = found["confidence"] * (1 - _mixed_share(text))
        if encoding == "cp1252":
            weight *= _WESTERN
        elif encoding in {"cp949", "euc_kr"}:
            weight *= _hangul_share(text)
        if weight > best:
            best, chosen = weight, Decoded(text, encoding, guessed=True)
    chosen = chosen or Decoded(data.decode("latin-1"), "iso8859-1", guessed=True)
    return None if is_binary(chosen.text) else chosen


def _mixed_share(text: str) -> float:
    """Share of the letters above ASCII that stand next to an ASCII letter but are not Latin, as in `grцe`:
    high for Latin text that is decoded as another script."""
    letters: list[str] = [each for each in _NOT_ASCII.findall(text[:_SAMPLE]) if each.isalpha()]
    neighbours = _NEXT_TO_ASCII.findall(text[:_SAMPLE])
    mixed: int = sum(
        each.isalpha() and not unicodedata.name(each, "").startswith("LATIN") for each in neighbours
    )
    return min(1.0, mixed / max(1, len(letters)))


def _hangul_share(text: str) -> float:
    """Korean text consists of Hangul; other text decoded as Korean contains many rare characters."""
    return len(_HANGUL.findall(text)) / max(1, len(_NOT_ASCII.findall(text)))
