"""In: a component of Vue, Svelte or Astro, or an HTML page. Out: its scripts only, each on its own lines.

The other lines remain searchable text. All scripts of a component form one source: one may call functions
that another declares.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

LANGUAGES: Final = frozenset({"astro", "html", "svelte", "vue"})
_BEGIN: Final = re.compile(r"<!--|<script\b", re.IGNORECASE)
_TAG: Final = re.compile(r"""<script\b((?:"[^"]*"|'[^']*'|\{[^{}]*\}|[^>"'{])*+)>""", re.IGNORECASE)
_TAG_CHARACTERS: Final = 2000
_END: Final = re.compile(r"</script\s*>", re.IGNORECASE)
_HIDDEN: Final = re.compile(r"\A(\s*)<!--[^\n]*")
"""Old syntax that hid scripts from browsers without script support."""
_ATTRIBUTE: Final = re.compile(r"""\b(lang|type|src)\s*=\s*["']?([^\s"'>;]+)""", re.IGNORECASE)
_FRONTMATTER: Final = re.compile(r"\s*---[^\S\n]*\n(.*?)^---[^\S\n]*$", re.DOTALL | re.MULTILINE)
_SCRIPTS: Final = {
    **dict.fromkeys(
        (
            *("js", "javascript", "ecmascript", "module", "text/javascript", "text/ecmascript"),
            *("application/javascript", "application/ecmascript", "application/x-javascript"),
        ),
        0,
    ),
    **dict.fromkeys(("ts", "typescript", "text/typescript"), 1),
    **dict.fromkeys(("tsx", "jsx", "text/jsx", "text/babel"), 2),
}
_PARSERS: Final = ("javascript", "typescript", "tsx")
"""Each parser reads everything that the previous one reads, except casts."""


class Scripts(NamedTuple):
    """`code` has a line for each line of the component; `unread` counts the lines of scripts in other
    languages."""

    code: str
    language: str
    unread: int


def scripts(text: str, language: str) -> Scripts:
    """`text` must have LF line endings."""
    parts, end, unread = [], 0, 0
    rank = _PARSERS.index("typescript") if language == "astro" else 0
    for start, stop, attributes in _blocks(text, language):
        kind = attributes.get("lang") or attributes.get("type") or "js"
        parts.append(_ends(text, end, start))
        end = start
        if kind.lower() not in _SCRIPTS:
            # Data, such as JSON, is not a script.
            unread += (1 + text.count("\n", start, stop)) if "lang" in attributes else 0
            continue
        rank = max(rank, _SCRIPTS[kind.lower()])
        body = _HIDDEN.sub(r"\1", text[start:stop])
        source = attributes.get("src")
        parts.append(f'import "{source}";{body}' if source and not body.strip() else body)
        end = stop
    return Scripts("".join([*parts, _ends(text, end, len(text))]), _PARSERS[rank], unread)


def _ends(text: str, start: int, stop: int) -> str:
    """A replacement for the text between two scripts; separates scripts on the same line."""
    return "\n" * text.count("\n", start, stop) or ";"


def _blocks(text: str, language: str) -> Iterator[tuple[int, int, dict[str, str]]]:
    """Start, end and attributes of each script."""
    position = 0
    if language == "astro" and (front := _FRONTMATTER.match(text)):
        yield front.start(1), front.end(1), {}
        position = front.end()
    while (begin := _BEGIN.search(text, position)) is not None:
        if begin[0] == "<!--":
            position = text.find("-->", begin.end())
        elif (tag := _TAG.match(text, begin.start(), begin.start() + _TAG_CHARACTERS)) is None:
            position = begin.end()
        else:
            close = _END.search(text, tag.end())
            stop = close.start() if close else len(text)
            yield tag.end(), stop, {name.lower(): value for name, value in _ATTRIBUTE.findall(tag[1])}
            position = close.end() if close else -1
        if position < 0:
            return
