"""In: a type as written. Out: the path of the type whose members its values have.

`[]T` is a collection of T, `{}T` a mapping to T. Wrappers without members of their own, such as `Optional`,
are left out."""

import re
from functools import lru_cache
from typing import Final, Literal

_CHARACTERS: Final = 500
_DEPTH: Final = 12
_OPENING: Final = "([{<"
_CLOSING: Final = ")]}>"
_PATH: Final = re.compile(r"[A-Za-z_$][\w$]*(?:\s*(?:\.|::)\s*[A-Za-z_$][\w$]*)*")
_NAMES: Final = re.compile(r"[A-Za-z_$][\w$]*(?:\.[A-Za-z_$][\w$]*)*")
_NOTHING: Final = frozenset(
    {"None", "null", "undefined", "void", "never", "nil", "any", "unknown", "Any", "object"}
)
_PREFIX: Final = re.compile(
    r"(?:[*&]|\.\.\.|<-\s*chan\s+|chan(?:<-)?\s+|readonly\s+|final\s+|unique\s+|asserts\s+|@[\w.]+(?:\([^()]*\))?\s*"
    r"|\?\s*(?:extends|super)\s+)\s*"
)
_WRAPPERS: Final = frozenset(
    {
        *(
            "Optional",
            "Annotated",
            "Final",
            "ClassVar",
            "Required",
            "NotRequired",
            "ReadOnly",
            "InitVar",
            "type",
            "Type",
        ),
        *(
            "Awaitable",
            "Promise",
            "PromiseLike",
            "Readonly",
            "Partial",
            "NonNullable",
            "Awaited",
            "DeepReadonly",
        ),
        *("Union", "Class", "CompletableFuture", "Future", "SubclassOf"),
    }
)
_LAST: Final = frozenset({"Coroutine"})
_COLLECTIONS: Final = frozenset(
    {
        *(
            "list",
            "List",
            "set",
            "Set",
            "frozenset",
            "FrozenSet",
            "Sequence",
            "MutableSequence",
            "Iterable",
            "Iterator",
        ),
        *("Collection", "tuple", "Tuple", "deque", "Deque", "AsyncIterator", "AsyncIterable", "Generator"),
        *(
            "AsyncGenerator",
            "AbstractSet",
            "MutableSet",
            "Array",
            "ReadonlyArray",
            "ReadonlySet",
            "IterableIterator",
        ),
        *(
            "ArrayList",
            "LinkedList",
            "HashSet",
            "LinkedHashSet",
            "TreeSet",
            "SortedSet",
            "Queue",
            "Vector",
            "Stream",
        ),
    }
)
_MAPPINGS: Final = frozenset(
    {
        *(
            "dict",
            "Dict",
            "Mapping",
            "MutableMapping",
            "defaultdict",
            "DefaultDict",
            "OrderedDict",
            "Map",
            "ReadonlyMap",
        ),
        *("Record", "HashMap", "LinkedHashMap", "TreeMap", "ConcurrentHashMap", "ConcurrentMap", "SortedMap"),
    }
)


@lru_cache(maxsize=4096)
def main_type(text: str) -> str | None:
    """None if the type has no name."""
    return _main(text[:_CHARACTERS].strip(), 0) if len(text) <= _CHARACTERS else None


def names_in(text: str) -> list[str]:
    """Dotted names in a type that is written as a string."""
    return _NAMES.findall(text[:_CHARACTERS])


def _main(text: str, depth: int) -> str | None:
    if depth > _DEPTH or not text:
        return None
    if (inner := _inner(text)) is not None:
        return _main(inner, depth + 1)
    if "=>" in text or text.startswith(("func", "typeof ", "keyof ", "{")):
        return None
    for separator in "|&":
        if separator in text:
            parts = _split(text, separator)
            if len(parts) > 1:
                known = [part for part in parts if part and part not in _NOTHING]
                return _main(known[0], depth + 1) if known else None
    return _bracketed(text, depth) if text[0] in "([" else _named(text, depth)


def _inner(text: str) -> str | None:
    """A type without quotation marks around it, or without what stands before it; None if there is
    neither."""
    if text[0] in "\"'" and text[-1] == text[0] and len(text) > 1:
        return text[1:-1].strip()
    prefix = _PREFIX.match(text)
    return text[prefix.end() :] if prefix is not None and prefix.end() < len(text) else None


def _bracketed(text: str, depth: int) -> str | None:
    """`(A, error)` gives A, `[]A` and `[4]A` a collection of A."""
    end = _closing(text)
    rest = text[end + 1 :].strip()
    if text[0] == "[":
        return _of("[]", _main(rest, depth + 1)) if rest else None
    inner = _split(text[1:end], ",")[0].strip()
    if rest.startswith("["):
        return _of("[]", _main(inner, depth + 1))
    return _main(inner, depth + 1)


def _named(text: str, depth: int) -> str | None:
    found = _PATH.match(text)
    if found is None:
        return None
    path = re.sub(r"\s|::", lambda each: "." if each[0] == "::" else "", found[0])
    rest = text[found.end() :].strip()
    name = path.rpartition(".")[2]
    if name == "map" and rest.startswith("["):
        return _of("{}", _main(rest[_closing(rest) + 1 :].strip(), depth + 1))
    if rest.endswith("[]"):
        return _of("[]", _main(text.strip().removesuffix("[]").strip(), depth + 1))
    if rest.startswith(("?", "!")):
        rest = rest[1:].strip()
    if rest and rest[0] in "[<" and rest[-1] in "]>":
        given = [each for each in _split(rest[1:-1], ",") if each]
        if given and (known := _generic(name, given, depth)) is not False:
            return known
    elif rest and rest[0] not in "[<":
        return None
    return None if path in _NOTHING else path


def _generic(name: str, given: list[str], depth: int) -> str | Literal[False] | None:
    """False if it is a type like others."""
    if name in _WRAPPERS:
        return next(
            (found for each in given if each not in _NOTHING and (found := _main(each, depth + 1))), None
        )
    if name in _LAST:
        return _main(given[-1], depth + 1)
    if name in _COLLECTIONS:
        same = name not in {"tuple", "Tuple"} or len(given) == 1 or given[1] == "..."
        return _of("[]", _main(given[0], depth + 1)) if same else None
    if name in _MAPPINGS:
        return _of("{}", _main(given[-1], depth + 1))
    return False


def _of(kind: str, inner: str | None) -> str | None:
    return kind + inner if inner is not None else None


def _closing(text: str) -> int:
    """The position of the bracket that closes the first one."""
    depth = 0
    for position, character in enumerate(text):
        if character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            depth -= 1
            if depth == 0:
                return position
    return len(text) - 1


def _split(text: str, separator: str) -> list[str]:
    """The parts between separators outside of brackets."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        if character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            depth -= 1
        elif character == separator and depth == 0:
            parts.append(text[start:position].strip())
            start = position + 1
    return [*parts, text[start:].strip()]
