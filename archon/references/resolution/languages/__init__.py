"""In: families of languages. Out: the rules by which each looks names up."""

from collections.abc import Mapping

from archon.references.resolution.languages.go import Go
from archon.references.resolution.languages.java import Java
from archon.references.resolution.languages.javascript import JavaScript
from archon.references.resolution.languages.others import Others
from archon.references.resolution.languages.python import Python
from archon.references.resolution.rules import Lookup, Rules


def rules_by_family(lookup: Lookup) -> Mapping[str, Rules]:
    """The empty name stands for all other families."""
    return {
        "python": Python(lookup),
        "javascript": JavaScript(lookup),
        "go": Go(lookup),
        "java": Java(lookup),
        "": Others(lookup),
    }
