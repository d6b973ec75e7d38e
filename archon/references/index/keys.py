"""In: a document's code map. Out: the keys under which the index finds the document.

The names that it mentions, those of its bases, those of which it says nothing but the name or the type of
the variable, names that it gives another name, and the last names of the modules that it imports.
"""

from collections.abc import Sequence
from typing import Final

from archon.contracts.code.references import Binding, Reference
from archon.references.index.document import OUTSIDE, UNKNOWN, Document, guessed_by, plain, segments
from archon.references.index.type_names import DEFAULT, PYTHON, TypeNames, standing_for

_OWN: Final = {
    "python": "self",
    "java": "this",
    "javascript": "this",
    "typescript": "this",
    "tsx": "this",
}
"""The name of the present instance, in languages that declare all members of a type within it."""


def mention(name: str) -> str:
    """Documents that mention a name which may be another document's, otherwise than `member` and `imported`
    say."""
    return f"n:{name}"


def member(name: str) -> str:
    """Documents that mention a name as a member of variables of which they name the type; in front of that
    type's name."""
    return f"m:{name}\t"


def imported(name: str) -> str:
    """Python documents that import a name as it is, or all names (`*`), and may mention it; in front of the
    last name of the module."""
    return f"f:{name}\t"


def standing(name: str) -> str:
    """Documents in which another name stands for this one, or for an instance of the type with this name; in
    front of the other name."""
    return f"s:{name}\t"


def base(name: str) -> str:
    """Documents with a type that derives from something of this name."""
    return f"b:{name}"


def guess(name: str) -> str:
    """Documents that call something of this name, on a receiver of which they say nothing."""
    return f"g:{name}"


def renaming(name: str) -> str:
    """Documents that import a name under another one."""
    return f"a:{name}"


def unnamed(module_end: str) -> str:
    """Documents that import the default, or all, of a module whose name ends so, under a name of their
    own."""
    return f"d:{module_end}"


def importing(module_end: str) -> str:
    """Documents that import a module whose name ends so, or something of this name."""
    return f"i:{module_end}"


def module_ends(module: str) -> set[str]:
    """The last name of a module, however its language writes it; `.` for this directory and those above."""
    last = module.replace("\\", "/").rstrip("/").rpartition("/")[2]
    if not last.strip("."):
        return {"."}
    stem = last.partition(".")[0]
    return {each for each in (last, stem, last.rpartition(".")[2], last.rpartition("::")[2]) if each}


def beginning(key: str) -> str:
    """The part of a key in front of a second name; empty for keys of one name."""
    return key[: key.find("\t") + 1]


def keys_of(document: Document) -> set[str]:
    """All keys of a document."""
    code = document.code
    type_names = TypeNames(document)
    vague = [each for each in code.references if each.name.startswith(UNKNOWN)]
    known = {each.name for each in code.declarations}
    known |= {name for each in code.bindings for name in (each.local, each.name)}
    known |= {plain(segments(each.name)[-1]) for each in vague}
    keys = {guess(name) for each in vague if (name := guessed_by(each))}
    paths = [
        (each, [*map(plain, _outward(document, each))])
        for each in code.references
        if not each.name.startswith(UNKNOWN)
    ]
    inner = {each for _, path in paths for each in path[:-1]}
    for reference, path in paths:
        *first, last = path
        if path[0] in type_names.imported and path[0] == plain(segments(reference.name)[0]):
            first, last = first[1:], last if first else ""
        if last not in inner and (types := type_names.of_variable(reference)):
            keys.update(member(last) + each for each in types)
        elif last:
            keys.add(mention(last))
        if reference.kind == "inherit":
            keys.add(base(path[-1]))
        keys.update(mention(each) for each in first if each in known or each[:1].isupper())
    for binding in code.bindings:
        keys |= _keys_of_binding(binding)
        if document.language in PYTHON and binding.module and binding.name in (binding.local, "*"):
            keys.add(imported(binding.name) + (binding.module.rpartition(".")[2] or "."))
    keys.update(standing(name) + other for name, other in standing_for(document))
    return keys


def _outward(document: Document, reference: Reference) -> Sequence[str]:
    """The path of a reference, without a member of the present instance that its own type declares: this
    leads to no other document."""
    path = segments(reference.name)
    own = _OWN.get(document.language or "")
    if len(path) > 1 and path[0] == own and reference.kind != "inherit":
        around = document.type_around(reference.source)
        if around != OUTSIDE and (around, plain(path[1])) in document.children:
            return path[2:] or [""]
    return path


def _keys_of_binding(binding: Binding) -> set[str]:
    ends = module_ends(binding.module)
    keys = {importing(end) for end in ends}
    if binding.name not in ("", "*"):
        keys.add(importing(binding.name))
        if binding.local not in ("", binding.name):
            keys.add(renaming(binding.name))
    if binding.name in ("", DEFAULT, "*") and binding.local:
        keys |= {unnamed(end) for end in ends}
    if binding.local:
        keys.add(importing(binding.local))
    return keys
