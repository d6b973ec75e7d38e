"""In: Java imports. Out: places of the classes' files, which are named after the classes (JLS 7.6)."""

from collections.abc import Sequence

from archon.contracts.imports.family import Found, Sought, common, tails, without_suffix


class Java:
    name = "java"

    def place(self, path: str) -> str:
        return without_suffix(path)

    def module(self, path: str, target: str) -> str:
        """The outermost class: nested classes and static members are in the same file."""
        parts = target.split(".")
        for position, part in enumerate(parts):
            if part[:1].isupper():
                return ".".join(parts[: position + 1])
        return target

    def sought(self, module: str, names: Sequence[str]) -> list[Sought]:
        """Empty for an import of a whole package."""
        return [] if module.endswith("*") else [Sought(module.replace(".", "/"), anywhere="." in module)]

    def aliases(self, path: str) -> set[str]:
        return set(tails(self.place(path), "."))

    def pick(self, paths: Sequence[str]) -> Sequence[str]:
        return paths

    def choose(self, found: Found) -> str | None:
        """The directory nearest to the importer, because modules of one build may have classes with the same
        name."""
        return max(found.prefixes, key=lambda each: (common(found.importer, each), each), default=None)
