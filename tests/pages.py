"""In: the pages that operators read. Out: their shell commands, in the order of the pages."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = (
    "docs/runbooks.md",
    "docs/operations.md",
    "docs/failures.md",
    "docs/backfill.md",
    "README.md",
    "docs/deletion.md",
)
"""The one that deletes comes last."""
TUTORIAL: Final = "docs/tutorial.md"
"""On a stack of its own, as its commands build on each other: tests/e2e/test_tutorial.py."""
SHELL: Final = "sh"
SESSION: Final = "console"
"""Commands behind a prompt, and what they print."""
OTHERS: Final = frozenset({"yaml", "json", "cypher", "esql", "text"})
_FENCE: Final = re.compile(r"^ *```(\S*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_SPAN: Final = re.compile(r"`([^`]+)`")
_IN_LINE: Final = re.compile(r"(curl|temporal|enrich) \S+ ?")


def fences(page: str) -> list[tuple[str, str]]:
    """Each fenced block with its language tag."""
    return _FENCE.findall((ROOT / page).read_text())


def commands(page: str) -> list[str]:
    """Commands of the fenced blocks, each curl in sentences and tables, and all commands of the runbooks."""
    found: list[str] = []
    for tag, text in fences(page):
        if tag == SHELL:
            found += whole(text.splitlines())
        elif tag == SESSION:
            found += [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ")]
    spans = _SPAN.findall(_FENCE.sub("", (ROOT / page).read_text()))
    for span in (" ".join(each.split()) for each in spans):
        if _IN_LINE.match(span) and (span.startswith("curl -") or page == PAGES[0]):
            found.append(span)
    return list(dict.fromkeys(found))


def whole(lines: list[str]) -> Iterator[str]:
    """Lines joined until they are whole commands."""
    begun = ""
    for line in lines:
        begun = f"{begun}\n{line}" if begun else line
        if begun.strip() and not begun.rstrip().endswith(("\\", "|")) and parses(begun):
            yield begun.strip()
            begun = ""
    assert not begun.strip(), f"no whole command: {begun}"


def dependencies(service: str) -> set[str]:
    """The mandatory dependencies of a service, from the table of operations.md."""
    text = (ROOT / "docs/operations.md").read_text()
    found = re.search(rf"^\| {service}, \d+ \| (.*) \|$", text, re.MULTILINE)
    assert found is not None
    return set(_SPAN.findall(found[1]))


def parses(command: str) -> bool:
    """Whether the shell can parse it."""
    return subprocess.run(["bash", "-n", "-c", command], capture_output=True, check=False).returncode == 0
