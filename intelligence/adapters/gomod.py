"""In: a go.mod file. Out: its module name, and the required modules (Go Modules Reference)."""

import re
from typing import Final

from archon.contracts.text.lines import lines_of
from intelligence.adapters.outline import Outline

MODULE: Final = re.compile(r"""(?m)^[ \t]*module\s+["`]?([^\s"`]+)""")
REPLACED: Final = re.compile(
    r"""(?m)^[ \t]*(?:replace\s+)?["`]?([^\s"`(]+)["`]?(?:\s+v\S+)?\s+=>\s+["`]?([^\s"`]+)"""
)
"""The old path and the new one, which may be a directory."""
_REQUIRED: Final = re.compile(r"""(?:require\s+)?["`]?([^\s"`()]+)["`]?\s+v\d\S*""")


def read(text: str) -> Outline:
    found = Outline()
    block = ""
    for number, line in enumerate(lines_of(text), start=1):
        plain = line.partition("//")[0].strip()
        if match := MODULE.match(plain):
            found.add("module", match[1], number)
        elif plain.endswith("("):
            block = plain.removesuffix("(").strip()
        elif plain == ")":
            block = ""
        elif (block or plain.partition(" ")[0]) == "require" and (match := _REQUIRED.match(plain)):
            found.relate("imports", match[1], number)
    return found
