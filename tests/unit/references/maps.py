"""In: short notes of what a document says. Out: changed documents and projects, without a parser."""

from collections.abc import Iterable, Mapping, Sequence

from archon.contracts.code.answers import Freshness
from archon.contracts.code.packing import pack
from archon.contracts.code.references import Binding, CodeMap, Declaration, Reference, Typed
from archon.contracts.identity import content_hash, document_id, language_of
from archon.references.answers.pages import Page
from archon.references.answers.relations import Around, callees_of, callers_of
from archon.references.port import ChangedDocument, Changes
from archon.references.project import Project

FRESH = Freshness(documents=0, waiting=0, unanalysed=0)


def document(  # noqa: PLR0917  short notes
    path: str,
    declared: Sequence[str] = (),
    referred: Sequence[str] = (),
    bound: Sequence[str] = (),
    typed: Sequence[str] = (),
    package: str = "",
    settings: str = "",
    language: str | None = None,
) -> ChangedDocument:
    """`declared`: `class Store`, `method Store.save -> Other`, with ` as name` for another exported
    name (`as -` for none). `referred`: `call self.save in Store.open`. `bound`: `local = module name`,
    with `export ` before it. `typed`: `client: Client in main`, `client = Client in main`, `client :=
    self.client in main` (the same value)."""
    names = [each.split(" -> ")[0].split(" as ")[0].split(" ", 1)[1] for each in declared]
    first = len(referred) + 1

    def at(name: str) -> int:
        return len(names) - 1 - names[::-1].index(name) if name else -1

    declarations = []
    for position, each in enumerate(declared):
        head, _, returns = each.partition(" -> ")
        head, _, alias = head.partition(" as ")
        kind, name = head.split(" ", 1)
        parent = name.rpartition(".")[0]
        last = name.rpartition(".")[2]
        inside = at(parent) if parent in names else -1
        exported = None if alias == "-" or inside != -1 else alias or last
        ordinal = sum(
            1 for other in declared[:position] if other.split(" -> ")[0].split(" as ")[0] == f"{kind} {name}"
        )
        start = 1000 * position + 1000
        declarations.append(
            Declaration(kind, last, name, ordinal, start, start + 10, inside, returns or None, exported)
        )
    references = []
    for line, each in enumerate(referred, 1):
        what, _, inside = each.partition(" in ")
        kind, name = what.split(" ", 1)
        references.append(Reference(kind, name, line, at(inside)))
    del first
    code = CodeMap(
        declarations,
        references,
        [_binding(line, each) for line, each in enumerate(bound, 1)],
        [_typed(each, at) for each in typed],
        package,
        settings,
    )
    return changed(path, pack(code), language)


def changed(
    path: str, packed: str | None, language: str | None = None, name: str | None = None
) -> ChangedDocument:
    identity, _ = document_id("p", None, name or path)
    return ChangedDocument(identity, path, language or language_of(path), content_hash(repr(packed)), packed)


def _binding(line: int, note: str) -> Binding:
    exported = note.startswith("export ")
    local, _, rest = note.removeprefix("export ").partition(" = ")
    module, _, name = rest.partition(" ")
    return Binding("" if local == "-" else local, "" if module == "-" else module, name, line, exported)


def _typed(note: str, at) -> Typed:
    what, _, inside = note.partition(" in ")
    if " := " in what:
        name, _, kind = what.partition(" := ")
        return Typed(name, kind, at(inside), False, True)
    made = " = " in what
    name, _, kind = what.partition(" = " if made else ": ")
    return Typed(name, kind, at(inside), made)


def project(*documents: ChangedDocument) -> Project:
    found = Project("p")
    found.apply(Changes(documents, [], "1", FRESH))
    return found


def around(depth: int = 1, least: float = 0.0) -> Around:
    return Around(depth, least, Page(1000))


def called_by(
    index: Project, name: str, depth: int = 1, least: float = 0.0
) -> Mapping[str, tuple[str, float]]:
    """Qualified names of callers (paths for documents), each with how and confidence."""
    return _short(callers_of(index, name, around(depth, least)).relations)


def calls(index: Project, name: str, depth: int = 1, least: float = 0.0) -> Mapping[str, tuple[str, float]]:
    return _short(callees_of(index, name, around(depth, least)).relations)


def _short(relations: Iterable) -> Mapping[str, tuple[str, float]]:
    return {
        each.symbol.qualified_name if each.symbol else each.file_path: (
            each.sites[0].how.value,
            each.confidence,
        )
        for each in relations
    }
