"""In: pieces of source. Out: the names of types, bases and modules in them.

Reads text, not trees: the syntax after `extends` or `use` is similar in languages with different trees.
"""

import re
from collections.abc import Iterator
from typing import Final

NAME_CHARACTERS: Final = 300
_OPENING: Final = "([{<"
_CLOSING: Final = ")]}>"
_BRACKET: Final = re.compile(r"[()\[\]{}<>]")
_PATH: Final = re.compile(r"[\w$\\]+(?:(?:\.|::)~?[\w$\\]+)*")
_BASE: Final = re.compile(
    r"(?:(?:(?:public|private|protected|virtual)(?:\s+|(?=::))"
    r"|(?:open|final|sealed|dyn|include|use|extends|implements)\s+))*"
    r"[*&?@]*(?:::\s*)?(?!decltype\b)([\w$\\]+(?:(?:\.|::)[\w$\\]+)*)"
)
_DISAMBIGUATED: Final = re.compile(r"(?<=::)template\s+")
_BEFORE_BASES: Final = re.compile(r"^(?::(?!:)|<)\s*")
_ARGUMENT: Final = re.compile(
    r'\s*(?:"((?!\[)(?:[^"\\\n]|\\.)+)"|([A-Za-z_]\w*))\s*(?:,\s*"\[[^"\n]*"\s*(?=\)))?[,)]'
)
"""A name or a string, with the tags after it."""
_BETWEEN_BASES: Final = re.compile(r"[,+;\n]|\b(?:extends|implements|with)\b")
_SEPARATORS: Final = re.compile(r"::|\?\.|->|\\")


def dotted(name: str) -> str:
    """A qualified name in dotted notation, whatever the language."""
    return _SEPARATORS.sub(".", name).strip(".")


def without_brackets(text: str) -> str:
    """`text` without brackets of any kind and their contents."""
    if not _BRACKET.search(text):
        return text
    kept, depth = [], 0
    for character, before in zip(text, " " + text, strict=False):
        if character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            # The second half of an arrow closes nothing.
            depth -= depth > 0 and before not in "-="
        elif not depth:
            kept.append(character)
    return "".join(kept)


def type_name(text: str) -> str | None:
    """The type of a receiver or an implementation: `(s *Server[T])` gives `Server`."""
    inner = text.strip()
    if inner.startswith("("):
        inner = inner[1:].removesuffix(")")
    found = _PATH.findall(without_brackets(inner))
    return dotted(found[-1]) if found else None


def receiver_name(text: str) -> str | None:
    """The name of a receiver: `(s *Server)` gives `s`."""
    found = re.match(r"\(\s*(\w+)\s+\S", text)
    return found[1] if found else None


def made(arguments: str) -> str | None:
    """The name in a macro's arguments: `(Cart, Adds)` gives `Cart.Adds`, `(read, int, fd)` gives `read`, and
    `("adds", "[a tag]")` gives `adds`."""
    names: list[str] = []
    end = arguments.find("(") + 1
    while found := _ARGUMENT.match(arguments, end):
        names.append(found[1] or found[2])
        end = found.end()
    if not names:
        return None
    first, *others = names
    alone = len(others) == 1 and arguments[end - 1] == ")"
    return f"{first}.{others[0]}" if alone else first


def bases(text: str) -> list[str]:
    """The types in a list of bases, without arguments and a leading `::`."""
    inner = _DISAMBIGUATED.sub("", _BEFORE_BASES.sub("", text.strip()))
    if inner.startswith("(") and inner.endswith(")"):
        inner = inner[1:-1]
    found = []
    for part in _BETWEEN_BASES.split(without_brackets(inner)):
        name = _BASE.match(part.strip())
        if name and "=" not in part and not part.strip().startswith("**"):
            found.append(name[1])
    return found


def expand(module: str) -> Iterator[str]:
    """The modules in `a::{b, c::{d, self}}`, each with its full path, without aliases."""
    prefixes, current = [""], ""
    for character in [*module, ","]:
        if character == "{":
            prefixes.append(prefixes[-1] + current.lstrip())
            current = ""
        elif character in "},":
            if name := _member(current):
                yield (prefixes[-1] + name) if name != "self" else re.sub(r"(::|\.|\\)$", "", prefixes[-1])
            current = ""
            if character == "}" and len(prefixes) > 1:
                prefixes.pop()
        else:
            current += character


def _member(text: str) -> str:
    """The name without alias and kind."""
    return re.sub(r"^(?:function|const)\s+", "", re.split(r"\s+as\s+|\s*=>\s*", text.strip())[0].strip())


def taken(clause: str, bare: str | None) -> list[str]:
    """The imported names in `{a as b, type c}` or `(a, b as c)`; a bare name becomes `bare`, if given."""
    found = []
    for part in re.finditer(r"[{(]([^})]*)[})]?|([^,{(]+)", clause):
        inside = part[1] is not None
        for item in (part[1] if inside else part[2]).split(","):
            words = re.sub(r"^\s*type\s+(?=[\w$])", "", item).split()
            if words:
                found.append(words[0] if inside or bare is None or words[0].startswith("*") else bare)
    return list(dict.fromkeys(found))
