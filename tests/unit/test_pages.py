"""Checks of the pages' commands that need no stack."""

import re
from pathlib import Path
from tempfile import mkdtemp

import pytest

from archon.cli.ingest.report import SNIPPET_LINES as PRINTED_LINES
from archon.cli.stack.env_file import exported
from archon.devstack.stack import Ports, environment
from archon.runtime.settings import Settings
from bridge.documents.search import SNIPPET_LINES
from tests.pages import OTHERS, PAGES, ROOT, SESSION, SHELL, TUTORIAL, commands, fences, parses

NAMES = set(exported(Path(), environment(Path(mkdtemp()), Ports()), Settings()))
OF_THE_SHELL = {"id", "url"}
"""Variables of a loop."""


@pytest.mark.parametrize("page", [*PAGES, TUTORIAL])
def test_every_block_says_what_it_holds(page: str) -> None:
    assert {tag for tag, _ in fences(page)} <= {SHELL, SESSION, *OTHERS}


@pytest.mark.parametrize("page", [*PAGES, TUTORIAL])
def test_commands_name_no_address_but_by_what_env_exports(page: str) -> None:
    found = commands(page)
    assert found
    for command in found:
        assert parses(command), command
        assert not re.search(r"localhost|127\.0\.0\.1|:\d{4}\b", command), command
        unquoted = re.sub(r"'[^']*'", "", command)
        assert set(re.findall(r"\$\{?([A-Za-z_]+)", unquoted)) <= NAMES | OF_THE_SHELL, command


@pytest.mark.parametrize("page", [*PAGES, TUTORIAL])
def test_every_curl_has_a_time_limit(page: str) -> None:
    for command in commands(page):
        for call in re.findall(r"\bcurl\b[^|;]*", command):
            assert re.search(r" -[A-Za-z]*m \d+| --max-time \d+", call), command


def test_the_page_of_search_counts_a_hits_lines_as_the_code_does() -> None:
    words = {4: "four", 12: "twelve"}
    text = (ROOT / "docs/search.md").read_text()
    assert f"the first {words[SNIPPET_LINES]} of its lines" in text
    assert f"prints the first {words[PRINTED_LINES]}" in text


LINKED = sorted(
    str(path.relative_to(ROOT))
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/*.md"))
)
NAMED = ("activities", "archon", "bridge", "deploy", "intelligence", "kafka_ingress", "workflows")
"""Places where messages and rules name pages."""


def anchors(page: Path) -> set[str]:
    """Anchors of its headings, as GitHub generates them."""
    text = re.sub(r"(?ms)^ *```.*?^ *```$", "", page.read_text())
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_somewhere(page: Path, anchor: str) -> bool:
    return page.exists() and (not anchor or anchor in anchors(page))


@pytest.mark.parametrize("page", LINKED)
def test_every_link_leads_somewhere(page: str) -> None:
    text = re.sub(r"(?ms)^ *```.*?^ *```$|`[^`\n]*`", "", (ROOT / page).read_text())
    for target, anchor in re.findall(r"\]\((?!https?:|mailto:)([^)#\s]*)#?([^)\s]*)\)", text):
        linked = (ROOT / page).parent / target if target else ROOT / page
        assert leads_somewhere(linked, anchor), f"{target}#{anchor}"


def test_every_page_that_the_code_names_is_there() -> None:
    found = {
        match
        for folder in NAMED
        for file in (ROOT / folder).rglob("*")
        if file.suffix in {".py", ".yaml", ".yml"}
        for match in re.findall(r"\bdocs/([\w-]+\.md)(?:#([\w-]+))?", file.read_text())
    }
    assert len(found) > 20
    for page, anchor in found:
        assert leads_somewhere(ROOT / "docs" / page, anchor), f"{page}#{anchor}"


def test_every_threat_names_its_tests() -> None:
    _, _, section = (ROOT / "docs/security.md").read_text().partition("\n## What stops whom\n")
    rows = re.findall(r"^\| (?!attacker).*", section.partition("\n## ")[0], re.MULTILINE)
    assert len(rows) > 10
    for row in rows:
        tests = re.findall(r"\]\(\.\./(tests/[^)]+)\)(?:, `(\w+)`)?", row)
        assert tests, row
        for path, name in tests:
            text = (ROOT / path).read_text()
            assert "pytest.mark.threat" in text, path
            assert re.search(rf"def test_\w*{name}", text), row
