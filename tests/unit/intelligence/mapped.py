"""In: a source. Out: what its code map says, in short lines that a test can compare."""

from archon.contracts.code.references import CodeMap
from intelligence.analysis.code import relationships
from intelligence.references.extraction import code_map
from intelligence.syntax.grammar import grammars
from intelligence.syntax.tree import parse


def mapped(language: str, source: str) -> CodeMap:
    tree = parse(source, language, grammars()[language])
    return code_map(tree, relationships(tree))


def references(language: str, source: str) -> set[str]:
    """`kind name`, of all references."""
    return {f"{each.kind} {each.name}" for each in mapped(language, source).references}


def placed(language: str, source: str) -> list[str]:
    """`line kind name @ declaration around it`, in order."""
    found = mapped(language, source)
    names = {-1: "", **{n: each.qualified_name for n, each in enumerate(found.declarations)}}
    return [f"{each.line} {each.kind} {each.name} @{names[each.source]}" for each in found.references]


def bindings(language: str, source: str) -> list[str]:
    """`local = module : name`, with a mark if exported."""
    return [
        f"{each.local} = {each.module} : {each.name}{' !' if each.exported else ''}"
        for each in mapped(language, source).bindings
    ]


def typed(language: str, source: str) -> set[str]:
    """`name: type @ declaration`; `type()` if a call makes it, `=path` for the value of a path."""
    found = mapped(language, source)
    names = {-1: "", **{n: each.qualified_name for n, each in enumerate(found.declarations)}}
    return {
        f"{each.name}: {'=' * each.value}{each.type}{'()' * each.made} @{names[each.source]}"
        for each in found.typed
    }


def declared(language: str, source: str) -> list[str]:
    """`kind qualified name`, with the result type and the exported name if there are any."""
    return [
        f"{each.kind} {each.qualified_name}"
        + (f" -> {each.returns}" if each.returns else "")
        + (f" !{each.exported}" if each.exported else "")
        for each in mapped(language, source).declarations
    ]
