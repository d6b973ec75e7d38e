"""In: names in documents of a language without rules of its own. Out: symbols of that language by name.

The nearer a symbol is, the likelier it is meant: in the document, in its package, in its directory, anywhere.
"""

from collections.abc import Sequence
from pathlib import PurePosixPath

from archon.contracts.code.answers import How
from archon.contracts.code.references import Binding
from archon.references.index.document import OUTSIDE, Document
from archon.references.index.layout import family_named
from archon.references.resolution.meaning import CONFIDENCE, EXTERNAL, Meaning, Meanings, What, shared
from archon.references.resolution.scoped import Scoped


class Others(Scoped):
    """Places are not known: an import only has names."""

    own = ("self", "this", "Self", "$this", "static")
    constructors = ("constructor", "initialize", "__construct", "init", "new")
    type_is_scope = True

    def settle(self, document: Document, positions: Sequence[int]) -> Sequence[int]:
        return positions

    def local(self, document: Document, scope: int, name: str) -> Meanings:
        found = super().local(document, scope, name)
        if not found and scope != OUTSIDE and document.is_type(scope):
            members = self.lookup.member((document.number, scope), name)
            found = [each for each in members if each.what is not What.EXTERNAL]
        return found

    def otherwise(self, document: Document, name: str) -> Meanings:
        found = self.lookup.by_name(document, name)
        near = self._near(document, found)
        return (
            shared([each._replace(how=How.SAME_PACKAGE, confidence=NEAR) for each in near]) if near else found
        )

    def _near(self, document: Document, meanings: Meanings) -> Meanings:
        """Those in the package or the directory of the document, if not all are."""
        package, directory = document.code.package, PurePosixPath(document.path).parent
        found = []
        for each in meanings:
            other = self.lookup.document(each.at[0])
            same = other.code.package == package if package else PurePosixPath(other.path).parent == directory
            found += [each] if same else []
        return found

    def bound(self, document: Document, binding: Binding) -> Meanings:
        if not binding.name:
            return ()
        found = self.lookup.by_name(document, binding.name)
        said = [each for each in found if self._fits(each, document, binding.module)]
        if not said:
            return (EXTERNAL,)
        return shared([each._replace(how=How.IMPORT, confidence=CONFIDENCE[How.IMPORT]) for each in said])

    def _fits(self, meaning: Meaning, document: Document, module: str) -> bool:
        """Whether the module's last name is in the package, the path or the qualified name of the symbol."""
        other = self.lookup.document(meaning.at[0])
        if family_named(other.language) != family_named(document.language):
            return False
        last = module.replace("\\", ".").replace("::", ".").replace("/", ".").rstrip(".").rpartition(".")[2]
        known = {
            *other.code.package.replace("\\", ".").replace("::", ".").split("."),
            *PurePosixPath(other.path).parts,
        }
        known |= {
            PurePosixPath(other.path).stem,
            *other.code.declarations[meaning.at[1]].qualified_name.split("."),
        }
        return last in known or last in {"crate", "super", "self"}


NEAR = 0.8
"""A name that one package or directory declares once, in a language whose scopes are not known here."""
