"""In: paths. Out: the hashes of the contents that the index describes."""

from collections.abc import Mapping, Sequence

from archon.contracts.imports import normal
from archon.references.project import Project


def contents_of(project: Project, paths: Sequence[str]) -> Mapping[str, str]:
    """By path as given; paths without a document are left out."""
    found = {}
    for path in paths:
        for number in project.layout.at_path(normal(path)):
            found[path] = project.store.document(number).content_hash
    return found
