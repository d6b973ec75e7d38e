"""In: a symbol. Out: the names under which documents may refer to it, and the modules' names that lead to
its document.

The index only knows which documents mention a name; these are the names to look for.
"""

from collections.abc import Collection, Iterator
from pathlib import PurePosixPath

from archon.contracts.code.references import Binding
from archon.references.index.document import OUTSIDE, Document
from archon.references.index.keys import renaming, unnamed
from archon.references.index.layout import family_named
from archon.references.index.store import Key
from archon.references.project import Project
from archon.references.resolution.meaning import What


def names_of(project: Project, at: Key) -> frozenset[str]:
    """The symbol's own name, and those that imports and exports give it."""
    return project.memo.get(("names", at), lambda: _Names(project, at).all(), frozenset())


class _Names:
    """Follows imports that rename, from document to document."""

    def __init__(self, project: Project, at: Key) -> None:
        self._project = project
        self._at = at
        document = project.store.document(at[0])
        declaration = document.code.declarations[at[1]]
        self._names = {declaration.name, declaration.exported or declaration.name}
        self._carriers = [document] if declaration.exported == "default" else []
        self._importable = declaration.parent == OUTSIDE or declaration.exported is not None

    def all(self) -> frozenset[str]:
        if self._importable:
            seen: set[str] = set()
            while new := (self._names - seen) - {"default"}:
                seen |= new
                for name in sorted(new):
                    self._follow(renaming(name), {name})
            self._follow_defaults()
        return frozenset(self._names - {"default", ""})

    def _follow_defaults(self) -> None:
        followed: set[int] = set()
        while self._carriers:
            document = self._carriers.pop()
            if document.number in followed:
                continue
            followed.add(document.number)
            for end in ends_of(self._project, document):
                self._follow(unnamed(end), {"", "default"})

    def _follow(self, key: str, imported: Collection[str]) -> None:
        for document, binding in self._bindings(key):
            if binding.name not in imported:
                continue
            if binding.local not in self._names and self._leads_here(document, binding):
                self._names.add(binding.local)
                if binding.local == "default":
                    self._carriers.append(document)
            elif binding.local == binding.name == "default" and self._leads_here(document, binding):
                self._carriers.append(document)

    def _bindings(self, key: str) -> Iterator[tuple[Document, Binding]]:
        for number in self._project.store.with_keys([key]):
            document = self._project.store.document(number)
            for binding in document.code.bindings:
                if binding.local:
                    yield document, binding

    def _leads_here(self, document: Document, binding: Binding) -> bool:
        resolver = self._project.resolver
        found = resolver.symbols(resolver.rules(document).bound(document, binding))
        return any(each.what is What.SYMBOL and each.at == self._at for each in found)


def ends_of(project: Project, document: Document) -> frozenset[str]:
    """The last names under which a module's import may lead to the document."""
    path = PurePosixPath(document.path)
    family = family_named(document.language)
    parts = {each for part in path.parts for each in (part, part.partition(".")[0])}
    if family == "javascript":
        return frozenset(parts | _package_ends(project) | {".", "index"})
    if family == "go":
        return frozenset(parts | _module_ends(project))
    if family == "python":
        return frozenset({path.parent.name, "."} if path.stem == "__init__" else {path.stem})
    return frozenset({path.stem, path.parent.name, document.code.package.rpartition(".")[2]} - {""})


def _package_ends(project: Project) -> set[str]:
    """Last names of packages and of exact `paths`."""
    layout = project.layout
    found = {str(each.get("name", "")).rpartition("/")[2] for _, each in layout.settings_of("package")}
    for _, config in layout.settings_of("tsconfig"):
        for table in (config, config.get("compilerOptions") or {}):
            paths = table.get("paths") if isinstance(table, dict) else None
            names = paths if isinstance(paths, dict) else {}
            found |= {str(each).rpartition("/")[2] for each in names if "*" not in str(each)}
    return found - {""}


def _module_ends(project: Project) -> set[str]:
    modules = project.layout.settings_of("gomod")
    return {str(each.get("module", "")).rpartition("/")[2] for _, each in modules} - {""}
